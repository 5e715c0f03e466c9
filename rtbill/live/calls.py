"""Calls in progress as a person looks at them: what each costs so far, what is held for it, when it
ends.

Ten thousand calls may be in progress while others wait for an answer: what is reckoned for all of
them is little, and it is done in slices. Prices are reckoned of those alone that are shown.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rtbill.billing import Billing
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.errors import BadRecord, NoRate
from rtbill.domain.events import LiveLeg
from rtbill.domain.hold import Hold
from rtbill.domain.rated import NumberKind
from rtbill.ports import Clock
from rtbill.pricing.assignment import Place
from rtbill.pricing.payers import Payer

CALLS_SHOWN = 100
CALLS_SHOWN_MAX = 20_000
LOOKED_AT_SLICE = 200
RENEWED_S = 4.0
"""With less left a grant should have been renewed: who sees it must look."""
REFRESH_S = 15.0
"""How long a mark lasts, whatever else stays the same: the cost goes on."""
PRICED_SLICE = 25
"""Calls looked at, and priced, before others get their turn: about two milliseconds."""

InProgress = RunningCall | LiveLeg
"""A call that talks, or a leg that rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """One call in progress, as of the moment it was asked for."""

    id: CallId
    is_talking: bool
    """It rings otherwise."""
    payer: str | None
    person: str | None
    account: str
    number: str | None
    destination: str
    """As the tariff calls it; of calls that are not charged, what sort of number it is."""
    since: datetime | None
    """Its answer; while it rings, when money was first held for it."""
    talk_s: float
    """By the clock of its exchange."""
    cost_micros: int | None
    """What it would cost if it ended now; None while nobody knows."""
    currency: str
    hold: Hold | None
    """What it may spend; None where nothing is held for it."""
    limit_s: float | None
    """Seconds of talk from the answer on that money, rate and class allow; None without a limit."""
    is_enforced: bool
    """Its exchange ends it there."""
    is_armed: bool
    """Its exchange has confirmed the limit that is now wanted."""
    balance_micros: int
    grantable_micros: int
    """What further talk of the account may be granted of."""

    @property
    def left_s(self) -> float | None:
        """Until its limit; None without one. A limit that is not enforced counts too."""
        if self.limit_s is None or not self.is_talking:
            return None
        return max(0.0, self.limit_s - self.talk_s)

    @property
    def goes_on(self) -> bool:
        """More talk is granted before its limit comes."""
        return self.hold is not None and not self.hold.is_final


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; None means all."""

    account: str | None = None
    pbx: str | None = None
    calls_max: int = CALLS_SHOWN

    def includes(self, account: str, pbx: str) -> bool:
        """Whether a call of the account at the exchange is meant."""
        return self.account in (None, account) and self.pbx in (None, pbx)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """The calls that end soonest, and what all of them come to."""

    at: datetime
    calls: tuple[LiveCall, ...]
    talking: int
    ringing: int
    holds: int
    """Open ones, of calls that are about to be dialled too."""
    held_micros: Mapping[str, int]
    """By currency."""


class LiveCalls:
    """Answers from memory; never waits for an exchange."""

    def __init__(self, billing: Billing, clock: Clock) -> None:
        self._billing = billing
        self._clock = clock

    def wanted(self, arguments: Mapping[str, Any]) -> Wanted:
        """As the order `live` says by `account`, `pbx` and `limit`; BadRecord, UnknownAccount."""
        account, pbx = arguments.get("account") or None, arguments.get("pbx") or None
        limit = arguments.get("limit")
        if limit is None:
            limit = CALLS_SHOWN
        if type(limit) is not int or not 0 <= limit <= CALLS_SHOWN_MAX:
            raise BadRecord(f"live: limit is a number from 0 to {CALLS_SHOWN_MAX}, not {limit!r}")
        if account is not None:
            self._billing.directory.account(account)  # raises when there is none
        if pbx is not None and pbx not in self._billing.lines:
            known = ", ".join(self._billing.lines)
            raise BadRecord(f"there is no exchange {pbx!r}; known are {known}")
        return Wanted(account, pbx, limit)

    async def view(self, wanted: Wanted) -> LiveView:
        """The calls that are wanted, those first that end soonest, and the sums of all of them."""
        talking = ringing = 0
        order: list[tuple[int, float, CallId, InProgress]] = []
        for count, each in enumerate(self.in_progress(), start=1):
            if count % LOOKED_AT_SLICE == 0:
                await asyncio.sleep(0)
            if not wanted.includes(self.account_of(each), id_of(each).pbx):
                continue
            if isinstance(each, RunningCall):
                talking += 1
            else:
                ringing += 1
            order.append((*self._urgency(each), id_of(each), each))
        calls = []
        for count, (*_, each) in enumerate(heapq.nsmallest(wanted.calls_max, order), start=1):
            if count % PRICED_SLICE == 0:
                await asyncio.sleep(0)
            calls.append(self.call(each))
        held = await self._held(wanted)
        return LiveView(
            at=self._clock.now(),
            calls=tuple(calls),
            talking=talking,
            ringing=ringing,
            holds=sum(count for count, _ in held.values()),
            held_micros={currency: micros for currency, (_, micros) in held.items()},
        )

    async def _held(self, wanted: Wanted) -> dict[str, tuple[int, int]]:
        """Open holds and their sum, by currency."""
        found: dict[str, tuple[int, int]] = {}
        for count, state in enumerate(self._billing.directory.holding(), start=1):
            if count % LOOKED_AT_SLICE == 0:
                await asyncio.sleep(0)
            for hold in state.holds:
                if wanted.includes(hold.account, hold.pbx):
                    holds, micros = found.get(state.account.currency, (0, 0))
                    found[state.account.currency] = (holds + 1, micros + hold.micros)
        return dict(sorted(found.items()))

    def in_progress(self) -> list[InProgress]:
        """Every call that talks, and every leg that rings."""
        found: list[InProgress] = [*self._billing.control.running()]
        for line in self._billing.lines.values():
            found += line.tracker.ringing()
        return found

    def account_of(self, each: InProgress) -> str:
        """Who pays it, or would."""
        if isinstance(each, RunningCall):
            return each.account
        return self._payer(each).account

    def _payer(self, leg: LiveLeg) -> Payer:
        """Who would pay a call that is answered now."""
        payers = self._billing.assessor.payers
        return payers.of(leg.id.pbx, leg.payer, self._clock.now(), leg.origin)

    def mark(self, each: InProgress) -> object:
        """Equal to an earlier mark of the call as long as there is nothing new to tell of it."""
        account = self.account_of(each)
        hold = self._hold_of(each, self._billing.directory.state(account))
        granted = (hold.micros, hold.granted_s, hold.is_final) if hold else None
        if isinstance(each, LiveLeg):
            return ("ringing", account, granted)
        limit = (each.wanted_s, each.armed_s, each.order_s)
        return (account, each.person, granted, limit, self._talk_s(each) // REFRESH_S)

    def call(self, each: InProgress) -> LiveCall:
        """All that is to be said of one."""
        if isinstance(each, RunningCall):
            return self._talking(each)
        return self._ringing(each)

    def _talking(self, running: RunningCall) -> LiveCall:
        leg = running.leg
        state = self._billing.directory.state(running.account)
        talk_s = self._talk_s(running)
        cost, destination = self._cost_so_far(running, state, talk_s)
        enforced = running.stance.is_enforcing
        return LiveCall(
            id=leg.id,
            is_talking=True,
            payer=leg.payer,
            person=running.person,
            account=running.account,
            number=running.called.number or leg.dialled,
            destination=destination,
            since=leg.answered_at,
            talk_s=talk_s,
            cost_micros=cost,
            currency=state.account.currency,
            hold=self._hold_of(running, state),
            limit_s=running.order_s if enforced else running.wanted_s,
            is_enforced=enforced,
            is_armed=enforced and running.armed_s == running.order_s,
            balance_micros=state.balance_micros,
            grantable_micros=state.grantable_micros,
        )

    def _ringing(self, leg: LiveLeg) -> LiveCall:
        payer = self._payer(leg)
        state = self._billing.directory.state(payer.account)
        hold = self._hold_of(leg, state)
        called = self._billing.assessor.classify(leg.dialled, Place(leg.id.pbx, leg.trunk))
        stance = self._billing.control.stances.of(leg.id.pbx, state.account.account_class)
        return LiveCall(
            id=leg.id,
            is_talking=False,
            payer=leg.payer,
            person=payer.person,
            account=payer.account,
            number=called.number or leg.dialled,
            destination="" if called.kind is NumberKind.CHARGEABLE else str(called.kind),
            since=hold.opened_at if hold else None,
            talk_s=0.0,
            cost_micros=0,
            currency=state.account.currency,
            hold=hold,
            limit_s=None,
            is_enforced=stance.is_enforcing,
            is_armed=False,
            balance_micros=state.balance_micros,
            grantable_micros=state.grantable_micros,
        )

    def _hold_of(self, each: InProgress, state: AccountState) -> Hold | None:
        if isinstance(each, RunningCall):
            return state.hold(each.hold_key) if each.hold_key else None
        return state.hold(self._billing.holdings.reserving.key_of(each.id, state.account.id))

    def _talk_s(self, running: RunningCall) -> float:
        line = self._billing.lines[running.leg.id.pbx]
        return max(0.0, running.talked_s(line.now(self._clock)))

    def _urgency(self, each: InProgress) -> tuple[int, float]:
        """Smaller for what ends sooner. What is granted more in time comes behind it, then what
        rings, then what has no end.
        """
        if isinstance(each, LiveLeg):
            return 2, 0.0
        limit_s = each.order_s if each.stance.is_enforcing else each.wanted_s
        talk_s = self._talk_s(each)
        if limit_s is None:
            return 3, -talk_s
        left_s = limit_s - talk_s
        hold = self._hold_of(each, self._billing.directory.state(each.account))
        goes_on = hold is not None and not hold.is_final and left_s >= RENEWED_S
        return int(goes_on), left_s

    def _cost_so_far(
        self, running: RunningCall, state: AccountState, talk_s: float
    ) -> tuple[int | None, str]:
        """By the same reckoning as its price will be, and its destination; None if unknown."""
        if running.called.kind is not NumberKind.CHARGEABLE:
            return 0, str(running.called.kind)
        leg = running.leg
        assert leg.answered_at is not None
        talk_us = int(talk_s * 1_000_000)
        try:
            found = self._billing.assessor.bundling(
                state.account,
                running.called,
                leg.answered_at,
                talk_us,
                running.place,
                self._billing.control.adjustment(running),
                hold_key=running.hold_key,
            ).price()
        except NoRate:
            return None, "no rate"
        return found.debit_micros, found.price.destination


def id_of(each: InProgress) -> CallId:
    """The key of its leg."""
    return each.leg.id if isinstance(each, RunningCall) else each.id
