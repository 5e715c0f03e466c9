"""Which rate holds at an instant: weekdays and hours of the tariff's zone, asked in UTC.

Instants are whole microseconds since 1970 in UTC. A zone is reduced to stretches of constant
offset, so a day of 23 or 25 hours needs no rule of its own: a band holds whenever the local clock
shows one of its minutes, be it skipped in spring or shown twice in autumn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import Rate, TimeBand

SECOND_US = 1_000_000
_MINUTE_US = 60 * SECOND_US
_DAY_S = 86_400
_DAY_US = _DAY_S * SECOND_US
DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
_EPOCH_WEEKDAY = 3
"""1970 began on a Thursday."""
_PROBE_S = 3600
"""No zone has changed its offset twice within an hour."""


class Stretch(NamedTuple):
    """From the instant asked about up to `until_us` one rate holds; None when no rate does."""

    rate: Rate | None
    until_us: int
    """Where to ask again: the end of the band, of the UTC day, or a change of the clocks."""


class WeekTable:
    """The rates of one prefix over a local week."""

    __slots__ = ("_rates", "_starts", "_zone")

    def __init__(self, rates: Iterable[Rate], zone: str) -> None:
        """BadRecord when two rates claim the same minute or the zone is unknown."""
        zone_named(zone)
        self._zone = zone
        self._starts, self._rates = _week(tuple(rates))

    def stretch(self, at_us: int) -> Stretch:
        """The rate that holds at this instant, and until when that answer is good."""
        day, in_day_us = divmod(at_us, _DAY_US)
        offset_us, until_us = next(
            part for part in _offsets_of_day(self._zone, day) if in_day_us < part[1]
        )
        local_us = at_us + offset_us
        minute = (local_us // _MINUTE_US + _EPOCH_WEEKDAY * DAY_MINUTES) % WEEK_MINUTES
        index = bisect_right(self._starts, minute)
        next_start = self._starts[index] if index < len(self._starts) else WEEK_MINUTES
        band_ends_us = at_us - local_us % _MINUTE_US + (next_start - minute) * _MINUTE_US
        return Stretch(self._rates[index - 1], min(band_ends_us, day * _DAY_US + until_us))

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


def week_spans(band: TimeBand) -> list[tuple[int, int]]:
    """Minutes of the week (0 is Monday midnight) that a band covers, one span a day."""
    return [
        (day * DAY_MINUTES + band.start_minute, day * DAY_MINUTES + band.end_minute)
        for day in sorted(band.days)
    ]


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone; BadRecord when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadRecord(
            f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin"
        ) from None


def _week(rates: tuple[Rate, ...]) -> tuple[list[int], list[Rate | None]]:
    """Starting minutes, and the rate from each on; the unbanded rate fills what bands leave."""
    unbanded = [rate for rate in rates if rate.band is None]
    spans = sorted(
        ((start, end, rate) for rate in rates if rate.band for start, end in week_spans(rate.band)),
        key=lambda span: span[:2],
    )
    clash = len(unbanded) > 1 or any(earlier[1] > later[0] for earlier, later in pairwise(spans))
    if clash:
        raise BadRecord(f"prefix {rates[0].prefix}: two rates hold at the same time")
    otherwise = unbanded[0] if unbanded else None
    starts: list[int] = []
    held: list[Rate | None] = []
    minute = 0
    for start, end, rate in spans:
        if start > minute:
            starts.append(minute)
            held.append(otherwise)
        starts.append(start)
        held.append(rate)
        minute = end
    if minute < WEEK_MINUTES:
        starts.append(minute)
        held.append(otherwise)
    return starts, held


@lru_cache(maxsize=4096)
def _offsets_of_day(zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """The zone's offsets during one UTC day: (offset, until), in microseconds, until counted from
    the day's beginning.
    """
    begins_s = day * _DAY_S
    found: list[tuple[int, int]] = []
    offset_s = _offset_s(zone, begins_s)
    for probe_s in range(_PROBE_S, _DAY_S + 1, _PROBE_S):
        if _offset_s(zone, begins_s + probe_s) == offset_s:
            continue
        low_s, high_s = probe_s - _PROBE_S, probe_s
        while high_s - low_s > 1:
            middle_s = (low_s + high_s) // 2
            if _offset_s(zone, begins_s + middle_s) == offset_s:
                low_s = middle_s
            else:
                high_s = middle_s
        found.append((offset_s * SECOND_US, high_s * SECOND_US))
        offset_s = _offset_s(zone, begins_s + high_s)
    found.append((offset_s * SECOND_US, _DAY_US))
    return tuple(found)


def _offset_s(zone: str, at_s: int) -> int:
    """Seconds that local time is ahead of UTC."""
    offset = from_epoch_us(at_s * SECOND_US).astimezone(zone_named(zone)).utcoffset()
    assert offset is not None, "every IANA zone has an offset"
    return int(offset.total_seconds())
