"""A call through the exchange, and how one can fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from simulator.channel import Channel
from simulator.trunks import Trunk


class CallKind(StrEnum):
    """Where the number that was asked for is."""

    OUT = "out"
    IN = "in"
    INTERNAL = "internal"
    EMERGENCY = "emergency"


class CallState(StrEnum):
    """How far a call has come."""

    DIALLING = "dialling"
    RINGING = "ringing"
    TALKING = "talking"
    VOICEMAIL = "voicemail"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Failure:
    """What the PBX says about a call that is not answered."""

    dial_status: str
    callee_cause: int
    caller_cause: int
    tech_cause: int | None
    """SIP code that came from the far end; Asterisk 22 shows it."""


FAILURES = {
    "busy": Failure("BUSY", 17, 17, 486),
    "congestion": Failure("CONGESTION", 34, 34, 503),
    "unallocated": Failure("NOANSWER", 1, 1, 404),
    "noanswer": Failure("NOANSWER", 0, 16, None),
    "cancel": Failure("CANCEL", 127, 127, 487),
}
"""Seen on Asterisk 16 and 22: an unallocated number shows as NOANSWER, only its cause tells."""


@dataclass(slots=True, kw_only=True, eq=False)
class SimulatedCall:
    """One call: the calling channel `a`, the called one `b`, and what has become of it."""

    ident: int
    kind: CallKind
    number: str
    """What was asked for, without the outside digit."""
    a: Channel
    b: Channel | None = None
    trunk: Trunk | None = None
    state: CallState = CallState.DIALLING
    started_us: int
    answered_us: int | None = None
    cut_by_timer: bool = False

    @property
    def is_over(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in (CallState.ENDED, CallState.REFUSED)

    @property
    def trunk_legs(self) -> list[Channel]:
        """The channels that are billed; two after a transfer from trunk to trunk."""
        sides = [side for side in (self.a, self.b) if side is not None]
        return [side for side in sides if "RTB_PAYER" in side.variables]

    def other(self, channel: Channel) -> Channel | None:
        """Who is on the other side."""
        return self.b if channel is self.a else self.a
