"""How long a call may last on the money there is: the exact inverse of the price."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.money import largest_rounding_to
from rtbill.domain.tariff import Terms
from rtbill.rating.increments import no_rate_at, runs
from rtbill.rating.lookup import RateTable, stretch
from rtbill.rating.price import exact_price
from rtbill.rating.zones import SECOND_US

CALL_S_MAX = 4 * 3600
"""No call is promised more at once."""


def affordable_s(
    table: RateTable,
    number: str,
    answered_at: datetime,
    money_micros: int,
    cap_s: int = CALL_S_MAX,
) -> int:
    """Whole seconds after the answer at which the last increment that the money pays is over; 0
    when it does not pay the first, `cap_s` at most, or where the rate ends the call. One
    microsecond more of talk would begin the next increment: whoever ends the call must do so at
    this instant or before. Ends, too, where the bands leave a time without a rate; NoRate when
    there is none from the beginning.
    """
    terms, holds_us = _held(table, number, answered_at)
    if terms.call_max_s is not None:
        cap_s = min(cap_s, terms.call_max_s)
    budget = budget_parts(table, money_micros)
    if terms.charge_max_ends and terms.charge_max_micros is not None:
        budget = min(budget, terms.charge_max_micros * table.per_micro)
    return _paid_s(table, terms, holds_us, number, answered_at, budget, cap_s)


def paid_s(
    table: RateTable, number: str, answered_at: datetime, budget: int, cap_s: int = CALL_S_MAX
) -> int:
    """The same for an exact sum in parts of a micro-unit, whatever else ends the call."""
    terms, holds_us = _held(table, number, answered_at)
    return _paid_s(table, terms, holds_us, number, answered_at, budget, cap_s)


def _held(table: RateTable, number: str, answered_at: datetime) -> tuple[Terms, int]:
    """The terms that hold at the answer, and for how many microseconds."""
    answered_us = epoch_us(answered_at)
    rate, until_us = stretch(table.find(number), answered_us)
    if rate is None:
        raise NoRate(no_rate_at(table, number))
    return rate.terms, until_us - answered_us


def _paid_s(  # noqa: PLR0913 - the facts of one call
    table: RateTable,
    terms: Terms,
    holds_us: int,
    number: str,
    answered_at: datetime,
    budget: int,
    cap_s: int,
) -> int:
    if _adds_up(table, terms):
        paid_us = min(table.ladder(terms).paid_us(budget), cap_s * SECOND_US)
        if paid_us < holds_us:
            return paid_us // SECOND_US  # the increment that would be next is at this rate, too
        return _by_increments(table, number, answered_at, budget, cap_s)
    return longest_paid_s(
        lambda talk_us: exact_price(table, number, answered_at, talk_us).parts <= budget, cap_s
    )


def longest_paid_s(pays: Callable[[int], bool], cap_s: int) -> int:
    """The longest whole second that is paid, 0 to `cap_s`: prices never fall with time. `pays` is
    asked for microseconds of talk; NoRate for more than nothing counts as not paid.
    """
    if not pays(0):
        return 0
    paid_s, dear_s = 0, cap_s + 1
    while dear_s - paid_s > 1:
        middle_s = (paid_s + dear_s) // 2
        try:
            is_paid = pays(middle_s * SECOND_US)
        except NoRate:
            is_paid = False
        paid_s, dear_s = (middle_s, dear_s) if is_paid else (paid_s, middle_s)
    return paid_s


def budget_parts(table: RateTable, money_micros: int) -> int:
    """The largest exact sum whose rounded price is within the money."""
    steps = money_micros // table.rounding_step
    return largest_rounding_to(steps, table.per_step, table.tariff.rounding.mode)


def _adds_up(table: RateTable, terms: Terms) -> bool:
    """Whether a price is the connect fee and increments, and nothing else."""
    return (
        not table.splits
        and not (terms.free_s or terms.billable_min_s or terms.grace_s or terms.charge_min_micros)
        and not (terms.disconnect_fee_micros or terms.recurring_fee_micros or terms.added_s)
        and (terms.charge_max_micros is None or terms.charge_max_ends)
    )


def _by_increments(
    table: RateTable, number: str, answered_at: datetime, budget: int, cap_s: int
) -> int:
    left = budget
    paid_us = 0
    try:
        for run in runs(table, number, epoch_us(answered_at)):
            if paid_us == 0:
                left -= run.rate.terms.connect_fee_micros * table.per_micro
                if left < 0:
                    return 0
            cost = run.cost(table)
            fits = run.increments if cost == 0 else min(run.increments, left // cost)
            paid_us += fits * run.length_us
            left -= fits * cost
            if fits < run.increments or paid_us >= cap_s * SECOND_US:
                break
    except NoRate:
        if paid_us == 0:
            raise
    return min(paid_us // SECOND_US, cap_s)
