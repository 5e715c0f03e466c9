"""Times as boxes: a set of values in each of several dimensions, so that what bands leave uncovered
can be told without looking at every minute of every year.

The dimensions are weekday, minute of the day, month, day of the month, year, and for each holiday
calendar whether the date is in it. Each set is a whole number with one bit for each value. Dates
that no calendar has, such as 30 February, count as if there were any: what is covered here is
covered on every date there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtbill.domain.tariff import OnHolidays, TimeBand

Box = tuple[int, ...]
BOXES_MAX = 10_000
_MINUTES = 1440
_ON, _OFF = 1, 2


class TooManyBoxes(Exception):
    """What is left is in more pieces than anybody would write bands for."""


class BoxSpace:
    """The boxes of these bands, and the one of all time."""

    def __init__(self, bands: Iterable[TimeBand]) -> None:
        bands = list(bands)
        self._years = sorted({year for band in bands for year in band.years})
        self._calendars = sorted({band.calendar for band in bands if band.calendar})
        years = len(self._years) + 1  # the last stands for every year that no band names
        self.all_time: Box = (
            _bits(range(7)),
            _bits(range(_MINUTES)),
            _bits(range(1, 13)),
            _bits(range(1, 32)),
            _bits(range(years)),
            *(_ON | _OFF for _ in self._calendars),
        )

    def of(self, band: TimeBand) -> Box:
        """All the time that meets the band's conditions."""
        _, _, months, month_days, years, *_ = self.all_time
        named = [index for index, year in enumerate(self._years) if year in band.years]
        return (
            _bits(band.days),
            (1 << band.end_minute) - (1 << band.start_minute),
            _bits(band.months) or months,
            _bits(band.month_days) or month_days,
            _bits(named) or years,
            *(_of_calendar(band, calendar) for calendar in self._calendars),
        )


def uncovered(box: Box, covers: Sequence[Box]) -> list[Box]:
    """What of the box no cover holds, in pieces that do not overlap; TooManyBoxes beyond
    BOXES_MAX of them.
    """
    left = [box]
    for cover in covers:
        left = [piece for each in left for piece in _without(each, cover)]
        if len(left) > BOXES_MAX:
            raise TooManyBoxes
    return left


def _without(box: Box, cover: Box) -> list[Box]:
    """The pieces of a box outside another."""
    if not all(mine & theirs for mine, theirs in zip(box, cover, strict=True)):
        return [box]
    pieces: list[Box] = []
    for index, (mine, theirs) in enumerate(zip(box, cover, strict=True)):
        outside = mine & ~theirs
        if outside:
            pieces.append((*box[:index], outside, *box[index + 1 :]))
            box = (*box[:index], mine & theirs, *box[index + 1 :])
    return pieces


def _of_calendar(band: TimeBand, calendar: str) -> int:
    if band.calendar != calendar or band.on_holidays is OnHolidays.ALSO:
        return _ON | _OFF
    return _ON if band.on_holidays is OnHolidays.ONLY else _OFF


def _bits(values: Iterable[int]) -> int:
    return sum(1 << value for value in values)
