"""The events by which Asterisk tells of what its channels do.

Those a biller needs, and the noise around them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator.channel import Channel, Headers, cause_headers
from simulator.clock import US

if TYPE_CHECKING:
    from simulator.calls import SimulatedCall
    from simulator.switchboard import Switchboard


def new_channel(exchange: Switchboard, channel: Channel) -> None:
    """Newchannel, and for a caller the first step of the dialplan."""
    exchange.emit("Newchannel", "call", channel.snapshot())
    if not channel.dialled_by_us and channel.exten != "s":
        steps: Headers = [
            ("Extension", channel.exten),
            ("Application", "Gosub"),
            ("AppData", "rtb-out,s,1"),
        ]
        exchange.emit("Newexten", "dialplan", channel.snapshot(), steps)


def variable_set(exchange: Switchboard, channel: Channel, name: str) -> None:
    """A channel variable changed."""
    change: Headers = [("Variable", name), ("Value", channel.variables.get(name, ""))]
    exchange.emit("VarSet", "dialplan", channel.snapshot(), change)


def identity(exchange: Switchboard, channel: Channel) -> None:
    """Dial() told the new leg who it is."""
    presentation = [("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")]
    exchange.emit("NewCallerid", "call", channel.snapshot(), presentation)
    exchange.emit("NewAccountCode", "call", channel.snapshot(), [("OldAccountCode", "trunk")])
    connected_line(exchange, channel)


def connected_line(exchange: Switchboard, channel: Channel) -> None:
    """A channel learnt who is on the other side."""
    exchange.emit("NewConnectedLine", "call", channel.snapshot())


def hangup_handler(exchange: Switchboard, name: str, channel: Channel) -> None:
    """HangupHandlerPush or HangupHandlerRun of the trunk leg."""
    exchange.emit(name, "dialplan", channel.snapshot(), [("Handler", "rtb-hup,s,1")])


def dial(exchange: Switchboard, name: str, a: Channel, b: Channel, last: Headers) -> None:
    """DialBegin, DialState or DialEnd: caller, called, and what is said of them."""
    exchange.emit(name, "call", a.snapshot(), b.snapshot("Dest"), last)


def new_state(exchange: Switchboard, channel: Channel) -> None:
    """Newstate: Ringing or Up."""
    exchange.emit("Newstate", "call", channel.snapshot())


def device_state(exchange: Switchboard, device: str, state: str) -> None:
    """A phone or trunk as others see it."""
    exchange.emit("DeviceStateChange", "call", [("Device", device), ("State", state)])


def refused(exchange: Switchboard, channel: Channel, payer: str) -> None:
    """The dialplan refused an outside call."""
    dialled = channel.exten
    channel.context, channel.exten, channel.priority = "rtb-out", "s", 8
    told: Headers = [("UserEvent", "RtbillRefused"), ("Extension", payer), ("Dialled", dialled)]
    exchange.emit("UserEvent", "user", channel.snapshot(), told)
    channel.priority = 9


def bridge(exchange: Switchboard, first: Channel, second: Channel, bridge_id: str) -> None:
    """Two channels hear each other."""
    exchange.emit("BridgeCreate", "call", _bridge(bridge_id, 0))
    for count, channel in enumerate((first, second), start=1):
        channel.bridge_id = bridge_id
        exchange.emit("BridgeEnter", "call", _bridge(bridge_id, count), channel.snapshot())


def unbridge(exchange: Switchboard, *channels: Channel) -> None:
    """Two channels hear each other no more."""
    bridge_id = channels[0].bridge_id
    for count, channel in enumerate(channels, start=1):
        headers = _bridge(bridge_id, len(channels) - count)
        exchange.emit("BridgeLeave", "call", headers, channel.snapshot())
        channel.bridge_id = ""
    exchange.emit("BridgeDestroy", "call", _bridge(bridge_id, 0))


def _bridge(bridge_id: str, count: int) -> Headers:
    return [
        ("BridgeUniqueid", bridge_id),
        ("BridgeType", "basic"),
        ("BridgeTechnology", "simple_bridge"),
        ("BridgeCreator", "<unknown>"),
        ("BridgeName", "<unknown>"),
        ("BridgeNumChannels", str(count)),
        ("BridgeVideoSourceMode", "none"),
    ]


def hangup_request(
    exchange: Switchboard, channel: Channel, cause: int | None, tech_cause: int | None
) -> None:
    """One side asked to end the call."""
    causes: Headers = []
    if cause is not None:
        tech_cause = tech_cause if exchange.version >= 22 else None
        causes = cause_headers(cause, tech_cause, with_text=False)
    exchange.emit("HangupRequest", "call", channel.snapshot(), causes)


def soft_hangup(exchange: Switchboard, channel: Channel) -> None:
    """The exchange asks the caller's channel to end."""
    exchange.emit("SoftHangupRequest", "call", channel.snapshot(), [("Cause", "16")])


def hangup(exchange: Switchboard, channel: Channel, cause: int, tech_cause: int | None) -> None:
    """The channel is gone."""
    tech_cause = tech_cause if exchange.version >= 22 else None
    causes = cause_headers(cause, tech_cause, with_text=True)
    exchange.emit("Hangup", "call", channel.snapshot(), causes)


def cdr(exchange: Switchboard, call: SimulatedCall) -> None:
    """The exchange's own record, in whole seconds: for display, not for money."""
    ended_us = exchange.tick()
    answered_us = call.answered_us
    a, b = call.a, call.b
    talk_s = 0 if answered_us is None else (ended_us - answered_us) // US
    headers: Headers = [
        ("AccountCode", a.account_code),
        ("Source", a.number),
        ("Destination", a.exten),
        ("DestinationContext", a.context),
        ("CallerID", f'"{a.caller_name}" <{a.number}>'),
        ("Channel", a.name),
        ("DestinationChannel", b.name if b else ""),
        ("LastApplication", a.application),
        ("LastData", a.application_data),
        ("StartTime", _local_time(call.started_us)),
        ("AnswerTime", "" if answered_us is None else _local_time(answered_us)),
        ("EndTime", _local_time(ended_us)),
        ("Duration", str((ended_us - call.started_us) // US)),
        ("BillableSeconds", str(talk_s)),
        ("Disposition", "NO ANSWER" if answered_us is None else "ANSWERED"),
        ("AMAFlags", "DOCUMENTATION"),
        ("UniqueID", a.uniqueid),
        ("UserField", ""),
        ("LinkedID", a.linkedid),
        ("PeerAccount", b.account_code if b else ""),
        ("Sequence", str(call.ident)),
    ]
    exchange.emit("Cdr", "cdr", headers)


def _local_time(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us // US, UTC).strftime("%Y-%m-%d %H:%M:%S")
