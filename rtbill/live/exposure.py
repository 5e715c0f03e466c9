"""What accounts could spend beyond what they have, exchange by exchange, in money (CC-10, CC-40).

Calls that may only talk for what is held for them pass their bound by nothing else than

    late       a cut that comes later than the guard: as late as the worst one measured here, for
               every held call now in progress;
    start      in mode `reactive`, calls that are answered before they can be hung up: of every
               prepaid account as many at once as it may have out, each for the connect fee and the
               first increment of the dearest number there is a rate for;
    silent     while rtbill gives no answer and a class is then open: what its accounts may spend,
               though some of it is held for calls in progress.

Where limits are not enforced, or calls are told of only afterwards, there is no bound.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TypeVar
from weakref import WeakKeyDictionary

from rtbill.billing import Billing
from rtbill.credit.cuts import Lateness
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.running_call import RunningCall
from rtbill.credit.unaided import UnaidedRows
from rtbill.domain.account import AccountKind, AccountState
from rtbill.domain.errors import NoRate
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock
from rtbill.pricing.assignment import Place
from rtbill.rating.offer import Offer
from rtbill.rating.worst import OTHER, worst_prices

SLICE = 200
PRICED_SLICE = 20
"""Accounts looked at, and calls priced, before others get their turn."""

_T = TypeVar("_T")


class RiskKind(StrEnum):
    """What could go beyond."""

    LATE = "late"
    START = "start"
    SILENT = "silent"
    UNLIMITED = "unlimited"


@dataclass(frozen=True, slots=True)
class Risk:
    """One way to spend more than there is."""

    kind: RiskKind
    micros: Mapping[str, int] | None
    """By currency; None: there is no bound."""
    accounts: int = 0
    """So many could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One exchange's."""

    risks: tuple[Risk, ...]
    holds: int
    held_micros: Mapping[str, int]
    lateness: Lateness | None
    """Of its cuts; None before the first."""

    @property
    def micros(self) -> Mapping[str, int] | None:
        """All of it, by currency; None without a bound."""
        total: Counter[str] = Counter()
        for risk in self.risks:
            if risk.micros is None:
                return None
            total.update(risk.micros)
        return dict(sorted(total.items()))


