"""A price list: which prefix costs what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.money import RoundingMode

DAYS = frozenset(range(7))
MINUTE_S = 60
DAY_S = 86_400


class Counting(StrEnum):
    """Where the increments after the first are counted from: 31 s at 30/18 are billed as 48 s by
    one school and as 36 s by the other.
    """

    AFTER_FIRST = "after_first"
    """From the end of the one before: 30, 48, 66."""
    FROM_ZERO = "from_zero"
    """Every end is a multiple of the increment: 30, 36, 54."""


class OnHolidays(StrEnum):
    """Whether a band asks its calendar."""

    ALSO = "also"
    ONLY = "only"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBand:
    """Dates and hours, in the tariff's zone, in which a rate holds. Every condition must hold; an
    empty set is none.
    """

    days: frozenset[int] = DAYS
    """0 is Monday, 6 is Sunday."""
    start_minute: int = 0
    """Minutes after local midnight, inclusive."""
    end_minute: int = 1440
    """Exclusive; 1440 is the end of the day. A band past midnight is written as two."""
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    years: frozenset[int] = frozenset()
    on_holidays: OnHolidays = OnHolidays.ALSO
    calendar: str = ""
    """Whose holidays."""
    priority: int = 0
    """Where several bands of a prefix hold, the highest; two of the same are refused."""

    @property
    def is_weekly(self) -> bool:
        """It depends on nothing but weekday and hour."""
        return not (
            self.months or self.month_days or self.years or self.on_holidays is not OnHolidays.ALSO
        )


@dataclass(frozen=True, slots=True)
class Step:
    """From some second of talk on: price and increment."""

    from_s: int
    price_micros: int
    """Of one unit."""
    unit_s: int
    """Seconds of a unit: 60 for a price a minute. Divides a day, so that sums of prices keep a
    small common denominator.
    """
    increment_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a call costs; shared by all the prefixes that cost the same."""

    steps: tuple[Step, ...]
    """In the order of `from_s`, the first from 0."""
    first_increment_s: int = 0
    """Length of the first increment of a call, at the price of its step; 0: as the step says."""
    connect_fee_micros: int = 0
    """Due at the answer."""
    counting: Counting = Counting.AFTER_FIRST
    free_s: int = 0
    """Seconds after the answer that the connect fee covers; increments and steps begin after."""
    billable_min_s: int = 0
    """At least so many seconds are billed once any are."""
    grace_s: int = 0
    """A call no longer than this costs nothing: a trunk that does not tell when it is answered."""
    charge_min_micros: int = 0
    charge_max_micros: int | None = None
    """Beyond it the call goes on for nothing, or is not let go on."""
    charge_max_ends: bool = False
    """The call is not let go on past the last second that the greatest charge covers; talk that an
    exchange lets pass all the same is billed.
    """
    disconnect_fee_micros: int = 0
    disconnect_after_s: int = 0
    """The disconnect fee is due for calls of so many seconds and more."""
    recurring_fee_micros: int = 0
    recurring_every_s: int = 0
    """The recurring fee is due once for so many seconds, at the instant at which they are full;
    added seconds are counted, free ones too.
    """
    added_s: int = 0
    """Seconds by which a call counts as longer than its talk, for increments and recurring fees."""
    call_max_s: int | None = None
    """No call at this rate is let go on longer."""

    @classmethod
    def per_minute(
        cls, price_micros: int, first_s: int, next_s: int, connect_fee_micros: int = 0
    ) -> Terms:
        """The common form: a price a minute, and increments such as 60/1."""
        return cls(
            steps=(Step(0, price_micros, MINUTE_S, next_s),),
            first_increment_s=first_s,
            connect_fee_micros=connect_fee_micros,
        )

    @property
    def is_plain(self) -> bool:
        """One price, a first and a next increment, a connect fee, and nothing else."""
        return self == Terms(
            steps=self.steps[:1],
            first_increment_s=self.first_increment_s,
            connect_fee_micros=self.connect_fee_micros,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The price of one destination prefix in one time band."""

    prefix: str
    """Leading digits of the E.164 number, without the plus."""
    destination: str
    """What the tariff calls that number: "Switzerland mobile"."""
    terms: Terms
    band: TimeBand | None = None
    """None holds whenever no banded rate of the same prefix does."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How the exact sum becomes a price: once a call, unless increments are rounded as well."""

    mode: RoundingMode = RoundingMode.HALF_UP
    digits: int = 4
    """Decimals of the main unit."""
    increment_digits: int | None = None
    """Compatibility: every increment's price is first rounded to so many decimals, half up."""


DEFAULT_ROUNDING = Rounding()
"""Half up, to four decimals, once (LG-09)."""


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
    rounding: Rounding = DEFAULT_ROUNDING
    splits_increments: bool = False
    """Whether a change of bands ends the increment in progress, which then is billed in part; else
    the increment belongs to the band in which it began.
    """
