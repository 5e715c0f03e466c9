"""How long any number of a class may be called whatever the money: until the first of its rates
ends a call, or may be dearer than a ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rtbill.domain.adjustment import Bounds
from rtbill.domain.price_plan import WHOLE_PPM, PricePlan
from rtbill.domain.tariff import Rate, Terms
from rtbill.rating.affordable import longest_paid_s
from rtbill.rating.longest import LONGEST_S, Ceiling, per_minute_micros
from rtbill.rating.lookup import RateTable


class ClassBounds:
    """The bounds of one class. Keeps no rates."""

    def __init__(self, plan: PricePlan | None, hook: Bounds) -> None:
        """`hook` says how much dearer a site's hook may make a minute."""
        self._factor, self._added = _dearest(plan, hook)
        self._ends_s = LONGEST_S
        self._dearest: dict[int, Fraction] = {}
        """The highest price a minute in a list that may be due after so many seconds of talk."""

    def add(self, table: RateTable, rates: Sequence[Rate]) -> None:
        """Take in the rates of one prefix."""
        recurring = max((rate.terms for rate in rates), key=_recurring)
        for rate in rates:
            self._ends_s = min(self._ends_s, _ends_s(table, rate.terms))
        # The call begins at one of the rates, and comes to the others at any time.
        begun_s = max(rate.terms.billable_min_s for rate in rates)
        added_s = max(rate.terms.added_s for rate in rates)
        for step in [step for rate in rates for step in rate.terms.steps]:
            after_s = 0 if step.from_s < begun_s else max(0, step.from_s - added_s)
            price = per_minute_micros(step, recurring)
            self._dearest[after_s] = max(price, self._dearest.get(after_s, price))

    def longest_s(self, ceiling_micros: int | None) -> int:
        """Whole seconds of talk."""
        if ceiling_micros is None:
            return self._ends_s
        ceiling = Ceiling(ceiling_micros, self._factor, self._added)
        dear = [
            after_s for after_s, price in self._dearest.items() if ceiling.is_exceeded_by(price)
        ]
        return min(self._ends_s, *dear) if dear else self._ends_s


def _recurring(terms: Terms) -> Fraction:
    return Fraction(terms.recurring_fee_micros, terms.recurring_every_s or 1)


def _ends_s(table: RateTable, terms: Terms) -> int:
    """When the rate ends a call of which its band holds all the time."""
    found = terms.call_max_s or LONGEST_S
    most = terms.charge_max_micros
    if not terms.charge_max_ends or most is None:
        return found
    ladder, most_parts = table.ladder(terms), most * table.per_micro
    return longest_paid_s(lambda talk_us: ladder.cost(talk_us)[0] <= most_parts, found)


def _dearest(plan: PricePlan | None, hook: Bounds) -> tuple[Fraction, Fraction]:
    """What multiplies a list's price and what is added a minute, by the dearest markup and hook,
    with tax and without discount.
    """
    factor, added, taxed = Fraction(1), Fraction(0), Fraction(1)
    if plan is not None:
        factor += Fraction(max((each.percent_ppm for each in plan.markups), default=0), WHOLE_PPM)
        added += max((each.per_minute_micros for each in plan.markups), default=0)
        taxed += Fraction(plan.tax.percent_ppm if plan.tax else 0, WHOLE_PPM)
    raised = 1 + Fraction(hook.percent_ppm, WHOLE_PPM)
    return taxed * factor * raised, taxed * (added * raised + hook.per_minute_micros)
