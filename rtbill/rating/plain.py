"""The common case of terms, reduced to what most calls need: a first increment, then equal ones."""

from __future__ import annotations

from typing import NamedTuple

from rtbill.domain.tariff import Terms
from rtbill.rating.zones import SECOND_US


class PlainTerms(NamedTuple):
    """Costs are in parts of a micro-unit, as the rate table has them."""

    connect_cost: int
    first_us: int
    first_cost: int
    next_us: int
    next_cost: int

    @classmethod
    def of(cls, terms: Terms, per_micro: int) -> PlainTerms:
        """From terms that are plain."""
        step = terms.steps[0]
        first_s = terms.first_increment_s or step.increment_s
        per_s = step.price_micros * per_micro // step.unit_s
        return cls(
            terms.connect_fee_micros * per_micro,
            first_s * SECOND_US,
            first_s * per_s,
            step.increment_s * SECOND_US,
            step.increment_s * per_s,
        )

    def cost(self, talk_us: int) -> tuple[int, int]:
        """What so much talk costs, and the microseconds that are billed."""
        over_us = talk_us - self.first_us
        if over_us <= 0:
            return self.connect_cost + self.first_cost, self.first_us
        increments = -(-over_us // self.next_us)
        return (
            self.connect_cost + self.first_cost + increments * self.next_cost,
            self.first_us + increments * self.next_us,
        )