class Exposures:
    """Reckons them when somebody asks."""

    def __init__(
        self, billing: Billing, terms: HoldTerms, unaided: UnaidedRows, clock: Clock
    ) -> None:
        self._billing = billing
        self._terms = terms
        self._unaided = unaided
        self._clock = clock
        self._first: WeakKeyDictionary[Offer, int] = WeakKeyDictionary()
        """What an answer costs at most, by what calls are priced by."""

    async def of(self, line: Line, mode: str) -> Exposure:
        """At this moment."""
        pbx = line.pbx.name
        limited, spared = await self._accounts(pbx)
        holds, held = await self._held(pbx)
        risks = []
        if mode == "post":
            spared, limited = [*spared, *limited], []
        if spared or mode == "post":
            risks.append(Risk(RiskKind.UNLIMITED, None, len(spared)))
        risks.append(await self._late(pbx))
        if mode == "reactive":
            risks.append(await self._start(limited, pbx))
        risks.append(await self._silent(limited))
        return Exposure(
            risks=tuple(risks),
            holds=holds,
            held_micros=held,
            lateness=self._billing.cuts.lateness(pbx),
        )

    async def _accounts(self, pbx: str) -> tuple[list[AccountState], list[AccountState]]:
        """Accounts with a limit that hold an extension there now: those on which it is enforced,
        and the others.
        """
        directory, stances = self._billing.directory, self._billing.control.stances
        ids = {each.account for each in directory.extensions_held(self._clock.now(), pbx)}
        limited: list[AccountState] = []
        spared: list[AccountState] = []
        async for state in _in_slices([directory.state(each) for each in sorted(ids)], SLICE):
            if state.account.is_limited:
                stance = stances.of(pbx, state.account.account_class)
                (limited if stance.is_enforcing else spared).append(state)
        return limited, spared

    async def _held(self, pbx: str) -> tuple[int, dict[str, int]]:
        held: Counter[str] = Counter()
        count = 0
        async for state in _in_slices(self._billing.directory.holding(), SLICE):
            for hold in state.holds:
                if hold.pbx == pbx:
                    count += 1
                    held[state.account.currency] += hold.micros
        return count, dict(sorted(held.items()))

    async def _late(self, pbx: str) -> Risk:
        """What held calls in progress cost beyond, were each cut as late as the worst one was."""
        lateness = self._billing.cuts.lateness(pbx)
        beyond_s = lateness.max_s - self._billing.control.limits.guard_s if lateness else 0.0
        if beyond_s <= 0:
            return Risk(RiskKind.LATE, {})
        running = [each for each in self._billing.control.running() if each.leg.id.pbx == pbx]
        parts = []
        async for each in _in_slices(running, PRICED_SLICE):
            if micros := self._beyond(each, beyond_s):
                parts.append((each.account, micros))
        return Risk(RiskKind.LATE, *self._summed(parts))

    def _beyond(self, running: RunningCall, beyond_s: float) -> int:
        state = self._billing.directory.state(running.account)
        hold = state.hold(running.hold_key)
        if hold is None:
            return 0
        pricing = self._billing.control.priced(running, running.hold_key).pricing
        if pricing is None:
            return 0
        return max(0, pricing.cost_micros(hold.granted_s + ceil(beyond_s)) - hold.micros)

    async def _start(self, limited: Sequence[AccountState], pbx: str) -> Risk:
        parts = []
        boundless = 0
        alike: dict[tuple[str, str, str], int] = {}  # by what decides which list prices them
        async for state in _in_slices(limited, SLICE):
            account = state.account
            if account.kind is not AccountKind.PREPAID:
                continue
            calls_max = self._terms.calls_max(state)
            boundless += calls_max == 0
            key = account.tariff, account.account_class, account.currency
            if key not in alike:
                alike[key] = await self._first_micros(state, pbx)
            parts.append((account.id, alike[key] * calls_max))
        if boundless:
            return Risk(RiskKind.START, None, boundless)
        return Risk(RiskKind.START, *self._summed(parts))

    async def _first_micros(self, state: AccountState, pbx: str) -> int:
        """What being answered costs such a call at most, on whatever trunk; 0 without any rate."""
        try:
            offers = self._billing.assessor.offers.possible(
                state.account, self._clock.now(), Place(pbx)
            )
        except NoRate:
            return 0
        for offer in offers:
            if offer not in self._first:
                # Looking through all rates of a large tariff takes longer than a call may wait.
                self._first[offer] = await asyncio.to_thread(_dearest_first, offer)
        return max(self._first[offer] for offer in offers)

    async def _silent(self, limited: Sequence[AccountState]) -> Risk:
        parts = []
        async for state in _in_slices(limited, SLICE):
            if micros := self._unaided.at_risk_micros(state):
                parts.append((state.account.id, micros))
        return Risk(RiskKind.SILENT, *self._summed(parts))

    def _summed(self, parts: Iterable[tuple[str, int]]) -> tuple[dict[str, int], int]:
        """By currency, and how many accounts there are."""
        sums: Counter[str] = Counter()
        accounts = set()
        for account, micros in parts:
            accounts.add(account)
            sums[self._billing.directory.account(account).currency] += micros
        return dict(sorted(sums.items())), len(accounts)


async def _in_slices(found: Sequence[_T], size: int) -> AsyncIterator[_T]:
    for count, each in enumerate(found, start=1):
        if count % size == 0:
            await asyncio.sleep(0)
        yield each


def _dearest_first(offer: Offer) -> int:
    return worst_prices(offer, {}).first_micros(OTHER) or 0
