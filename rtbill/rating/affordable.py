"""How long a call may last on the money there is: the exact inverse of the price."""

from __future__ import annotations

from datetime import datetime

from rtbill.domain.errors import NoRate
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import SIXTIETHS, runs

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
    when it does not pay the first, `cap_s` at most. One microsecond more of talk would begin the
    next increment: whoever ends the call must do so at this instant or before. Ends, too, where the
    bands leave a time without a rate; NoRate when there is none from the beginning.
    """
    budget = budget_sixtieths(money_micros, table.rounding_step)
    billed_s, spent = 0, 0
    try:
        for run in runs(table, number, answered_at):
            if billed_s == 0:
                spent = SIXTIETHS * run.rate.connect_fee_micros
                if spent > budget:
                    return 0
            cost = run.rate.price_per_minute_micros * run.length_s
            fits = run.increments if cost == 0 else min(run.increments, (budget - spent) // cost)
            billed_s += fits * run.length_s
            spent += fits * cost
            if fits < run.increments or billed_s >= cap_s:
                break
    except NoRate:
        if billed_s == 0:
            raise
    return min(billed_s, cap_s)


def budget_sixtieths(money_micros: int, step: int) -> int:
    """The largest exact sum whose price, rounded half up to whole steps, is within the money."""
    whole_steps = money_micros // step
    return ((2 * whole_steps + 1) * SIXTIETHS * step - 1) // 2
