"""Transfers by a phone: blind (REFER) and attended (REFER with Replaces).

Trunk legs live on and keep their payer.
"""

from __future__ import annotations

from simulator import announcements
from simulator.calls import CallState, SimulatedCall
from simulator.channel import Channel, Headers
from simulator.exchange import Exchange


def blind_transfer(exchange: Exchange, call: SimulatedCall, target: str) -> None:
    """The phone of a call in progress sends the other side to `target` and leaves.

    The call is then dialling again, with the side that stayed as its channel `a`; or it is over,
    if the phone's extension is locked and the target is outside.
    """
    phone, stays = _sides(call)
    payer = phone.extension
    assert payer is not None
    stays.context, stays.exten = "from-phones", target
    exchange.emit(
        "BlindTransfer",
        "call",
        [("Result", "Success")],
        phone.snapshot("Transferer"),
        stays.snapshot("Transferee"),
        _bridge("Bridge", stays.bridge_id),
        [("IsExternal", "Yes"), ("Context", "from-phones"), ("Extension", target)],
    )
    announcements.unbridge(exchange, stays, phone)
    announcements.soft_hangup(exchange, phone)
    exchange.drop(phone, 16)
    call.a, call.b, call.state, call.number = stays, None, CallState.DIALLING, target
    kind = exchange.kind_of(target)
    call.kind = kind
    exchange.route(call, kind, target, None, payer)


def attended_transfer(exchange: Exchange, first: SimulatedCall, second: SimulatedCall) -> None:
    """A phone with two calls in progress connects their other sides.

    `first` goes on, `second` is over.
    """
    phone, stays = _sides(first)
    consulting, target = _sides(second)
    if consulting.extension != phone.extension:
        raise ValueError(f"calls {first.ident} and {second.ident} do not belong to one phone")
    exchange.emit("BridgeLeave", "call", stays.snapshot())
    exchange.emit("BridgeLeave", "call", consulting.snapshot())
    stays.bridge_id, old_bridge_id = target.bridge_id, stays.bridge_id
    exchange.emit("BridgeEnter", "call", stays.snapshot())
    exchange.emit(
        "AttendedTransfer",
        "call",
        [("Result", "Success")],
        phone.snapshot("OrigTransferer"),
        _bridge("OrigBridge", old_bridge_id),
        consulting.snapshot("SecondTransferer"),
        _bridge("SecondBridge", target.bridge_id),
        stays.snapshot("Transferee"),
        target.snapshot("TransferTarget"),
        [("IsExternal", "No"), ("DestType", "Bridge"), ("DestBridgeUniqueid", target.bridge_id)],
    )
    for leaving in (phone, consulting):
        announcements.soft_hangup(exchange, leaving)
        exchange.drop(leaving, 16)
    # Seen on both versions: the channel that was consulted takes over the first call's Linkedid.
    target.linkedid = stays.linkedid
    first.a, first.b = stays, target
    second.state = CallState.ENDED
    exchange.calls.pop(second.ident, None)


def _sides(call: SimulatedCall) -> tuple[Channel, Channel]:
    """The phone that transfers and the side that stays."""
    if call.state is not CallState.TALKING or call.b is None:
        raise ValueError(
            f"call {call.ident} is {call.state}: only a call in progress is transferred"
        )
    if call.a.extension is not None:
        return call.a, call.b
    if call.b.extension is not None:
        return call.b, call.a
    raise ValueError(f"call {call.ident} has no phone that could transfer it")


def _bridge(prefix: str, bridge_id: str) -> Headers:
    return [
        (f"{prefix}Uniqueid", bridge_id),
        (f"{prefix}Type", "basic"),
        (f"{prefix}Technology", "simple_bridge"),
        (f"{prefix}Name", "<unknown>"),
        (f"{prefix}NumChannels", "2"),
        (f"{prefix}VideoSourceMode", "none"),
    ]
