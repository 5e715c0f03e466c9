"""An upper bound of what talk costs, whatever the hour: a first sum for the first seconds, then
equal sums for equal steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtbill.domain.money import divide_rounding_up
from rtbill.domain.tariff import Rate, Step
from rtbill.rating.lookup import RateTable


class Course(NamedTuple):
    """Costs are in parts of a micro-unit."""

    first_s: int
    first_cost: int
    """Due at the answer; pays `first_s` seconds."""
    step_s: int
    step_cost: int
    """Due as often as talk goes on past another `step_s` seconds."""
    jump_cost: int = 0
    """Due once, with the first step, where bands differ in the length of their increments."""
    ahead_s: int = 0
    """Seconds that may be billed beyond those which first sum and steps buy."""

    @property
    def is_free(self) -> bool:
        """Nothing is ever due."""
        return not (self.first_cost or self.step_cost or self.jump_cost)

    def affordable_s(self, budget: int, cap_s: int) -> int:
        """Whole seconds that the budget pays whatever happens, `cap_s` at most."""
        left = budget - self.first_cost
        if left < 0:
            return 0
        left -= self.jump_cost
        if left < 0 or self.step_cost > left:
            return min(self.first_s, cap_s)
        if self.step_cost == 0:
            return cap_s
        return min(self.first_s + left // self.step_cost * self.step_s, cap_s)

    def covers(self, other: Course) -> bool:
        """Whether this is proven never to cost less than the other."""
        if self.first_s > other.first_s or self.first_cost < other.first_cost:
            return False
        if self.step_s == other.step_s:
            return self.step_cost >= other.step_cost and self.jump_cost >= other.jump_cost
        # Steps of other lengths: even a line below this stays above a line over the other, from
        # where the other's steps begin. Both sides are taken `step_s` times.
        if self.step_cost * other.step_s < other.step_cost * self.step_s:
            return False
        least = self.first_cost + self.jump_cost
        most = other.first_cost + other.jump_cost + other.step_cost
        later_s = other.first_s + 1 - self.first_s
        return least * self.step_s + self.step_cost * later_s >= most * self.step_s


def courses(table: RateTable, rates: Sequence[Rate]) -> list[Course]:
    """What a call costs at most that begins at one of these rates, the bands of a prefix, and goes
    on at any of them: one course for each rate to begin with.
    """
    is_plain = all(rate.terms.is_plain for rate in rates)
    if not is_plain or table.splits or table.tariff.rounding.increment_digits is not None:
        return [_course_of_any(table, rates)]
    steps = [rate.terms.steps[0] for rate in rates]
    per_s = max(_per_second(table, step) for step in steps)
    lengths = {step.increment_s for step in steps}
    if len(lengths) == 1:
        step_s = lengths.pop()
        rest = (step_s, per_s * step_s, 0, 0)
    else:
        # Steps of several lengths: all but the last lie within the talk, the last may be any.
        last_cost = max(_per_second(table, step) * step.increment_s for step in steps)
        rest = (1, per_s, last_cost - per_s, max(lengths))
    return [
        Course(
            first_s := rate.terms.first_increment_s or step.increment_s,
            table.per_micro * rate.terms.connect_fee_micros + _per_second(table, step) * first_s,
            *rest,
        )
        for rate, step in zip(rates, steps, strict=True)
    ]


def _course_of_any(table: RateTable, rates: Sequence[Rate]) -> Course:
    """A bound for rates of any shape: every fee and the longest increment in advance, then the
    dearest second of all steps, and of all fees that recur.
    """
    terms = [rate.terms for rate in rates]
    steps = [step for each in terms for step in each.steps]
    per_s = max(_per_second(table, step) for step in steps)
    increment_s = max(
        *(step.increment_s for step in steps), *(each.first_increment_s for each in terms)
    )
    ahead_s = increment_s + max(max(each.billable_min_s, each.added_s) for each in terms)
    fees_per_s = max(
        divide_rounding_up(table.per_micro * each.recurring_fee_micros, each.recurring_every_s or 1)
        for each in terms
    )
    fees = max(
        each.connect_fee_micros + each.disconnect_fee_micros + each.charge_min_micros
        for each in terms
    )
    first_cost = table.per_micro * fees + per_s * ahead_s
    first_cost += fees_per_s * max(each.added_s for each in terms)
    return Course(0, first_cost, 1, per_s + fees_per_s, 0, ahead_s)


def _per_second(table: RateTable, step: Step) -> int:
    """Parts of a micro-unit that a second costs at most, increments rounded as the tariff says."""
    exact = step.price_micros * table.per_micro // step.unit_s
    digits = table.tariff.rounding.increment_digits
    if digits is None:
        return exact
    # A rounded increment is dearer by half a digit at most, and the shortest lasts a second.
    digit: int = table.per_micro * 10 ** (6 - digits)
    return exact + digit
