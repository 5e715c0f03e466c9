"""What a call costs by the Decimal oracle, from the tariffs as they were planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from rtbill.domain.call import from_epoch_us
from rtbill.domain.tariff import Rate, Tariff
from tests.property.price_oracle import OracleWalk
from tests.simulation.prices import NUMBER_OF, tariffs

TALK_TOLERANCE_US = 50_000


class Cost:
    """Of one call: of which account's tariff, to which number, answered when."""

    def __init__(self, tariff: str, dialled: str, answered_at: datetime) -> None:
        found, rates = rates_of(tariff or "retail", NUMBER_OF[dialled].digits)
        self.has_rate = bool(rates)
        self._walk = OracleWalk(replace(found, rates=rates), answered_at) if rates else None

    def micros(self, talk_us: int) -> int:
        """The price of that much talk; 0 without a rate."""
        if self._walk is None:
            return 0
        return int(self._walk.price(timedelta(microseconds=max(0, talk_us))).amount.scaleb(6))


def cost_of(tariff: str, dialled: str, answered_us: int) -> Cost:
    """The same, by an instant of the exchange's."""
    return Cost(tariff, dialled, from_epoch_us(answered_us))


@cache
def rates_of(tariff: str, digits: str) -> tuple[Tariff, tuple[Rate, ...]]:
    """The tariff, and its rates of the longest prefix, found the slow way."""
    named = next(each for each in tariffs() if each.name == tariff)
    for length in range(len(digits), 0, -1):
        found = tuple(rate for rate in named.rates if rate.prefix == digits[:length])
        if found:
            return named, found
    return named, ()
