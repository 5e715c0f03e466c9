"""From what the lists say of many calls to what is charged: the links of a plan, or a rounding."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import NamedTuple

import numpy as np

from rtbill.domain.call import epoch_us
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import WHOLE_PPM
from rtbill.domain.tariff import Rounding
from rtbill.rating.batch.columns import NO_PREFIX, Calls, Flags, Ints
from rtbill.rating.batch.ladders import BILLED_MAX_S, SAFE
from rtbill.rating.batch.prefixes import Digits, PrefixIndex
from rtbill.rating.charging import Charger, Weights
from rtbill.rating.plan_choice import Conditions
from rtbill.rating.zones import SECOND_US

DISCOUNTS_MAX = 32
"""Of a plan with more, all calls are priced one by one."""


class Charged(NamedTuple):
    """In micro-units."""

    net: Ints
    tax: Ints
    fits: Flags
    """Whether the two are right."""


class PlanCharges:
    """What a plan makes of the prices of its lists."""

    def __init__(self, charger: Charger) -> None:
        plan = charger.plan
        self._charger = charger
        self._markups = PrefixIndex(charger.choice.markups)
        self._markup_of = np.array([*charger.choice.markups.values(), NO_PREFIX], np.int64)
        self._discounts = [
            (each, PrefixIndex(dict.fromkeys(p[1:] for p in each.prefixes)))
            for each in charger.choice.conditions
        ]
        self._least = plan.charge_min_micros
        self._tax_ppm = plan.tax.percent_ppm if plan.tax else 0
        self._is_too_large = len(self._discounts) > DISCOUNTS_MAX
        indexes = [self._markups, *(index for _, index in self._discounts)]
        self.digits_max = max(index.digits_max for index in indexes)

    def combinations(self, digits: Digits, calls: Calls) -> Ints:
        """The markup and the discounts of each call, as one number."""
        found = self._markup_of[self._markups.find(digits)] + 1
        for conditions, index in () if self._is_too_large else self._discounts:
            found = 2 * found + _hold(conditions, index, digits, calls)
        return found

    def charge(self, combinations: Ints, parts: Ints, billed_s: Ints, per_micro: int) -> Charged:
        """What is charged for calls that come to so much by their list."""
        if self._is_too_large:
            none = np.zeros_like(parts)
            return Charged(none, none, none > 0)
        seen, which = np.unique(combinations, return_inverse=True)
        rows = [self._limits(each, per_micro) for each in seen.tolist()]
        columns = np.array(rows, np.int64).reshape(-1, 6).T
        of_parts, of_billed_s, fixed, whole, least, parts_max = (each[which] for each in columns)
        fits = parts <= parts_max
        amount = parts * of_parts + billed_s * of_billed_s + fixed
        rounding = self._charger.plan.rounding
        net = _rounded(amount, whole, rounding)
        net = np.where(amount < least, self._charger.net_min_micros, net)
        net = np.where((amount == 0) | ((parts == 0) & (billed_s == 0)), 0, net)
        if not self._tax_ppm:
            return Charged(net, np.zeros_like(net), fits)
        step = 10 ** (6 - rounding.digits)
        fits &= net <= (SAFE - WHOLE_PPM * step) // self._tax_ppm
        tax = _divided_half_up(net * self._tax_ppm, WHOLE_PPM * step) * step
        return Charged(net, tax, fits)

    def _limits(self, combination: int, per_micro: int) -> tuple[int, int, int, int, int, int]:
        """The weights of parts, billed seconds, 1 and the whole; the minimum in the same measure;
        and the most parts with which no amount on the way is too large, -1 for none.
        """
        count = len(self._discounts)
        due = 0
        for place, (conditions, _) in enumerate(self._discounts):
            if combination >> (count - 1 - place) & 1:
                due |= conditions.bit
        found = self._charger.weights((combination >> count) - 1, due, per_micro)
        return _limits(found, self._least, self._charger.plan.rounding)


def rounded(parts: Ints, per_micro: int, rounding: Rounding) -> Charged:
    """The prices of a list without a plan."""
    *_, parts_max = _limits(Weights(1, 0, 0, per_micro), 0, rounding)
    net = _rounded(parts, np.array(per_micro), rounding)
    return Charged(net, np.zeros_like(net), parts <= parts_max)


def _limits(found: Weights, least: int, rounding: Rounding) -> tuple[int, int, int, int, int, int]:
    of_parts, of_billed_s, fixed, whole = found
    of_billed_s *= SECOND_US
    common = gcd(of_parts, of_billed_s, fixed, whole)
    of_parts, of_billed_s, fixed, whole = (
        each // common for each in (of_parts, of_billed_s, fixed, whole)
    )
    left = SAFE - fixed - BILLED_MAX_S * of_billed_s
    if left < 0 or max(least * whole, whole * 10 ** (6 - rounding.digits)) > SAFE:
        return 0, 0, 0, 1, 0, -1
    return of_parts, of_billed_s, fixed, whole, least * whole, left // max(of_parts, 1)


def _hold(conditions: Conditions, index: PrefixIndex, digits: Digits, calls: Calls) -> Flags:
    """Whether the conditions hold for each call."""
    count = len(calls)
    due = np.ones(count, np.bool_)
    if conditions.prefixes:
        due &= index.find(digits) != NO_PREFIX
    if conditions.accounts:
        due &= _are_among(calls.accounts, conditions.accounts, count)
    if conditions.pbxs:
        due &= _are_among(calls.pbxs, conditions.pbxs, count)
    if conditions.since is not None:
        due &= calls.answered_us >= epoch_us(conditions.since)
    if conditions.until is not None:
        due &= calls.answered_us < epoch_us(conditions.until)
    return due


def _are_among(names: Sequence[str], wanted: frozenset[str], count: int) -> Flags:
    if not names:
        return np.full(count, "" in wanted)
    return np.fromiter(map(wanted.__contains__, names), np.bool_, count)


def _rounded(amount: Ints, whole: Ints, rounding: Rounding) -> Ints:
    step = 10 ** (6 - rounding.digits)
    rounded_to: Ints = _divided(amount, whole * step, rounding.mode) * step
    return rounded_to


def _divided(dividend: Ints, divisor: Ints, mode: RoundingMode) -> Ints:
    """`rtbill.domain.money.divide_rounding` in columns."""
    if mode is RoundingMode.HALF_UP:
        return _divided_half_up(dividend, divisor)
    whole, left = np.divmod(dividend, divisor)
    if mode is RoundingMode.UP:
        whole += left > 0
    elif mode is RoundingMode.HALF_EVEN:
        whole += 2 * left + whole % 2 > divisor
    return whole


def _divided_half_up(dividend: Ints, divisor: Ints | int) -> Ints:
    nearest: Ints = (2 * dividend + divisor) // (2 * divisor)
    return nearest
