"""AMI messages as text, for tables of events."""

from __future__ import annotations

from adapters.asterisk.wire import Message, Reader

BASE_S = 1_795_356_000
"""The whole seconds that every time of these tables begins with."""


def messages(text: str) -> list[Message]:
    """Blocks of headers, divided by empty lines, as the wire reader gives them."""
    blocks = [block.strip() for block in text.strip().split("\n\n")]
    stream = "".join(
        "\r\n".join(line.strip() for line in block.splitlines()) + "\r\n\r\n" for block in blocks
    )
    return Reader().feed(stream.encode())


def stamp(seconds: float) -> str:
    """An AMI Timestamp so many seconds after the base."""
    return f"{BASE_S + seconds:.6f}"


def dial_begin(
    leg: str = "1.2",
    channel: str = "PJSIP/carrier-00000001",
    *,
    at: float = 0.0,
    payer: str = "1001",
    dest: str = "5551234",
    dial_string: str = "5551234@carrier",
    caller: str = "PJSIP/1001-00000000",
    forwarder: str = "",
    origin: str = "",
) -> str:
    return f"""
        Event: DialBegin
        Privilege: call,all
        Timestamp: {stamp(at)}
        Channel: {caller}
        Uniqueid: 1.1
        DestChannel: {channel}
        DestUniqueid: {leg}
        DestChanVariable: RTB_PAYER={payer}
        DestChanVariable: RTB_DEST={dest}
        DestChanVariable: RTB_ANSWERED=
        DestChanVariable: RTB_ORIGIN={origin}
        DestChanVariable: FORWARDERNAME={forwarder}
        DialString: {dial_string}
        """


def newstate(
    leg: str = "1.2",
    state: int = 6,
    *,
    at: float = 1.0,
    payer: str = "1001",
    dest: str = "5551234",
    origin: str = "",
) -> str:
    return f"""
        Event: Newstate
        Privilege: call,all
        Timestamp: {stamp(at)}
        Channel: PJSIP/carrier-00000001
        ChannelState: {state}
        ChannelStateDesc: Whatever
        Uniqueid: {leg}
        ChanVariable: RTB_PAYER={payer}
        ChanVariable: RTB_DEST={dest}
        ChanVariable: RTB_ANSWERED=
        ChanVariable: RTB_ORIGIN={origin}
        """


def hangup(
    leg: str = "1.2",
    *,
    at: float = 3.0,
    cause: str = "16",
    channel: str = "PJSIP/carrier-00000001",
    payer: str = "1001",
    dest: str = "5551234",
    answered: str = "",
    origin: str = "",
) -> str:
    return f"""
        Event: Hangup
        Privilege: call,all
        Timestamp: {stamp(at)}
        Channel: {channel}
        Uniqueid: {leg}
        ChanVariable: RTB_PAYER={payer}
        ChanVariable: RTB_DEST={dest}
        ChanVariable: RTB_ANSWERED={answered}
        ChanVariable: RTB_ORIGIN={origin}
        Cause: {cause}
        Cause-txt: Whatever
        """


def status(
    leg: str = "1.2",
    *,
    channel: str = "PJSIP/carrier-00000001",
    state: int = 6,
    application: str = "AppDial",
    payer: str = "1001",
    dest: str = "5551234",
    answered: str = "",
    origin: str = "",
    linked: str = "",
    action_id: str = "x",
) -> str:
    return f"""
        Event: Status
        Channel: {channel}
        ChannelState: {state}
        Uniqueid: {leg}
        Linkedid: {linked}
        ChanVariable: RTB_PAYER={payer}
        ChanVariable: RTB_DEST={dest}
        ChanVariable: RTB_ANSWERED={answered}
        Application: {application}
        Variable: RTB_PAYER={payer or "(null)"}
        Variable: RTB_ANSWERED={answered or "(null)"}
        Variable: RTB_ORIGIN={origin or "(null)"}
        ActionID: {action_id}
        """


def row(key: str, value: str, *, action_id: str = "x") -> str:
    return f"""
        Event: DBGetTreeResponse
        Key: {key}
        Val: {value}
        ActionID: {action_id}
        """
