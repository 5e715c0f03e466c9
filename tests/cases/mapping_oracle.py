"""The tariff of an oracle file: ten thousand prefixes whose prices follow from their place."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from rtbill.domain.money import RoundingMode
from rtbill.domain.tariff import Rate, Rounding, Step, Terms, TimeBand
from tests.cases.price_list import PriceList
from tests.cases.reading import Case, Shared
from tests.cases.unsupported import micros, only

_DESTINATIONS = 200
_PRICES = 50
_WEEKDAYS = frozenset(range(5))
_HOUR = 60


def synthetic(case: Case) -> PriceList:
    """Peak on weekdays from 8 to 19, off-peak at every other moment."""
    return _made(case.tariff["shared"])


@lru_cache(maxsize=1)
def _made(shared: Shared) -> PriceList:
    tariff = shared.tariff
    only(tariff, "note", "timings", "peak", "off", "rounding", "decimals", "timezone", "prefixes")
    assert tariff["rounding"] == "up", "the file rounds up"
    rounding = Rounding(RoundingMode.UP, tariff["decimals"])
    return PriceList.of_rates(_rates(tariff["prefixes"]), rounding, tariff["timezone"])


def _rates(prefixes: list[str]) -> Iterator[Rate]:
    peak_hours = TimeBand(days=_WEEKDAYS, start_minute=8 * _HOUR, end_minute=19 * _HOUR)
    peak = [_terms("0.05", (10 + place, 60), (5 + place, 1)) for place in range(_PRICES)]
    off = [_terms("0.02", (3 + place, 30), (2 + place, 6)) for place in range(_PRICES)]
    for index, prefix in enumerate(prefixes):
        place = index % _DESTINATIONS % _PRICES
        yield Rate(prefix=prefix, destination=prefix, terms=peak[place], band=peak_hours)
        yield Rate(prefix=prefix, destination=prefix, terms=off[place])


def _terms(connect_fee: str, first: tuple[int, int], following: tuple[int, int]) -> Terms:
    """Two steps of hundredths a minute and an increment; the second begins after the first's."""
    begins = (0, first[1])
    return Terms(
        steps=tuple(
            Step(from_s, micros(Decimal(hundredths) / 100), 60, increment_s)
            for from_s, (hundredths, increment_s) in zip(begins, (first, following), strict=True)
        ),
        connect_fee_micros=micros(connect_fee),
    )
