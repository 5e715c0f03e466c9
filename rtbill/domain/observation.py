"""What rtbill would have done at an exchange where it only looks on; kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ObservationKind(StrEnum):
    """What would have been done."""

    LOCK = "lock"
    """The account's extensions would have lost service: its money is gone."""
    OPEN = "open"
    """They would have got it back."""
    REFUSE = "refuse"
    """A call would have been ended while it was dialled."""
    CUT = "cut"
    """A call went on after the instant at which it would have been ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One act that was left undone, at one exchange."""

    key: str
    """Names the fact, `cut:hall/1782900000.12`: telling it again changes nothing."""
    kind: ObservationKind
    at: datetime
    """When it would have been done."""
    pbx: str
    account: str
    extension: str | None
    """None when it concerns several; the text names them."""
    call: str | None = None
    """`pbx/leg` of a call refused or cut."""
    beyond_us: int = 0
    """Microseconds of talk that it would not have had."""
    beyond_micros: int | None = None
    """What that talk cost; None when nothing was talked or the price is unknown."""
    currency: str | None = None
    text: str = ""
    """One sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationFilter:
    """Which observations to look at; None means all."""

    since: datetime | None = None
    """Those that would have been done from then on."""
    pbx: str | None = None
    account: str | None = None
    limit: int = 100
    """At most so many in a list; sums are over all of them."""


@dataclass(frozen=True, slots=True)
class PostedObservation:
    """An observation as the books hold it."""

    observation: Observation
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedTotals:
    """Observations in figures."""

    locks: int = 0
    """How often an account's extensions at one exchange would have been locked."""
    opens: int = 0
    refused: int = 0
    """Calls that would have been refused."""
    cut: int = 0
    """Calls that would have been cut, without those that would have been refused."""
    beyond_us: int = 0
    """Talk that neither of them would have had."""
    beyond_micros: Mapping[str, int] = field(default_factory=dict)
    """What that talk cost, by currency."""
