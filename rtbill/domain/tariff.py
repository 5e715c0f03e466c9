"""A price list: which prefix costs what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TimeBand:
    """Weekdays and hours, in the tariff's zone, in which a rate holds."""

    days: frozenset[int]
    """0 is Monday, 6 is Sunday."""
    start_minute: int
    """Minutes after local midnight, inclusive."""
    end_minute: int
    """Exclusive; 1440 is the end of the day. A band past midnight is written as two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The price of one destination prefix in one time band."""

    prefix: str
    """Leading digits of the E.164 number, without the plus."""
    destination: str
    """What the tariff calls that number: "Switzerland mobile"."""
    connect_fee_micros: int
    price_per_minute_micros: int
    first_increment_s: int
    """Seconds billed at least once answered: 60 in "60/1"."""
    next_increment_s: int
    band: TimeBand | None = None
    """None holds whenever no banded rate of the same prefix does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A named, versioned list of rates. A version once used is never edited, only superseded."""

    name: str
    version: int
    currency: str
    zone: str
    """IANA name; decides which band an instant falls in."""
    valid_from: datetime
    rates: tuple[Rate, ...]
    round_digits: int = 4
    """Decimals of the main unit to which a call's price is rounded, once, half up."""
