"""A second opinion on price plans, in Decimal, written from the rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from rtbill.domain.price_plan import Discount, Markup, PricePlan
from rtbill.domain.tariff import Rounding, Tariff
from tests.property.price_oracle import EXACT, Holidays, NoRateThen, OracleWalk, rounded

_DAY = Decimal(86_400)
_WHOLE = Decimal(1_000_000)


class OracleCharge(NamedTuple):
    gross: Decimal
    """In main units."""
    tax: Decimal
    billed_s: int


class Caller(NamedTuple):
    number: str
    answered_at: datetime
    account: str
    pbx: str


class Change(NamedTuple):
    """What a site's hook adds between markup and discounts; bounds last."""

    percent_ppm: int = 0
    per_minute_micros: int = 0
    per_call_micros: int = 0
    most_micros: int | None = None
    is_free: bool = False


NO_MARKUP = Markup()
NO_CHANGE = Change()


class PlanWalk:
    """A call of one answer and any length, under a plan or a tariff alone."""

    def __init__(
        self,
        plan: PricePlan | None,
        lists: Sequence[Tariff],
        caller: Caller,
        holidays: Holidays | None = None,
        change: Change = NO_CHANGE,
    ) -> None:
        """NoRateThen when no list has the number, or the first that has it no rate then."""
        self._plan = plan
        self._caller = caller
        self._change = change
        self.tariff = first_with(caller.number, lists)
        self.walk = OracleWalk(self.tariff, caller.answered_at, holidays)

    def charge(self, talk: timedelta) -> OracleCharge:
        """What it is charged after so much talk."""
        return self.charge_of(*self.walk.exact(talk))

    def charge_of(self, total: Decimal, billed: timedelta) -> OracleCharge:
        """What it is charged where the tariffs come to this, in 86,400ths of a micro-unit."""
        billed_s = -(-billed // timedelta(seconds=1))
        if total or billed:
            markup = _markup(self._plan.markups, self._caller.number) if self._plan else NO_MARKUP
            total = _changed(self._change, _raised(markup, total, billed), billed)
        if self._plan is None:
            return OracleCharge(rounded(total, self.tariff.rounding), Decimal(0), billed_s)
        net = rounded(_amount(self._plan, self._caller, total), self._plan.rounding)
        tax = Decimal(0)
        if self._plan.tax is not None:
            exact = net * Decimal(self._plan.tax.percent_ppm) / _WHOLE
            tax = rounded(
                exact.scaleb(6, EXACT) * _DAY, Rounding(digits=self._plan.rounding.digits)
            )
        return OracleCharge(net + tax, tax, billed_s)


def first_with(number: str, lists: Sequence[Tariff]) -> Tariff:
    """The list, with no rates but those of the number's longest prefix."""
    for tariff in lists:
        lengths = [len(each.prefix) for each in tariff.rates if number[1:].startswith(each.prefix)]
        if lengths:
            prefix = number[1 : 1 + max(lengths)]
            kept = tuple(each for each in tariff.rates if each.prefix == prefix)
            return replace(tariff, rates=kept)
    raise NoRateThen


def _raised(by: Markup | Change, total: Decimal, billed: timedelta) -> Decimal:
    """In 86,400ths of a micro-unit."""
    total = _share(total, 1_000_000 + by.percent_ppm)
    microseconds = Decimal(billed // timedelta(microseconds=1))
    # A 60,000,000th of a minute's price for each, times 86,400.
    per_minute = Decimal(by.per_minute_micros) * Decimal("0.00144")
    total = EXACT.add(total, EXACT.multiply(per_minute, microseconds))
    return EXACT.add(total, by.per_call_micros * _DAY)


def _changed(change: Change, total: Decimal, billed: timedelta) -> Decimal:
    if change.is_free:
        return Decimal(0)
    changed = max(Decimal(0), _raised(change, total, billed))
    return changed if change.most_micros is None else min(changed, change.most_micros * _DAY)


def _amount(plan: PricePlan, caller: Caller, total: Decimal) -> Decimal:
    """With discounts and the minimum, before the rounding."""
    for discount in plan.discounts:
        if _is_due(discount, caller):
            total = _share(total, 1_000_000 - discount.percent_ppm)
    least = plan.charge_min_micros * _DAY
    return least if 0 < total < least else total


def _share(total: Decimal, millionths: int) -> Decimal:
    return EXACT.multiply(total, Decimal(millionths).scaleb(-6))


def _markup(markups: Sequence[Markup], number: str) -> Markup:
    """The first of those with the longest fitting prefix, or one that adds nothing."""
    found: list[tuple[int, int, Markup]] = []
    for place, markup in enumerate(markups):
        for prefix in markup.prefixes or ("",):
            if number.startswith(f"+{prefix}"):
                found.append((-len(prefix), place, markup))
    return min(found, key=lambda each: each[:2])[2] if found else NO_MARKUP


def _is_due(discount: Discount, caller: Caller) -> bool:
    conditions = [
        not discount.prefixes or any(caller.number[1:].startswith(p) for p in discount.prefixes),
        not discount.accounts or caller.account in discount.accounts,
        not discount.pbxs or caller.pbx in discount.pbxs,
        discount.since is None or caller.answered_at >= discount.since,
        discount.until is None or caller.answered_at < discount.until,
    ]
    return all(conditions)
