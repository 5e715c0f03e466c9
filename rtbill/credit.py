"""Control of running calls: how long each may talk, and what must be told to its exchange.

A prepaid call whose limit is enforced may talk for what its committed hold grants
(rtbill/holding.py). One at an exchange that only observes is measured against what the account has
beside its holds: nothing is reserved for what cannot be stopped. Any call ends where its rate or
its account's class ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, KeysView, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from rtbill.assessment import Assessor
from rtbill.assignment import Place
from rtbill.call_bounds import Bound, CallBounds, Priced
from rtbill.domain.account import SUSPENSE, Account, AccountKind, AccountState, Outgoing
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.events import LiveLeg
from rtbill.domain.money import Money
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.origin import NO_ORIGIN, Origin
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.rated import NumberKind
from rtbill.domain.stance import Stance
from rtbill.payers import FoundBy, Payer
from rtbill.rating.call_pricing import CallPricing
from rtbill.running_call import RunningCall
from rtbill.site_hook import Caller
from rtbill.stances import ENFORCED, EVERYWHERE, Reach, Stances
from rtbill.wrong_codes import WrongCodes

NO_CEILINGS: Mapping[str, int | None] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a running call."""

    guard_s: float = 0.5
    """Cut this much before the end of the last increment that can be paid (CC-41)."""
    call_max_s: int = 14_400
    """No prepaid call is longer (CC-12)."""
    unrated_talk_max_s: int = 60
    """A prepaid call to a number without a rate: its price is unknown, so it is kept short."""


class Grant(NamedTuple):
    """What a call about to be dialled may do, by money and rates alone."""

    account: str
    """Who would pay."""
    called: CalledNumber
    priced: Priced
    """What is known of its price."""
    limit: Callable[[], float | None]
    """Reckons `limit_s`: where a hold decides nobody asks for it."""
    is_limited: bool
    """There is one."""
    is_affordable: bool
    """It can pay one increment, or need not."""
    is_unrated_refused: bool
    """For want of a rate the exchange is to refuse it."""
    is_too_dear: bool
    """It would not talk a second before its price a minute is above what its class may call at."""
    is_locked: bool
    """The account's money is gone, and its class then locks calls such as this one."""
    is_payer_unknown: bool
    """Nobody is named who pays."""
    is_code_wrong: bool
    """A code was entered that belongs to nobody."""
    is_code_refused: bool
    """For the sake of the code that was entered the exchange is to refuse it."""
    must_end: bool
    """Nothing that was pushed beforehand could keep it from being dialled: it has to be ended."""
    reason: str
    """Why it would be refused; empty when it would not."""
    caller: Caller
    """What a site's hook is told of the call."""
    is_held: bool
    """It may only talk for what is held for it."""
    stance: Stance
    """Unless it enforces, the call goes through whatever stands above, and that is told."""

    @property
    def limit_s(self) -> float | None:
        """Seconds of talk; None for no limit, 0 when its first increment cannot be paid."""
        return self.limit()

    @property
    def no_rate(self) -> str:
        """Why nobody knows what it would cost; empty when that is known, or nothing."""
        return self.priced.no_rate


