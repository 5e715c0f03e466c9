"""Rates and tariffs that show only what a test is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rtbill.domain.money import parse_micros
from rtbill.domain.price_plan import PERCENT_PPM, Discount, Markup, PricePlan, Tax
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


def a_plan(*tariffs: str, version: int = 1, **fields: Any) -> PricePlan:
    """A price plan in EUR over these tariffs, or over retail, that changes nothing by itself."""
    values: dict[str, Any] = {
        "name": "hall-plan",
        "version": version,
        "currency": "EUR",
        "valid_from": YEAR_2026,
        "tariffs": tariffs or ("retail",),
    }
    return PricePlan(**(values | fields))


def a_markup(
    percent: str = "0", per_minute: str = "0", per_call: str = "0", prefixes: str = ""
) -> Markup:
    """A markup; amounts as decimal text, prefixes divided by blanks."""
    return Markup(
        percent_ppm=ppm(percent),
        per_minute_micros=parse_micros(per_minute),
        per_call_micros=parse_micros(per_call),
        prefixes=tuple(prefixes.split()),
    )


def a_discount(percent: str = "10", name: str = "Christmas", **conditions: Any) -> Discount:
    """A discount, of every call unless conditions say otherwise."""
    return Discount(name=name, percent_ppm=ppm(percent), **conditions)


def a_tax(percent: str = "19") -> Tax:
    """A tax."""
    return Tax("VAT", ppm(percent))


def ppm(percent: str) -> int:
    """Millionths of a percentage."""
    return parse_micros(percent) * PERCENT_PPM // 1_000_000
