"""What is wished for a call: how much further talk, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from math import ceil

from balance.holds import Pricing, SliceTerms, Wish
from rtbill.credit.call_bounds import Bound, Priced
from rtbill.credit.control import CreditControl
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.hold import Hold
from rtbill.domain.numbering import CalledNumber
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place
from rtbill.pricing.site_hook import NOBODY, Caller
from rtbill.rating.call_pricing import CallPricing, UnknownPricing


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
        limits = control.limits
        # What the guard takes away again is no talk.
        least_s = ceil(limits.guard_s) + 1
        self._terms = replace(slices, call_min_s=max(slices.call_min_s, least_s))
        self._terms_unrated = replace(
            slices, call_min_s=least_s, call_max_s=limits.unrated_talk_max_s
        )
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
        priced: Priced | None = None,
    ) -> Wish:
        """For a call that is about to be dialled, or just was; `priced` is what is known of its
        price by the same facts.
        """
        account, bounds = state.account, self._control.bounds
        if priced is None or not self._assessor.is_fixed(account):
            priced = bounds.of(account, called, at, place, caller, key)
        pricing, terms = self._terms_of(state, priced.bound, priced.pricing)
        return Wish(key, call, pricing, terms, self._clock.now())

    def of_running(self, running: RunningCall) -> Wish:
        """For a call in progress."""
        key = running.key
        pricing, terms = self._prices(running, key)
        talked_s = max(0, int(self.talked_s(running)))
        return Wish(key, running.leg.id, pricing, terms, self._clock.now(), talked_s)

    def ends_s(self, running: RunningCall, micros: int, beyond_s: float) -> int | None:
        """Seconds from its answer that so much money pays; None when that is more than so many."""
        pricing, terms = self._prices(running, running.hold_key)
        account = self._directory.account(running.account)
        far_s = int(beyond_s) + 1
        # What one length of talk costs is soon told; the longest has to be searched for.
        may_be_far = far_s <= terms.call_max_s and self._assessor.is_fixed(account)
        if may_be_far and pricing.cost_micros(far_s) <= micros:
            return None
        found = pricing.affordable_s(micros, terms.call_max_s)
        return found if found <= beyond_s else None

    def is_priced(self, running: RunningCall, hold: Hold) -> bool:
        """Whether it is held for this leg, and is what the granted talk costs from the answer on.
        It was reckoned for the instant of the dialling, and prices change by the clock.
        """
        if hold.call != running.leg.id:
            return False
        pricing = self._control.priced(running, hold.key).pricing
        if not hold.granted_s or pricing is None:
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
        """Seconds by the clock of its exchange; none where that was set back behind its answer."""
        now = self._lines[running.leg.id.pbx].now(self._clock)
        return max(0.0, running.talked_s(now))

    def _prices(self, running: RunningCall, key: str) -> tuple[Pricing, SliceTerms]:
        state = self._directory.state(running.account)
        bound, pricing, _ = self._control.priced(running, key)
        return self._terms_of(state, bound, pricing)

    def _terms_of(
        self, state: AccountState, bound: Bound, pricing: CallPricing | None
    ) -> tuple[Pricing, SliceTerms]:
        if pricing is None:
            return UnknownPricing(state.grantable_micros > 0), self._terms_unrated
        terms, ends_s = self._terms, bound.seconds
        if ends_s is not None:
            terms = replace(terms, call_max_s=max(1, min(terms.call_max_s, ends_s)))
        return pricing, terms
