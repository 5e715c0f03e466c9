"""What is wished for a call: how much further talk, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from math import ceil

from balance.holds import Pricing, SliceTerms, Wish
from rtbill.assessment import Assessor
from rtbill.assignment import Place
from rtbill.call_bounds import Bound
from rtbill.credit import CreditControl
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.hold import Hold
from rtbill.domain.numbering import CalledNumber
from rtbill.lines import Line
from rtbill.ports import Clock
from rtbill.rating.call_pricing import UnknownPricing
from rtbill.running_call import RunningCall
from rtbill.site_hook import NOBODY, Caller


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
        caller: Caller = NOBODY,
    ) -> Wish:
        """For a call that is about to be dialled, or just was."""
        bound = self._control.bounds.of(state.account, called, at, place, caller)
        pricing, terms = self._prices(state, called, at, place, bound, key, caller)
        return Wish(key=key, call=call, pricing=pricing, terms=terms, at=self._clock.now())

    def of_running(self, running: RunningCall) -> Wish:
        """For a call in progress."""
        state = self._directory.state(running.account)
        leg = running.leg
        assert leg.answered_at is not None
        key = running.hold_key or str(leg.id)
        pricing, terms = self._prices(
            state,
            running.called,
            leg.answered_at,
            running.place,
            self._control.bound_of(running),
            key,
            running.caller,
        )
        return Wish(
            key=key,
            call=leg.id,
            pricing=pricing,
            terms=terms,
            at=self._clock.now(),
            talked_s=max(0, int(self.talked_s(running))),
        )

    def affordable_s(self, running: RunningCall, micros: int) -> int:
        """Seconds from its answer that so much money pays."""
        wish = self.of_running(running)
        return wish.pricing.affordable_s(micros, wish.terms.call_max_s)

    def is_priced(self, running: RunningCall, hold: Hold) -> bool:
        """Whether what is held is what the granted talk costs from the call's answer on. It was
        reckoned for the instant at which the call was dialled, and prices change by the clock.
        """
        pricing = self.of_running(running).pricing
        if not hold.granted_s or isinstance(pricing, UnknownPricing):
            return True  # nothing can be set aside
        return pricing.cost_micros(hold.granted_s) == hold.micros

    def at_their_end(self, state: AccountState) -> list[RunningCall]:
        """The account's calls that are granted all there was, the nearest to its end first."""
        final: list[tuple[float, RunningCall]] = []
        for hold in state.holds:
            if hold.is_final and hold.call is not None:
                running = self._control.find(hold.call)
                if running is not None and running.hold_key == hold.key:
                    final.append((hold.granted_s - self.talked_s(running), running))
        return [running for _, running in sorted(final, key=lambda each: each[0])]

    def talked_s(self, running: RunningCall) -> float:
        """By the clock of its exchange."""
        return running.talked_s(self._clock.now() - self._lines[running.leg.id.pbx].clock_ahead)

    def _prices(  # noqa: PLR0913 - the facts of one call
        self,
        state: AccountState,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        bound: Bound,
        key: str,
        caller: Caller,
    ) -> tuple[Pricing, SliceTerms]:
        limits, terms = self._control.limits, self._slices
        if bound.seconds is not None:
            terms = replace(terms, call_max_s=max(1, min(terms.call_max_s, bound.seconds)))
        pricing: Pricing
        try:
            pricing = self._assessor.pricing(state.account, called, answered_at, place, caller, key)
        except NoRate:
            pricing = UnknownPricing(state.grantable_micros > 0)
            terms = replace(terms, call_min_s=0, call_max_s=limits.unrated_talk_max_s)
        # What the guard takes away again is no talk.
        return pricing, replace(terms, call_min_s=max(terms.call_min_s, ceil(limits.guard_s) + 1))
