"""How long a call may last whatever the money: until its rate ends it, and while the talk is not
dearer than a ceiling.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.price_plan import WHOLE_PPM
from rtbill.domain.tariff import DAY_S, MINUTE_S, Step, Terms
from rtbill.rating.affordable import paid_s
from rtbill.rating.charging import Weights
from rtbill.rating.increments import runs
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import terms_at
from rtbill.rating.zones import SECOND_US

LONGEST_S = DAY_S
"""What ends a call later is taken to end none: so long a call waits for a person."""


class Ceiling(NamedTuple):
    """The highest price a minute at which a call may talk, and what becomes of a tariff's price
    before an account pays it.
    """

    micros: int
    factor: Fraction = Fraction(1)
    added_micros: Fraction = Fraction(0)
    """A minute, after the factor."""

    @classmethod
    def under(cls, micros: int, weights: Weights, per_micro: int, tax_ppm: int) -> Ceiling:
        """For what a plan with these weights makes of the parts of a list."""
        taxed = Fraction(WHOLE_PPM + tax_ppm, WHOLE_PPM * weights.whole)
        minute_us = MINUTE_S * SECOND_US
        return cls(
            micros, taxed * weights.of_parts * per_micro, taxed * weights.of_billed_us * minute_us
        )

    def is_exceeded(self, step: Step, terms: Terms) -> bool:
        """Whether talk at this step costs more; `terms` are those of the answer, whose recurring
        fee is a price by time as well.
        """
        return self.is_exceeded_by(per_minute_micros(step, terms))

    def is_exceeded_by(self, per_minute: Fraction) -> bool:
        """Whether a list's price a minute is too high."""
        return per_minute * self.factor + self.added_micros > self.micros


def per_minute_micros(step: Step, terms: Terms) -> Fraction:
    """What a minute of increments at this step costs by the list, with the recurring fee."""
    found = Fraction(step.price_micros * MINUTE_S, step.unit_s)
    if terms.recurring_fee_micros:
        found += Fraction(terms.recurring_fee_micros * MINUTE_S, terms.recurring_every_s)
    return found


def longest_s(table: RateTable, number: str, answered_at: datetime) -> int | None:
    """Whole seconds after which the rate of the answer ends the call: its longest call, or the last
    second that a greatest charge covers which ends it; None when neither ever does. NoRate when no
    rate holds at the answer.
    """
    terms = terms_at(table, number, epoch_us(answered_at))
    found, most = terms.call_max_s or LONGEST_S, terms.charge_max_micros
    if terms.charge_max_ends and most is not None:
        found = paid_s(table, number, answered_at, most * table.per_micro, found)
    return found if terms.call_max_s or found < LONGEST_S else None


def below_ceiling_s(
    table: RateTable, number: str, answered_at: datetime, ceiling: Ceiling, cap_s: int = LONGEST_S
) -> int:
    """Whole seconds of talk, `cap_s` at most, up to which no increment is due whose price a minute
    is above the ceiling: 0 when that of the first is. Any band and step counts that the call would
    come into; fees that are due once do not. NoRate when no rate holds at the answer.
    """
    answered_us = epoch_us(answered_at)
    terms = terms_at(table, number, answered_us)
    begins_us = answered_us + terms.free_s * SECOND_US
    try:
        for run in runs(table, number, answered_us):
            counted_s = (run.begins_us - begins_us) // SECOND_US
            if counted_s < terms.billable_min_s:
                counted_s = 0  # it is due together with the first
            talk_s = counted_s + terms.free_s - terms.added_s
            if talk_s >= cap_s:
                break
            if ceiling.is_exceeded(run.step, terms):
                return max(0, talk_s)
    except NoRate:
        pass  # a gap between bands: nothing dearer comes before it
    return cap_s
