"""Which rate holds at an instant: dates and hours of the tariff's zone, asked in UTC.

A band holds whenever the local clock shows one of its minutes on one of its dates, be the minute
skipped in spring or shown twice in autumn. Every local date has a profile: which rate from which
minute on. Dates on which the same bands hold share it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import OnHolidays, Rate, TimeBand
from rtbill.rating.zones import DAY_US, SECOND_US, offsets_of_day, zone_named

DAY_MINUTES = 1440
_MINUTE_US = 60 * SECOND_US
_EPOCH_WEEKDAY = 3
"""1970 began on a Thursday."""
_EPOCH = date(1970, 1, 1)
_DATES_KEPT = 1024

Calendars = Mapping[str, Container[date]]
"""Holidays by the name of their calendar."""
NO_CALENDARS: Calendars = {}
Bands = tuple[TimeBand | None, ...]
"""Of the rates of one prefix, in their order; None holds whenever no other does."""


class Stretch(NamedTuple):
    """From the instant asked about up to `until_us` one rate holds; None when no rate does."""

    rate: Rate | None
    until_us: int
    """Where to ask again: the end of the band, of a day, or a change of the clocks."""


class Profile(NamedTuple):
    """One local date: which of the bands from which minute on."""

    starts: tuple[int, ...]
    """Minutes after midnight, the first 0."""
    held: tuple[int | None, ...]
    """The place in its rates of the one that holds from each start on; None where none does."""


class BandPattern:
    """The bands of a prefix over the calendar, shared by all prefixes that have the same: a list
    has thousands of prefixes with bands, and a handful of patterns.
    """

    __slots__ = ("_banded", "_calendars", "_otherwise", "_profiles", "_seen", "_zone")

    def __init__(self, bands: Bands, zone: str, calendars: Calendars = NO_CALENDARS) -> None:
        """BadRecord when two bands claim the same minute, or the zone or a calendar is unknown."""
        zone_named(zone)
        self._zone = zone
        unbanded = [index for index, band in enumerate(bands) if band is None]
        self._otherwise = unbanded[0] if unbanded else None
        self._banded = [(index, band) for index, band in enumerate(bands) if band is not None]
        if len(unbanded) > 1 or clash([band for _, band in self._banded]):
            raise BadRecord("two rates hold at the same time")
        self._calendars = calendars
        for _, band in self._banded:
            if band.on_holidays is not OnHolidays.ALSO and band.calendar not in calendars:
                raise BadRecord(
                    f"there is no holiday calendar {band.calendar!r}; declare it as [[holidays]]"
                )
        self._profiles: dict[int, Profile] = {}
        """By the bands that hold on a date, a bit for each."""
        self._seen: dict[int, Profile] = {}
        """By days since 1970."""

    def held(self, at_us: int) -> tuple[int | None, int]:
        """The place of the rate that holds at this instant, and until when that answer is good."""
        day, in_day_us = divmod(at_us, DAY_US)
        parts = offsets_of_day(self._zone, day)
        offset_us, until_us = parts[0]
        if in_day_us >= until_us:
            offset_us, until_us = next(part for part in parts if in_day_us < part[1])
        local_day, local_us = divmod(at_us + offset_us, DAY_US)
        profile = self._seen.get(local_day) or self.profile(local_day)
        starts = profile.starts
        index = bisect_right(starts, local_us // _MINUTE_US)
        ends_minute = starts[index] if index < len(starts) else DAY_MINUTES
        ends_us = at_us - local_us + ends_minute * _MINUTE_US
        day_ends_us = day * DAY_US + until_us
        return profile.held[index - 1], ends_us if ends_us < day_ends_us else day_ends_us

    def profile(self, day: int) -> Profile:
        """Which of the bands hold on a local date, in days since 1970."""
        known = self._seen.get(day)
        if known is not None:
            return known
        local = _EPOCH + timedelta(days=day)
        held = 0
        for bit, (_, band) in enumerate(self._banded):
            held |= holds_on(band, local, self._calendars) << bit
        profile = self._profiles.get(held)
        if profile is None:
            found = [each for bit, each in enumerate(self._banded) if held >> bit & 1]
            profile = self._profiles[held] = _profile_of(found, self._otherwise)
        if len(self._seen) >= _DATES_KEPT:
            self._seen.clear()
        self._seen[day] = profile
        return profile


Patterns = dict[Bands, BandPattern]
"""Those made so far for one zone."""


class BandTable:
    """The rates of one prefix over the calendar."""

    __slots__ = ("pattern", "rates")

    def __init__(
        self,
        rates: Iterable[Rate],
        zone: str,
        calendars: Calendars = NO_CALENDARS,
        patterns: Patterns | None = None,
    ) -> None:
        """BadRecord as for the pattern, which is one of `patterns`, or is added there."""
        self.rates = tuple(rates)
        bands = tuple(rate.band for rate in self.rates)
        patterns = {} if patterns is None else patterns
        pattern = patterns.get(bands)
        if pattern is None:
            try:
                pattern = patterns[bands] = BandPattern(bands, zone, calendars)
            except BadRecord as error:
                raise BadRecord(f"prefix {self.rates[0].prefix}: {error}") from None
        self.pattern = pattern

    def with_rates(self, rates: Iterable[Rate]) -> BandTable:
        """Others, one for each, in the same bands."""
        found = BandTable.__new__(BandTable)
        found.rates, found.pattern = tuple(rates), self.pattern
        return found

    def stretch(self, at_us: int) -> Stretch:
        """The rate that holds at this instant, and until when that answer is good."""
        index, until_us = self.pattern.held(at_us)
        return Stretch(None if index is None else self.rates[index], until_us)

    def switches(self, after: datetime, before: datetime) -> list[tuple[datetime, Rate | None]]:
        """Instants strictly between two others at which another rate begins, with that rate."""
        found: list[tuple[datetime, Rate | None]] = []
        before_us, at_us = epoch_us(before), epoch_us(after)
        current = self.stretch(at_us).rate
        while (at_us := self.stretch(at_us).until_us) < before_us:
            rate = self.stretch(at_us).rate
            if rate is not current:
                found.append((from_epoch_us(at_us), rate))
                current = rate
        return found


def holds_on(band: TimeBand, local: date, calendars: Calendars) -> bool:
    """Whether the band holds at some time of this date."""
    if (
        local.weekday() not in band.days
        or (band.months and local.month not in band.months)
        or (band.month_days and local.day not in band.month_days)
        or (band.years and local.year not in band.years)
    ):
        return False
    if band.on_holidays is OnHolidays.ALSO:
        return True
    return (local in calendars[band.calendar]) is (band.on_holidays is OnHolidays.ONLY)


def clash(bands: Sequence[TimeBand]) -> tuple[int, int] | None:
    """The first two, by index, of the same priority that can hold at the same time."""
    for later, band in enumerate(bands):
        for earlier in range(later):
            if _meet(bands[earlier], band):
                return earlier, later
    return None


def _meet(one: TimeBand, other: TimeBand) -> bool:
    """Whether both can claim a minute; dates that no year has count as if there were one."""
    if (
        one.priority != other.priority
        or one.start_minute >= other.end_minute
        or other.start_minute >= one.end_minute
        or not one.days & other.days
    ):
        return False
    sets = (
        (one.months, other.months),
        (one.month_days, other.month_days),
        (one.years, other.years),
    )
    if any(mine and theirs and not mine & theirs for mine, theirs in sets):
        return False
    on = {one.on_holidays, other.on_holidays}
    return not (one.calendar == other.calendar and on == {OnHolidays.ONLY, OnHolidays.NEVER})


def _profile_of(held: Sequence[tuple[int, TimeBand]], otherwise: int | None) -> Profile:
    """A date on which these bands hold: of the highest priority at every minute."""
    ranked = sorted(held, key=lambda each: -each[1].priority)
    cuts = {0}
    for _, band in held:
        cuts |= {band.start_minute, band.end_minute}
    starts = sorted(cuts - {DAY_MINUTES})
    found = [
        next((place for place, band in ranked if _holds_at(band, minute)), otherwise)
        for minute in starts
    ]
    kept = [index for index in range(len(starts)) if index == 0 or found[index] != found[index - 1]]
    return Profile(tuple(starts[index] for index in kept), tuple(found[index] for index in kept))


def _holds_at(band: TimeBand, minute: int) -> bool:
    return band.start_minute <= minute < band.end_minute