class CreditControl:
    """All running calls by account. Says which need a new limit; does not speak to exchanges."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        assessor: Assessor,
        directory: Directory,
        limits: Limits,
        stances: Stances = ENFORCED,
        refusing_unrated: Collection[str] = (),
        ceilings: Mapping[str, int | None] = NO_CEILINGS,
    ) -> None:
        """`refusing_unrated` are the exchanges that ask before they dial, and are told to refuse a
        prepaid call without a rate; `ceilings` the highest price a minute, by account class.
        """
        self._bounds = CallBounds(assessor, ceilings)
        self.wrong_codes = WrongCodes()
        self._refusing_unrated = frozenset(refusing_unrated)
        self._assessor = assessor
        self._directory = directory
        self._limits = limits
        self.stances = stances
        self._running: dict[CallId, RunningCall] = {}
        self._by_account: dict[str, dict[CallId, RunningCall]] = {}

    @property
    def bounds(self) -> CallBounds:
        """Where rate or class end calls, whatever the money."""
        return self._bounds

    @property
    def limits(self) -> Limits:
        """Bounds that hold for every call."""
        return self._limits

    def is_held(self, state: AccountState, called: CalledNumber, stance: Stance) -> bool:
        """Whether such a call of the account may only talk for what a hold grants."""
        return (
            stance.is_enforcing
            and state.account.kind is AccountKind.PREPAID
            and called.kind is NumberKind.CHARGEABLE
        )

    def of_account(self, account: str) -> list[RunningCall]:
        """The account's answered calls in progress."""
        return list(self._by_account.get(account, {}).values())

    def running(self) -> list[RunningCall]:
        """Every answered call in progress."""
        return list(self._running.values())

    def accounts_talking(self) -> KeysView[str]:
        """Those with an answered call in progress."""
        return self._by_account.keys()

    def find(self, call: CallId) -> RunningCall | None:
        """The call if it is in progress."""
        return self._running.get(call)

    def grant(  # noqa: PLR0913 - the facts of one call
        self,
        pbx: str,
        payer: str | None,
        dialled: str | None,
        at: datetime,
        origin: Origin = NO_ORIGIN,
        trunk: str = "",
    ) -> Grant:
        """What this extension may do if it dials now; by any trunk while none is known."""
        holder = self._assessor.payers.of(pbx, payer, at, origin)
        place = Place(pbx, trunk)
        called = self._assessor.classify(dialled, place)
        state = self._directory.state(holder.account)
        chargeable = called.kind is NumberKind.CHARGEABLE
        caller = Caller(payer or "", dialled or "", holder.person or "", {})
        priced = self._bounds.of(state.account, called, at, place, caller)
        bound, no_rate = priced.bound, priced.no_rate
        is_too_dear = bound.dear_s is not None and bound.dear_s - self._limits.guard_s < 1
        limit = partial(self._limit_s, state, called, bound, priced.pricing)
        is_limited = self._is_limited(state, called, bound)
        is_affordable = not is_limited or self._pays_increment(state, priced, limit)
        is_locked = chargeable and state.service.outgoing is Outgoing.LOCKED
        is_unrated_refused = bool(no_rate) and is_limited and pbx in self._refusing_unrated
        is_payer_unknown = chargeable and payer is None and holder.account == SUSPENSE
        is_code_refused = chargeable and self._is_code_refused(pbx, payer, at, origin, holder)
        reason = ""
        if is_code_refused:
            reason = f"{origin.code_in_words} that was entered belongs to nobody"
            if not holder.is_code_wrong:
                reason = "too many wrong codes were entered before"
        elif is_payer_unknown:
            reason = "nobody is named who pays"
        elif is_locked:
            reason = f"account {holder.account} is locked: {_left(state)} left"
        elif is_too_dear:
            reason = self._too_dear(state.account)
        elif not is_affordable:
            reason = f"account {holder.account} cannot pay the first increment: {_left(state)} left"
        elif is_unrated_refused:
            reason = f"its price is unknown: {no_rate}"
        stance = self.stances.of(pbx, state.account.account_class)
        return Grant(
            account=holder.account,
            called=called,
            priced=priced,
            limit=limit,
            is_limited=is_limited,
            is_affordable=is_affordable,
            is_unrated_refused=is_unrated_refused,
            is_too_dear=is_too_dear,
            is_locked=is_locked,
            is_payer_unknown=is_payer_unknown,
            is_code_wrong=holder.is_code_wrong,
            is_code_refused=is_code_refused,
            must_end=is_code_refused
            or (is_payer_unknown and bool(origin))
            or (is_locked and holder.found_by in (FoundBy.CODE, FoundBy.TRUNK)),
            reason=reason,
            caller=caller,
            is_held=self.is_held(state, called, stance),
            stance=stance,
        )

    def _is_code_refused(
        self, pbx: str, payer: str | None, at: datetime, origin: Origin, holder: Payer
    ) -> bool:
        if not origin.code:
            return False
        if self.wrong_codes.are_barred((pbx, payer), at):
            return True
        # Where no extension could pay instead, a wrong code lets nobody out.
        denies = payer is None or self._assessor.payers.wrong_code is WrongCode.DENY
        return holder.is_code_wrong and denies

    def answered(self, leg: LiveLeg) -> RunningCall:
        """Take up an answered call (again) and decide how long it may talk."""
        assert leg.answered_at is not None
        known = self._running.get(leg.id)
        if known is None:
            holder = self._payer_of(leg)
            called = self._assessor.classify(leg.dialled, Place(leg.id.pbx, leg.trunk))
            known = RunningCall(leg, holder.account, holder.person, called)
            self._running[leg.id] = known
            self._by_account.setdefault(holder.account, {})[leg.id] = known
            self.adjustment(known)  # asked at the answer, also where nothing limits the call
        self.allow(known)
        return known

    def adjustment(self, running: RunningCall) -> Adjustment | None:
        """What the site's hook said about the call's price when it was answered."""
        leg = running.leg
        assert leg.answered_at is not None
        if running.called.kind is not NumberKind.CHARGEABLE:
            return None
        account, place = self._directory.account(running.account), Place(leg.id.pbx, leg.trunk)
        called, at = running.called, leg.answered_at
        return self._assessor.adjustment(account, called, at, place, running.caller)

    def ended(self, call: CallId) -> RunningCall | None:
        """Forget a call that is over; what was known of it while it talked."""
        running = self._running.pop(call, None)
        if running is not None:
            self._take_from_account(running)
        return running

    def reach(self, account: str, at: datetime) -> Reach:
        """How far consequences go for the account at the exchanges where it has extensions."""
        if self.stances.all_enforce:
            return EVERYWHERE
        held = self._directory.extensions_of(account, at)
        return self.stances.reach(self._directory.account(account).account_class, held)

    def reassign(self) -> list[tuple[RunningCall, str]]:
        """Memberships changed, perhaps from an instant that has passed: running calls that another
        account pays now, or whose limit changes as a hook knows their person; and who paid before.
        """
        changed = []
        for call, running in self._running.items():
            leg = running.leg
            holder = self._payer_of(leg)
            before = running.account
            running.person = holder.person
            if holder.account != before:
                self._take_from_account(running)
                running.account = holder.account
                self._by_account.setdefault(holder.account, {})[call] = running
            if self.allow(running) or holder.account != before:
                changed.append((running, before))
        return changed

    def _payer_of(self, leg: LiveLeg) -> Payer:
        assert leg.answered_at is not None
        return self._assessor.payers.of(leg.id.pbx, leg.payer, leg.answered_at, leg.origin)

    def _take_from_account(self, running: RunningCall) -> None:
        calls = self._by_account[running.account]
        del calls[running.leg.id]
        if not calls:
            del self._by_account[running.account]

    def rebalance(self, account: str, changed: Collection[str] | None = None) -> list[RunningCall]:
        """Something about the account changed: its running calls whose limit changes with it. Where
        only its balance and holds of these keys did, calls held by others stay as they are.
        """
        calls = self._by_account.get(account)
        if not calls:
            return []
        return [
            running
            for running in calls.values()
            if running.is_touched_by(changed) and self.allow(running)
        ]

    def allow(self, running: RunningCall) -> bool:
        """Reckon its limit anew; whether it, or how far it is enforced, is another than before."""
        leg = running.leg
        assert leg.answered_at is not None
        state = self._directory.state(running.account)
        before = running.wanted_s, running.stance
        running.stance = self.stances.of(leg.id.pbx, state.account.account_class)
        if self.is_held(state, running.called, running.stance):
            hold = state.hold(running.hold_key)
            if hold is not None:
                running.wanted_s = max(0.0, hold.granted_s - self._limits.guard_s)
        else:
            bound, pricing, _ = self.priced(running)
            running.wanted_s = self._limit_s(state, running.called, bound, pricing)
        return (running.wanted_s, running.stance) != before

    def priced(self, running: RunningCall, hold_key: str = "") -> Priced:
        """What is known of its price: reckoned anew when its account, person or prices changed,
        and in part each time where bundles or a hook decide.
        """
        leg, account = running.leg, self._directory.account(running.account)
        assert leg.answered_at is not None
        made_of = self._bounds.made_of(account, running.person)
        known = running.priced
        is_known = running.priced_of == made_of
        if is_known and self._assessor.is_fixed(account):
            return known
        found = self._bounds.of(
            account, running.called, leg.answered_at, running.place, running.caller, hold_key
        )
        if is_known:
            return found._replace(bound=known.bound)
        running.priced, running.priced_of = found, made_of
        return found

    def overdue(self, now: datetime, grace_s: float) -> list[RunningCall]:
        """Calls that still talk this long after their limit: the exchange's timer has failed."""
        late = []
        for running in self._running.values():
            if running.order_s is not None and running.talked_s(now) > running.order_s + grace_s:
                late.append(running)
        return late

    def _is_limited(self, state: AccountState, called: CalledNumber, bound: Bound) -> bool:
        """Whether the call may be cut (CC-73, CC-76)."""
        if called.kind is not NumberKind.CHARGEABLE:
            return False
        return state.account.kind is not AccountKind.POSTPAID or bound.seconds is not None

    def _limit_s(
        self, state: AccountState, called: CalledNumber, bound: Bound, pricing: CallPricing | None
    ) -> float | None:
        """Seconds from answer that may be talked; None for calls never cut."""
        if not self._is_limited(state, called, bound):
            return None
        seconds = bound.seconds
        if state.account.kind is not AccountKind.POSTPAID:
            cap_s = self._limits.call_max_s if seconds is None else seconds
            cap_s = min(cap_s, self._limits.call_max_s)
            money_micros = max(0, state.grantable_micros)
            if pricing is None:
                return float(self._limits.unrated_talk_max_s) if money_micros else 0.0
            seconds = pricing.affordable_s(money_micros, cap_s)
        assert seconds is not None
        return max(0.0, seconds - self._limits.guard_s)

    def _pays_increment(
        self, state: AccountState, priced: Priced, limit: Callable[[], float | None]
    ) -> bool:
        """Whether a limited call may talk at all. Where its price is fixed, what the shortest talk
        costs says so, without a search for the longest.
        """
        pricing, account = priced.pricing, state.account
        is_paid_later = account.kind is AccountKind.POSTPAID
        if pricing is None or is_paid_later or not self._assessor.is_fixed(account):
            return bool(limit())
        least_s, ends_s = int(self._limits.guard_s) + 1, priced.bound.seconds
        if ends_s is not None and ends_s < least_s:
            return False
        return pricing.cost_micros(least_s) <= max(0, state.grantable_micros)

    def _too_dear(self, account: Account) -> str:
        ceiling = Money(self._bounds.ceiling(account) or 0, account.currency)
        return (
            f"a minute costs more than {ceiling}, the most for calls of class "
            f"{account.account_class}"
        )


def _left(state: AccountState) -> Money:
    return Money(state.grantable_micros, state.account.currency)
