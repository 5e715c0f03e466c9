"""What is wished for a call: how much further talk, on what terms, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil

from balance.holds import Pricing, SliceTerms, Wish
from rtbill.assessment import Assessor
from rtbill.assignment import Place
from rtbill.call_bounds import Bound
from rtbill.credit import CreditControl, RunningCall
from rtbill.domain.account import Account, AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.hold import Hold
from rtbill.domain.numbering import CalledNumber
from rtbill.lines import Line
from rtbill.ports import Clock
from rtbill.rating.call_pricing import UnknownPricing


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """How holds are made and kept."""

    slices: SliceTerms = field(default_factory=SliceTerms)
    ring_max_s: float = 130.0
    """A hold whose call nobody sees is given up after so long."""
    commit_max_s: float = 2.0
    """A call that has no durable hold by then goes by the policy for a silent rtbill (CC-52)."""
    calls_max: Callable[[AccountState], int] = lambda _state: 0
    """Calls of the account that may be out at once; 0 for any number."""
    is_open: Callable[[Account], bool] = lambda _account: False
    """Whether calls of the account go on when nothing can be held."""


class Wishes:
    """Makes them from the accounts and prices as they now stand."""

    def __init__(  # noqa: PLR0913 - Holdings hands over each collaborator once
        self,
        directory: Directory,
        assessor: Assessor,
        control: CreditControl,
        slices: SliceTerms,
        lines: Mapping[str, Line],
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._assessor = assessor
        self._control = control
        self._slices = slices
        self._lines = lines
        self._clock = clock

    def of_new(  # noqa: PLR0913 - the facts of one call
        self,
        state: AccountState,
        key: str,
        call: CallId | None,
        called: CalledNumber,
        at: datetime,
        place: Place,
    ) -> Wish:
        """For a call that is about to be dialled, or just was."""
        bound = self._control.bounds.of(state.account, called, at, place)
        pricing, terms = self._prices(state, called, at, place, bound)
        return Wish(key=key, call=call, pricing=pricing, terms=terms, at=self._clock.now())

    def of_running(self, running: RunningCall) -> Wish:
        """For a call in progress."""
        state = self._directory.state(running.account)
        leg = running.leg
        assert leg.answered_at is not None
        pricing, terms = self._prices(
            state, running.called, leg.answered_at, running.place, running.bound
        )
        return Wish(
            key=running.hold_key or str(leg.id),
            call=leg.id,
            pricing=pricing,
            terms=terms,
            at=self._clock.now(),
            talked_s=max(0, int(self.talked_s(running))),
        )

    def is_priced(self, running: RunningCall, hold: Hold) -> bool:
        """Whether what is held is what the granted talk costs from the call's answer on. It was
        reckoned for the instant at which the call was dialled, and prices change by the clock.
        """
        state, leg = self._directory.state(running.account), running.leg
        assert leg.answered_at is not None
        try:
            pricing = self._assessor.pricing(
                state.account, running.called, leg.answered_at, running.place
            )
        except NoRate:
            return True  # nothing can be set aside
        return not hold.granted_s or pricing.cost_micros(hold.granted_s) == hold.micros

    def talked_s(self, running: RunningCall) -> float:
        """By the clock of its exchange."""
        return running.talked_s(self._clock.now() - self._lines[running.leg.id.pbx].clock_ahead)

    def _prices(
        self,
        state: AccountState,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        bound: Bound,
    ) -> tuple[Pricing, SliceTerms]:
        limits, terms = self._control.limits, self._slices
        if bound.seconds is not None:
            terms = replace(terms, call_max_s=max(1, min(terms.call_max_s, bound.seconds)))
        pricing: Pricing
        try:
            pricing = self._assessor.pricing(state.account, called, answered_at, place)
        except NoRate:
            pricing = UnknownPricing(state.grantable_micros > 0)
            terms = replace(terms, call_min_s=0, call_max_s=limits.unrated_talk_max_s)
        # What the guard takes away again is no talk.
        return pricing, replace(terms, call_min_s=max(terms.call_min_s, ceil(limits.guard_s) + 1))
