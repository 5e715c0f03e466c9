"""What a call about to be dialled may do, and how long calls may talk by money, rate and class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rtbill.credit.call_bounds import Bound, CallBounds, Priced
from rtbill.domain.account import Account, AccountKind, AccountState
from rtbill.domain.money import Money
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.origin import Origin
from rtbill.domain.rated import NumberKind
from rtbill.domain.stance import Stance
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.site_hook import Caller
from rtbill.rating.call_pricing import CallPricing


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
    state: AccountState
    """Of who would pay."""
    is_limited: bool
    """It may be cut."""
    limits: CallLimits
    """Reckons what is asked of a few calls alone: where a hold decides nobody asks."""
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
    caller: Caller
    """What a site's hook is told of the call."""
    origin: Origin
    is_held: bool
    """It may only talk for what is held for it."""
    stance: Stance
    """Unless it enforces, the call goes through whatever stands above, and that is told."""
    let_out_by: str = ""
    """A telephone's channel that sent the call to the trunk by itself: nobody was asked."""

    @property
    def is_affordable(self) -> bool:
        """It can pay one increment, or need not."""
        return not self.is_limited or self.limits.pays(self)

    @property
    def reason(self) -> str:
        """Why it would be refused; empty when it would not."""
        if self.let_out_by:
            return f"{self.let_out_by} sent it out by itself"
        return self.limits.why(self)

    @property
    def limit_s(self) -> float | None:
        """Seconds of talk; None for no limit, 0 when its first increment cannot be paid."""
        return self.limits.of(self)

    @property
    def no_rate(self) -> str:
        """Why nobody knows what it would cost; empty when that is known, or nothing."""
        return self.priced.no_rate


class CallLimits:
    """Reckons them from an account's state and what is known of a call's price."""

    def __init__(self, bounds: CallBounds, assessor: Assessor, limits: Limits) -> None:
        self._bounds = bounds
        self._assessor = assessor
        self._limits = limits

    def is_limited(self, state: AccountState, called: CalledNumber, bound: Bound) -> bool:
        """Whether the call may be cut (CC-73, CC-76)."""
        if called.kind is not NumberKind.CHARGEABLE:
            return False
        return state.account.kind is not AccountKind.POSTPAID or bound.seconds is not None

    def seconds(
        self, state: AccountState, called: CalledNumber, bound: Bound, pricing: CallPricing | None
    ) -> float | None:
        """Seconds from answer that may be talked; None for calls never cut."""
        if not self.is_limited(state, called, bound):
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

    def of(self, grant: Grant) -> float | None:
        """The same of a call about to be dialled."""
        bound, pricing, _ = grant.priced
        return self.seconds(grant.state, grant.called, bound, pricing)

    def pays(self, grant: Grant) -> bool:
        """Whether the call may talk at all. Where its price is fixed, what the shortest talk costs
        says so, without a search for the longest.
        """
        bound, pricing, _ = grant.priced
        account = grant.state.account
        is_paid_later = account.kind is AccountKind.POSTPAID
        if pricing is None or is_paid_later or not self._assessor.is_fixed(account):
            return self.of(grant) != 0
        least_s, ends_s = int(self._limits.guard_s) + 1, bound.seconds
        if ends_s is not None and ends_s < least_s:
            return False
        return pricing.cost_micros(least_s) <= max(0, grant.state.grantable_micros)

    def why(self, grant: Grant) -> str:
        """Why it would be refused; empty when it would not."""
        account = grant.state.account
        left = Money(grant.state.grantable_micros, account.currency)
        if grant.is_code_refused:
            if grant.is_code_wrong:
                return f"{grant.origin.code_in_words} that was entered belongs to nobody"
            return "too many wrong codes were entered before"
        if grant.is_payer_unknown:
            return "nobody is named who pays"
        if grant.is_locked:
            return f"account {account.id} is locked: {left} left"
        if grant.is_too_dear:
            return self._too_dear(account)
        if not grant.is_affordable:
            return f"account {account.id} cannot pay the first increment: {left} left"
        return f"its price is unknown: {grant.no_rate}" if grant.is_unrated_refused else ""

    def _too_dear(self, account: Account) -> str:
        ceiling = Money(self._bounds.ceiling(account) or 0, account.currency)
        return (
            f"a minute costs more than {ceiling}, the most for calls of class "
            f"{account.account_class}"
        )
