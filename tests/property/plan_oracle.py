"""A second opinion on what a price plan makes of a tariff's price, in fractions of the main unit,
from the rules alone; it shares no code with the biller.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from rtbill.domain.price_plan import Discount, Markup, PricePlan
from rtbill.domain.tariff import Tariff
from tests.property.price_oracle import Holidays, oracle_sum

_MILLION = 1_000_000


class OracleCall(NamedTuple):
    number: str
    """Digits."""
    account: str
    pbx: str
    answered_at: datetime


class OracleChange(NamedTuple):
    """What a hook adds, in main units and shares of one; bounds last."""

    share: Fraction = Fraction(0)
    per_minute: Fraction = Fraction(0)
    per_call: Fraction = Fraction(0)
    most: Fraction | None = None
    is_free: bool = False


class OracleCharge(NamedTuple):
    """In main units."""

    net: Fraction
    tax: Fraction


def oracle_charge(
    plan: PricePlan,
    tariff: Tariff,
    call: OracleCall,
    talk: timedelta,
    holidays: Holidays | None = None,
    change: OracleChange | None = None,
) -> OracleCharge:
    """Of a call that the tariff prices, and a hook changes."""
    total, billed = oracle_sum(tariff, call.answered_at, talk, holidays)
    amount = Fraction(total) / 86_400 / _MILLION
    if amount or billed:
        amount += _added(plan.markups, call.number, amount, billed)
        if change is not None:
            amount = _changed(change, amount, billed)
    for discount in plan.discounts:
        if _is_due(discount, call):
            amount -= amount * Fraction(discount.percent_ppm, _MILLION)
    least = Fraction(plan.charge_min_micros, _MILLION)
    if amount and amount < least:
        amount = least
    digits = plan.rounding.digits
    net = _rounded(amount, digits, plan.rounding.mode.value)
    share = Fraction(plan.tax.percent_ppm, _MILLION) if plan.tax else Fraction(0)
    return OracleCharge(net, _rounded(net * share, digits, "half_up"))


def _added(markups: Sequence[Markup], number: str, amount: Fraction, billed: timedelta) -> Fraction:
    markup = _markup(markups, number)
    if markup is None:
        return Fraction(0)
    minutes = Fraction(billed // timedelta(microseconds=1), 60 * _MILLION)
    per_minute = Fraction(markup.per_minute_micros, _MILLION)
    return (
        amount * Fraction(markup.percent_ppm, _MILLION)
        + per_minute * minutes
        + Fraction(markup.per_call_micros, _MILLION)
    )


def _changed(change: OracleChange, amount: Fraction, billed: timedelta) -> Fraction:
    minutes = Fraction(billed // timedelta(microseconds=1), 60 * _MILLION)
    changed = amount + amount * change.share + change.per_minute * minutes + change.per_call
    if change.is_free or changed < 0:
        return Fraction(0)
    return changed if change.most is None else min(changed, change.most)


def _markup(markups: Sequence[Markup], number: str) -> Markup | None:
    """Shortens the number digit by digit until a markup has just that prefix."""
    for length in range(len(number), 0, -1):
        for markup in markups:
            if number[:length] in markup.prefixes:
                return markup
    return next((each for each in markups if not each.prefixes), None)


def _is_due(discount: Discount, call: OracleCall) -> bool:
    if discount.prefixes and not any(call.number.startswith(each) for each in discount.prefixes):
        return False
    if discount.accounts and call.account not in discount.accounts:
        return False
    if discount.pbxs and call.pbx not in discount.pbxs:
        return False
    if discount.since is not None and call.answered_at < discount.since:
        return False
    return discount.until is None or call.answered_at < discount.until


def _rounded(amount: Fraction, digits: int, mode: str) -> Fraction:
    scaled = amount * 10**digits
    below, above = floor(scaled), ceil(scaled)
    nearer = {True: above, False: below}[scaled - below > Fraction(1, 2)]
    if scaled - below == Fraction(1, 2):
        nearer = above if mode == "half_up" or below % 2 else below
    return Fraction({"up": above, "down": below}.get(mode, nearer), 10**digits)
