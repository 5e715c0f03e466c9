"""Rates and tariffs that show only what a test is about."""

from __future__ import annotations

from datetime import UTC, datetime

from rtbill.domain.money import parse_micros
from rtbill.domain.tariff import Rate, Tariff, TimeBand
from rtbill.rating.lookup import RateTable

YEAR_2026 = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 5, 13, 12, 0, tzinfo=UTC)
"""A Wednesday."""
DAILY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))


def utc(text: str) -> datetime:
    """The UTC instant of an ISO text without offset."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_band(hours: str, days: frozenset[int] = DAILY) -> TimeBand:
    """A band such as `8-18`, in whole hours."""
    start, end = hours.split("-")
    return TimeBand(days, int(start) * 60, int(end) * 60)


def a_rate(
    increments: str = "60/60",
    per_minute: str = "0.06",
    connect: str = "0",
    prefix: str = "44",
    band: TimeBand | None = None,
) -> Rate:
    """A rate; prices as decimal text."""
    first, following = increments.split("/")
    return Rate(
        prefix=prefix,
        destination=f"Destination {prefix}",
        connect_fee_micros=parse_micros(connect),
        price_per_minute_micros=parse_micros(per_minute),
        first_increment_s=int(first),
        next_increment_s=int(following),
        band=band,
    )


def a_tariff(
    *rates: Rate,
    zone: str = "UTC",
    digits: int = 4,
    version: int = 1,
    name: str = "retail",
    valid_from: datetime = YEAR_2026,
) -> Tariff:
    """A tariff in EUR."""
    return Tariff(
        name=name,
        version=version,
        currency="EUR",
        zone=zone,
        valid_from=valid_from,
        rates=rates,
        round_digits=digits,
    )


def a_table(*rates: Rate, zone: str = "UTC", digits: int = 4) -> RateTable:
    """A tariff ready for looking up."""
    return RateTable(a_tariff(*rates, zone=zone, digits=digits))
