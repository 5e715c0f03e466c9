"""What an exchange tells us, in our words. Every instant is the exchange's own, aware, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.call import CallId, CutBy
from rtbill.domain.origin import NO_ORIGIN, Origin
from rtbill.domain.refusal import Reason


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A trunk leg is being dialled."""

    id: CallId
    at: datetime
    payer: str | None
    dialled: str | None
    trunk: str
    let_out_by: str | None = None
    """A telephone's channel that sent the call to the trunk by itself: nobody was asked."""
    origin: Origin = NO_ORIGIN
    asked_by: str = ""
    """The channel that dials it, by the exchange's own id: the one that asked beforehand."""


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The far end answered: talk time begins. Payer and number are repeated as the leg now carries
    them.
    """

    id: CallId
    at: datetime
    payer: str | None
    dialled: str | None
    trunk: str
    origin: Origin = NO_ORIGIN


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The leg was hung up."""

    id: CallId
    at: datetime
    cause: int | None
    cut_by: CutBy | None
    payer: str | None
    dialled: str | None
    trunk: str
    answered_at: datetime | None
    """As stamped on the leg by the exchange; settles calls whose answer we did not see."""
    origin: Origin = NO_ORIGIN


@dataclass(frozen=True, slots=True)
class CallRefused:
    """An outside call was not dialled."""

    pbx: str
    at: datetime
    extension: str | None
    dialled: str | None
    reason: str = Reason.LOCKED
    """A word of Reason, or one that only the exchange knows."""
    channel: str | None = None
    """The caller's channel, where it is known: we may refuse, and the exchange then tells of it."""


@dataclass(frozen=True, slots=True)
class LiveLeg:
    """A trunk leg that a snapshot found in progress."""

    id: CallId
    payer: str | None
    dialled: str | None
    trunk: str
    answered_at: datetime | None
    """None while it still rings."""
    origin: Origin = NO_ORIGIN
    asked_by: str = ""
    """The channel that dialled it, as far as is known: the one that asked beforehand."""


@dataclass(frozen=True, slots=True)
class FinishedLeg:
    """A row of the exchange's own outbox: a call that ended, kept there until we acknowledge it."""

    id: CallId
    payer: str | None
    dialled: str | None
    trunk: str
    answered_at: datetime
    ended_at: datetime
    origin: Origin = NO_ORIGIN


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an exchange holds at one instant: legs in progress, finished rows, rows of legs that
    vanished.
    """

    pbx: str
    at: datetime
    live: tuple[LiveLeg, ...]
    finished: tuple[FinishedLeg, ...]
    vanished: tuple[LiveLeg, ...]
    """Marked as answered in the exchange's database, yet no such leg lives: the exchange crashed.
    """
    has_outbox: bool = True
    """False when finished and vanished could not be read."""
    made_s: float | None = None
    """Monotonic instant at which the exchange's clock showed `at`: it may have had to wait since.
    None: just now.
    """


@dataclass(frozen=True, slots=True)
class LinkLost:
    """We cannot hear the exchange. Nothing is closed, nothing is cut."""

    pbx: str
    at: datetime
    """The last byte heard: calls are proven alive up to here."""
    reason: str


@dataclass(frozen=True, slots=True)
class LinkRestored:
    """We hear the exchange (again), with all it holds. The first event of every connection."""

    pbx: str
    at: datetime
    snapshot: Snapshot
    started_at: datetime | None
    """When the exchange itself started, where it says so."""


@dataclass(frozen=True, slots=True)
class LinkTrouble:
    """The link works badly or cannot be opened: refused secret, missing rights, a frame we cannot
    read.
    """

    pbx: str
    at: datetime
    kind: str
    """A word for alarms and metrics: `login`, `rights`, `frame`, `unreachable`, `tls`,
    `snapshot`, `alive`, `settings`.
    """
    text: str
    """One sentence for the operator, with the remedy."""


PbxEvent = (
    CallStarted
    | CallAnswered
    | CallEnded
    | CallRefused
    | Snapshot
    | LinkLost
    | LinkRestored
    | LinkTrouble
)
