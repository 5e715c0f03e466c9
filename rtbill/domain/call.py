"""Calls as the biller sees them: one outgoing trunk leg each, keyed by exchange and leg."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.origin import NO_ORIGIN, Origin

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1970, 2100)
"""Of calls in somebody's record: another year is a slip of a clock, and cannot be reckoned with."""
DURATION_MAX_S = 10 * 366 * 86_400
"""Ten years: what lasts longer in somebody's record was no call."""
_MICROSECOND = timedelta(microseconds=1)


def epoch_us(instant: datetime) -> int:
    """Whole microseconds since 1970 in UTC; how the store keeps an instant."""
    since = instant - EPOCH
    # Not `since // _MICROSECOND`, which takes longer: each call is told by thirty such numbers.
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_epoch_us(microseconds: int) -> datetime:
    """The aware UTC instant that `epoch_us` came from."""
    return EPOCH + microseconds * _MICROSECOND


class CallId(NamedTuple):
    """One trunk leg of one exchange (CC-05): the same key from events, snapshot and files."""

    pbx: str
    leg: str
    """The exchange's own id: Asterisk's Uniqueid, FreeSWITCH's UUID."""

    def __str__(self) -> str:
        return f"{self.pbx}/{self.leg}"


class Outcome(StrEnum):
    """How a call came out."""

    ENDED = "ended"
    UNANSWERED = "unanswered"
    LIVE = "live"
    UNCONFIRMED = "unconfirmed"
    """Answered, then lost sight of: kept with its evidence until a record or a person settles it.
    """
    RECOVERED = "recovered"
    """Ended while the link was down; the exchange's own durable record told us."""


class Source(StrEnum):
    """Where the times of a call come from."""

    EVENTS = "events"
    STATUS = "status"
    OUTBOX = "outbox"


class CutBy(StrEnum):
    """What ended a call early on our account."""

    PBX_TIMER = "pbx_timer"
    BILLER = "biller"


class CallRecord(NamedTuple):
    """A call that is over (or in doubt), unpriced."""

    id: CallId
    payer: str | None
    """Extension that pays, as the exchange stamped it on the leg; None when it did not say."""
    dialled: str | None
    """Digits given to the trunk, before any normalising."""
    trunk: str
    """Trunk group the leg left by."""
    answered_at: datetime | None
    ended_at: datetime
    cause: int | None
    """Q.850 cause of the hang-up, where known."""
    outcome: Outcome
    source: Source
    cut_by: CutBy | None = None
    evidence: str = ""
    """Why an unconfirmed call is in doubt, in words for the operator."""
    origin: Origin = NO_ORIGIN

    @property
    def talk_us(self) -> int:
        """Answer to hang-up in whole microseconds; 0 when unanswered; never negative (a clock may
        step).
        """
        if self.answered_at is None:
            return 0
        return max(0, (self.ended_at - self.answered_at) // _MICROSECOND)
