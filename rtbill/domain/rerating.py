"""Pricing again what stands in the books: what is chosen, and what a dry run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.rated import CallStatus, Position, RatedCall


class RunKind(StrEnum):
    """Which calls a run is about."""

    RERATE = "rerate"
    """Rated ones, whose price may be another now."""
    RECYCLE = "recycle"
    """Waiting ones, which may have a price now."""


class RunState(StrEnum):
    """How far a run is."""

    PLANNED = "planned"
    UNDER_WAY = "under way"
    """Begun, and not finished: being carried out, or stopped."""
    DONE = "done"
    DROPPED = "dropped"


RUN_MOVES: Mapping[RunState, frozenset[RunState]] = {
    RunState.PLANNED: frozenset({RunState.UNDER_WAY, RunState.DROPPED}),
    RunState.UNDER_WAY: frozenset({RunState.DONE, RunState.DROPPED}),
    RunState.DONE: frozenset(),
    RunState.DROPPED: frozenset(),
}
"""What a run may become; what was posted by a run that is dropped half-way stays posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which calls; None means all."""

    since: datetime | None = None
    """Answered from then on."""
    until: datetime | None = None
    """Answered before then."""
    account: str | None = None
    pbx: str | None = None
    trunk: str | None = None
    number_prefix: str | None = None
    """Of E.164 with the plus."""
    destination: str | None = None
    """As the tariff calls it, in any case of letters."""
    tariff: str | None = None
    """Priced by this tariff or price plan until now."""
    reason: CallStatus | None = None
    """Of waiting calls: unrated or unconfirmed."""
    in_trunk: str | None = None
    """Trunk group by which they had come in."""
    cause: int | None = None
    """Of Q.850, of their hang-up."""


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A call without a price, and where it stands."""

    position: Position
    call: RatedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a run does to one account."""

    account: str
    currency: str
    changed: int
    unpriced: int
    """Calls that have no rate now: they stay as they are."""
    old_micros: int
    """What the changed calls cost before."""
    new_micros: int
    is_done: bool = False

    @property
    def change_micros(self) -> int:
        """By how much the balance rises."""
        return self.old_micros - self.new_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One dry run, and its carrying out."""

    id: int
    kind: RunKind
    state: RunState
    made_at: datetime
    made_by: str
    moved_at: datetime
    """When it came to its state."""
    selection: Selection
    prices: str
    """Tells whether anything that prices depend on changed since."""
    newest_call: int
    """Row of the newest call that the dry run saw."""
    looked_at: int
    done: int = 0
    """Calls carried out so far."""
