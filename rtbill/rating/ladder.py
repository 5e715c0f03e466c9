"""What a call costs while one rate holds all the time: found at once, however long the call.

The increments of terms are runs of equal ones: the first, those of a step, and where increments end
at multiples of themselves also shorter ones between. A ladder holds where each run begins, and what
all before it cost; the last run has no end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from rtbill.domain.money import divide_rounding_half_up
from rtbill.domain.tariff import Counting, Rounding, Step, Terms
from rtbill.rating.zones import SECOND_US

ENDLESS = 1 << 62
"""More increments than any call has."""


class Rung(NamedTuple):
    """Increments of one length and price, one after the other."""

    step: Step
    begins_us: int
    """Microseconds counted before."""
    length_us: int
    increments: int


class Ladder:
    """The cost of a call by its length; costs in parts of a micro-unit, as the rate table has."""

    __slots__ = (
        "_added_us",
        "_begins",
        "_connect_cost",
        "_costs",
        "_counted_min_us",
        "_disconnect_after_us",
        "_disconnect_cost",
        "_every_us",
        "_free_us",
        "_grace_us",
        "_has_more",
        "_least_cost",
        "_least_us",
        "_lengths",
        "_most_cost",
        "_recurring_cost",
        "_sums",
        "_uncounted_us",
    )

    def __init__(self, terms: Terms, rounding: Rounding, per_micro: int) -> None:
        rungs = rungs_of(terms)
        self._begins = [rung.begins_us for rung in rungs]
        self._lengths = [rung.length_us for rung in rungs]
        exact = (increment_cost(rung.step, rung.length_us, per_micro) for rung in rungs)
        self._costs = [rounded_increment(cost, rounding, per_micro) for cost in exact]
        self._sums = [terms.connect_fee_micros * per_micro]
        for rung, cost in zip(rungs[:-1], self._costs, strict=False):
            self._sums.append(self._sums[-1] + rung.increments * cost)
        self._connect_cost = self._sums[0]
        self._free_us = terms.free_s * SECOND_US
        self._added_us = terms.added_s * SECOND_US
        self._uncounted_us = self._free_us - self._added_us
        self._least_us = terms.billable_min_s * SECOND_US
        self._counted_min_us = max(1, self._least_us)  # the first increment is always due
        self._grace_us = terms.grace_s * SECOND_US if terms.grace_s else -1
        has_fee = bool(terms.disconnect_fee_micros)
        self._disconnect_after_us = terms.disconnect_after_s * SECOND_US if has_fee else ENDLESS
        self._disconnect_cost = terms.disconnect_fee_micros * per_micro
        self._recurring_cost = terms.recurring_fee_micros * per_micro
        self._every_us = terms.recurring_every_s * SECOND_US
        assert self._every_us or not self._recurring_cost, "a recurring fee has its span"
        self._least_cost = terms.charge_min_micros * per_micro
        most = None if terms.charge_max_ends else terms.charge_max_micros
        self._most_cost = None if most is None else most * per_micro
        self._has_more = has_fee or bool(self._recurring_cost) or most is not None

    def reach_us(self, talk_us: int) -> int:
        """How far after the answer increments may begin."""
        return max(talk_us + self._added_us, self._free_us + self._least_us)

    def ends_us(self, billed_us: int) -> int:
        """How far after the answer the last increment ends; where free seconds are all, they do."""
        return self._free_us + billed_us

    def paid_us(self, budget: int) -> int:
        """How far after the answer the increments reach that so much pays, where a price is the
        connect fee and increments alone.
        """
        index = bisect_right(self._sums, budget) - 1
        if index < 0:
            return 0
        cost = self._costs[index]
        if not cost:
            return ENDLESS  # the last run, or the next would have begun at the same sum
        return self._begins[index] + (budget - self._sums[index]) // cost * self._lengths[index]

    def cost(self, talk_us: int) -> tuple[int, int]:
        """What so much talk costs, and the microseconds that are billed."""
        if talk_us <= self._grace_us:
            return 0, 0
        counted_us = talk_us - self._uncounted_us
        if counted_us <= 0 and self._free_us:
            cost, billed_us = self._connect_cost, 0
        else:
            if counted_us < self._counted_min_us:
                counted_us = self._counted_min_us
            index = bisect_left(self._begins, counted_us) - 1
            length_us, begins_us = self._lengths[index], self._begins[index]
            increments = -((begins_us - counted_us) // length_us)
            cost = self._sums[index] + increments * self._costs[index]
            billed_us = begins_us + increments * length_us
        if self._has_more:
            cost = self._with_more(cost, talk_us)
        return cost if cost > self._least_cost else self._least_cost, billed_us

    def _with_more(self, cost: int, talk_us: int) -> int:
        """With the fees beyond the first, kept within the greatest charge."""
        if talk_us >= self._disconnect_after_us:
            cost += self._disconnect_cost
        if self._recurring_cost:
            cost += (talk_us + self._added_us) // self._every_us * self._recurring_cost
        most = self._most_cost
        return cost if most is None or cost < most else most


def rungs_of(terms: Terms) -> list[Rung]:
    """All runs of increments of the terms, the last of them endless."""
    found: list[Rung] = []
    counted_us = 0
    while True:
        step, ends_us = step_at(terms, counted_us)
        length_us, increments = next_increments(terms, step, counted_us)
        if increments > 1 and ends_us < ENDLESS:
            increments = -((counted_us - ends_us) // length_us)
        found.append(Rung(step, counted_us, length_us, increments))
        if increments == ENDLESS:
            return found
        counted_us += increments * length_us


def step_at(terms: Terms, counted_us: int) -> tuple[Step, int]:
    """The step that so much counted talk has reached, and where the next one begins."""
    ends_us = ENDLESS
    for step in reversed(terms.steps):
        if step.from_s * SECOND_US <= counted_us:
            return step, ends_us
        ends_us = step.from_s * SECOND_US
    raise AssertionError("the first step is from 0")


def next_increments(terms: Terms, step: Step, counted_us: int) -> tuple[int, int]:
    """Length of the increment that is due, and how many such may follow each other."""
    if counted_us == 0 and terms.first_increment_s:
        return terms.first_increment_s * SECOND_US, 1
    length_us = step.increment_s * SECOND_US
    if terms.counting is Counting.FROM_ZERO and counted_us % length_us:
        return length_us - counted_us % length_us, 1
    return length_us, ENDLESS


def increment_cost(step: Step, length_us: int, per_micro: int) -> int:
    """What an increment costs, exactly, in parts of a micro-unit."""
    return step.price_micros * length_us * per_micro // (step.unit_s * SECOND_US)


def rounded_increment(cost: int, rounding: Rounding, per_micro: int) -> int:
    """An increment's price as the tariff keeps it; exact, unless it rounds increments too."""
    if rounding.increment_digits is None:
        return cost
    digit: int = per_micro * 10 ** (6 - rounding.increment_digits)
    return divide_rounding_half_up(cost, digit) * digit
