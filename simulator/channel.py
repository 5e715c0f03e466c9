"""Channels and the messages about them.

With headers in the order in which Asterisk 16 and 22 send them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

Headers = list[tuple[str, str]]

CHANNEL_VARIABLES = ("RTB_PAYER", "RTB_DEST", "RTB_ANSWERED")
"""What `channelvars` of manager.conf adds to every event of a channel."""

CAUSE_TEXTS = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    21: "Call Rejected",
    34: "Circuit/channel congestion",
    127: "Interworking, unspecified",
}


class ChannelState(IntEnum):
    """Asterisk's own numbers."""

    DOWN = 0
    RING = 4
    RINGING = 5
    UP = 6


STATE_TEXTS = {
    ChannelState.DOWN: "Down",
    ChannelState.RING: "Ring",
    ChannelState.RINGING: "Ringing",
    ChannelState.UP: "Up",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One AMI message: an event, a response or an item of a list."""

    headers: tuple[tuple[str, str], ...]
    privilege: str = ""
    """Class of an event, such as "call"; empty for answers, which no filter holds back."""

    @property
    def name(self) -> str:
        """The event's name, or empty."""
        key, value = self.headers[0]
        return value if key == "Event" else ""

    def text(self) -> str:
        """As on the wire, without the empty line at the end."""
        return "".join(f"{key}: {value}\r\n" for key, value in self.headers)

    def to_bytes(self) -> bytes:
        """As on the wire."""
        return (self.text() + "\r\n").encode("utf-8", "surrogateescape")


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """One leg inside the exchange."""

    name: str
    device: str
    """Technology and endpoint, as in DeviceStateChange: PJSIP/1001."""
    uniqueid: str
    linkedid: str
    created_us: int
    state: ChannelState
    account_code: str
    context: str
    exten: str
    number: str = "<unknown>"
    caller_name: str = "<unknown>"
    connected_number: str = "<unknown>"
    connected_name: str = "<unknown>"
    priority: int = 1
    extension: str | None = None
    """The phone's own number; None on a trunk."""
    application: str = ""
    application_data: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    bridge_id: str = ""
    timeout_at_us: int | None = None
    """When AbsoluteTimeout will cut it."""
    dialled_by_us: bool = False
    """Created by Dial(): its HangupRequest and its Status differ from the caller's side."""

    def snapshot(self, prefix: str = "") -> Headers:
        """The block of headers that describes a channel inside an event."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", str(int(self.state))),
            (f"{prefix}ChannelStateDesc", STATE_TEXTS[self.state]),
            (f"{prefix}CallerIDNum", self.number),
            (f"{prefix}CallerIDName", self.caller_name),
            (f"{prefix}ConnectedLineNum", self.connected_number),
            (f"{prefix}ConnectedLineName", self.connected_name),
            (f"{prefix}Language", "en"),
            (f"{prefix}AccountCode", self.account_code),
            (f"{prefix}Context", self.context),
            (f"{prefix}Exten", self.exten),
            (f"{prefix}Priority", str(self.priority)),
            (f"{prefix}Uniqueid", self.uniqueid),
            (f"{prefix}Linkedid", self.linkedid),
            *(
                (f"{prefix}ChanVariable", f"{variable}={self.variables.get(variable, '')}")
                for variable in CHANNEL_VARIABLES
            ),
        ]


def timestamp(instant_us: int) -> str:
    """Seconds with six digits, as `timestampevents = yes` prints them."""
    return f"{instant_us // 1_000_000}.{instant_us % 1_000_000:06d}"


def event(name: str, privilege: str, at_us: int | None, headers: Headers) -> Message:
    """An event as Asterisk opens it: name, privilege, and the time where events carry one."""
    opening: Headers = [("Event", name), ("Privilege", f"{privilege},all")]
    if at_us is not None:
        opening.append(("Timestamp", timestamp(at_us)))
    return Message((*opening, *headers), privilege)


def cause_headers(cause: int, tech_cause: int | None, *, with_text: bool) -> Headers:
    """Why a channel ended.

    Q.850 cause, its text, and on Asterisk 22 the SIP code where one came.
    """
    headers: Headers = [("Cause", str(cause))]
    if with_text:
        headers.append(("Cause-txt", CAUSE_TEXTS.get(cause, "Unknown")))
    if tech_cause is not None:
        headers.append(("TechCause", str(tech_cause)))
    return headers
