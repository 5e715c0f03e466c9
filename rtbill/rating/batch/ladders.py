"""What calls cost while one rate holds all the time: `rtbill.rating.ladder` in columns.

Every increment is a whole number of seconds, so that talk counts in seconds begun. Costs are in
parts of a micro-unit as the list has them, without the millionths that split increments need.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rtbill.domain.money import divide_rounding_up
from rtbill.domain.tariff import Rounding, Terms
from rtbill.rating.batch.columns import Flags, Ints, climbed
from rtbill.rating.ladder import Rung, increment_cost, rounded_increment, rungs_of
from rtbill.rating.zones import SECOND_US

TALK_MAX_S = 31 * 86_400
"""Longer calls are priced one by one, so that no product of a second and a price is too large."""
SAFE = 1 << 61
"""No amount on the way is larger: twice that and as much again is less than 64 bits hold."""
BILLED_MAX_S = 1 << 23
_ENDLESS_S = 1 << 62


class Ladders:
    """The terms of one list, by number."""

    def __init__(self, terms: Sequence[Terms], rounding: Rounding, per_micro: int) -> None:
        self._firsts: list[int] = []
        self._rungs: list[tuple[int, int, int, int, int]] = []
        self._fits = np.array([self._add(each, rounding, per_micro) for each in terms], np.bool_)
        rungs = np.array(self._rungs, np.int64).reshape(-1, 5).T
        self._ends_s, self._begins_s, self._lengths_s, self._costs, self._sums = map(
            np.ascontiguousarray, rungs
        )
        self._first = np.array(self._firsts, np.int64)
        fits = [
            each if fit else Terms(steps=()) for each, fit in zip(terms, self._fits, strict=True)
        ]
        self._free_s = _column(each.free_s for each in fits)
        self._added_s = _column(each.added_s for each in fits)
        self._uncounted_s = self._free_s - self._added_s
        self._least_s = _column(each.billable_min_s for each in fits)
        self._grace_s = _column(each.grace_s or -1 for each in fits)
        self._connect = _column(each.connect_fee_micros * per_micro for each in fits)
        self._disconnect = _column(each.disconnect_fee_micros * per_micro for each in fits)
        self._after_s = _column(each.disconnect_after_s for each in fits)
        self._recurring = _column(each.recurring_fee_micros * per_micro for each in fits)
        self._every_us = _column((each.recurring_every_s or 1) * SECOND_US for each in fits)
        self._least = _column(each.charge_min_micros * per_micro for each in fits)
        most = [None if each.charge_max_ends else each.charge_max_micros for each in fits]
        self._most = _column(_ENDLESS_S if each is None else each * per_micro for each in most)
        self._has_free = bool(self._free_s.any() or self._least_s.any() or self._added_s.any())
        self._has_recurring = bool(self._recurring.any())
        self._has_fees = bool(
            self._disconnect.any()
            or self._least.any()
            or (self._most < _ENDLESS_S).any()
            or self._has_recurring
        )
        self._has_grace = bool((self._grace_s > 0).any())

    def fit(self, terms: Ints, talk_us: Ints) -> Flags:
        """Whether the cost can be reckoned here."""
        fits: Flags = self._fits[terms] & (talk_us <= TALK_MAX_S * SECOND_US)
        return fits

    def reach_us(self, terms: Ints, talk_us: Ints) -> Ints:
        """How far after the answer increments may begin."""
        if not self._has_free:
            return talk_us
        least_us: Ints = (self._free_s[terms] + self._least_s[terms]) * SECOND_US
        reach_us: Ints = np.maximum(talk_us + self._added_s[terms] * SECOND_US, least_us)
        return reach_us

    def ends_us(self, terms: Ints, billed_s: Ints) -> Ints:
        """How far after the answer the last increment ends."""
        ends_us: Ints = (self._free_s[terms] + billed_s) * SECOND_US
        return ends_us

    def connect_fees(self, terms: Ints) -> Ints:
        """In parts of a micro-unit; of what does not fit none."""
        fees: Ints = self._connect[terms]
        return fees

    def cost(self, terms: Ints, talk_us: Ints) -> tuple[Ints, Ints]:
        """Parts of a micro-unit, and the seconds that are billed; of what does not fit anything."""
        talk_s = -(-talk_us // SECOND_US)
        left_s = talk_s - self._uncounted_s[terms] if self._has_free else talk_s
        least_s = np.maximum(self._least_s[terms], 1) if self._has_free else 1
        counted_s = np.maximum(left_s, least_s)  # the first increment is always due
        places = climbed(self._first[terms], self._ends_s, counted_s - 1)
        begins_s, length_s = self._begins_s[places], self._lengths_s[places]
        increments = (counted_s - begins_s + length_s - 1) // length_s
        cost = self._sums[places] + increments * self._costs[places]
        billed_s = begins_s + increments * length_s
        if self._has_free:
            is_free = (left_s <= 0) & (self._free_s[terms] > 0)
            cost = np.where(is_free, self._connect[terms], cost)
            billed_s = np.where(is_free, 0, billed_s)
        if self._has_fees:
            owes = talk_us >= self._after_s[terms] * SECOND_US
            cost = cost + np.where(owes, self._disconnect[terms], 0)
            if self._has_recurring:
                full = (talk_us + self._added_s[terms] * SECOND_US) // self._every_us[terms]
                cost = cost + full * self._recurring[terms]
            cost = np.maximum(np.minimum(cost, self._most[terms]), self._least[terms])
        if self._has_grace:
            is_in_grace = talk_s <= self._grace_s[terms]
            cost = np.where(is_in_grace, 0, cost)
            billed_s = np.where(is_in_grace, 0, billed_s)
        return cost, billed_s

    def _add(self, terms: Terms, rounding: Rounding, per_micro: int) -> bool:
        """Take the rungs that a call can reach; whether every cost of theirs fits."""
        self._firsts.append(len(self._rungs))
        reach_s = max(TALK_MAX_S, terms.billable_min_s) + terms.added_s
        rungs = [each for each in rungs_of(terms) if each.begins_us < reach_s * SECOND_US]
        cost_most, billed_most_s = terms.connect_fee_micros * per_micro, 0
        found: list[tuple[int, int, int, int, int]] = []
        for rung, following in zip(rungs, [*rungs[1:], None], strict=True):
            exact = increment_cost(rung.step, rung.length_us, per_micro)
            cost = rounded_increment(exact, rounding, per_micro)
            begins_s, length_s = rung.begins_us // SECOND_US, rung.length_us // SECOND_US
            ends_s = _begins_s(following)
            found.append((ends_s, begins_s, length_s, cost, cost_most))
            increments = divide_rounding_up(min(ends_s, reach_s) - begins_s, length_s)
            cost_most += increments * cost
            billed_most_s = begins_s + increments * length_s
        recurring = terms.recurring_fee_micros * (reach_s // (terms.recurring_every_s or 1))
        fees = (terms.disconnect_fee_micros + terms.charge_min_micros + recurring) * per_micro
        limit = (terms.charge_max_micros or 0) * per_micro
        fits = (
            max(cost_most + fees, limit) <= SAFE
            and terms.free_s + billed_most_s <= BILLED_MAX_S
            and max(terms.grace_s, terms.disconnect_after_s) <= BILLED_MAX_S
        )
        self._rungs += found if fits else [(_ENDLESS_S, 0, 1, 0, 0)]
        return fits


def _begins_s(rung: Rung | None) -> int:
    return _ENDLESS_S if rung is None else rung.begins_us // SECOND_US


def _column(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)
