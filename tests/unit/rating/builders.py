"""Rates and tariffs that show only what a test is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rtbill.domain.money import parse_micros
from rtbill.domain.tariff import Rate, Rounding, Tariff, Terms, TimeBand
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
    return TimeBand(days=days, start_minute=int(start) * 60, end_minute=int(end) * 60)


def a_rate(
    increments: str = "60/60",
    per_minute: str = "0.06",
    connect: str = "0",
    prefix: str = "44",
    band: TimeBand | None = None,
) -> Rate:
    """A rate; prices as decimal text."""
    return Rate(
        prefix=prefix,
        destination=f"Destination {prefix}",
        terms=some_terms(increments, per_minute, connect),
        band=band,
    )


def some_terms(
    increments: str = "60/60", per_minute: str = "0.06", connect: str = "0", **more: Any
) -> Terms:
    """Terms; prices as decimal text, `more` as in Terms."""
    first, following = map(int, increments.split("/"))
    plain = Terms.per_minute(parse_micros(per_minute), first, following, parse_micros(connect))
    return replace(plain, **more)


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
        rounding=Rounding(digits=digits),
    )


def a_table(*rates: Rate, zone: str = "UTC", digits: int = 4) -> RateTable:
    """A tariff ready for looking up."""
    return RateTable(a_tariff(*rates, zone=zone, digits=digits))
