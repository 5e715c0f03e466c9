"""Which band holds, of many calls at once: the offset of their zone, their date's profile, their
minute.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtbill.rating.bands import DAY_MINUTES, BandPattern, Profile
from rtbill.rating.batch.columns import NO_BAND, Ints, climbed
from rtbill.rating.zones import DAY_US, SECOND_US, offsets_of_day

_MINUTE_US = 60 * SECOND_US


class BandTimes:
    """The patterns of one list, by number."""

    def __init__(self, patterns: Sequence[BandPattern], zone: str) -> None:
        self._patterns = patterns
        self._zone = zone
        self._first_of: dict[int, int] = {}
        """Where a profile begins in the columns; by identity, it lives as long as its pattern."""
        self._ends: list[int] = []
        """The minute in which each part of a profile ends."""
        self._held: list[int] = []
        self._columns: tuple[Ints, Ints] = (_ints([]), _ints([]))

    def held(self, patterns: Ints, at_us: Ints) -> tuple[Ints, Ints]:
        """The place of the rate that holds then, or NO_BAND; and until when that answer is good."""
        offset_us, day_ends_us = self._offsets(at_us)
        days, in_day_us = np.divmod(at_us + offset_us, DAY_US)
        first_day = int(days.min(initial=days.max(initial=0)))
        span = int(days.max(initial=0)) - first_day + 1
        seen, which = np.unique(patterns * span + days - first_day, return_inverse=True)
        firsts = _ints(
            [self._first(each // span, first_day + each % span) for each in seen.tolist()]
        )
        if len(self._columns[0]) < len(self._ends):
            self._columns = (_ints(self._ends), _ints(self._held))
        ends, held = self._columns
        places = climbed(firsts[which], ends, in_day_us // _MINUTE_US)
        ends_us = at_us - in_day_us + ends[places] * _MINUTE_US
        return held[places], np.minimum(ends_us, day_ends_us)

    def _offsets(self, at_us: Ints) -> tuple[Ints, Ints]:
        """How far the zone is ahead then, and until when or to the end of the UTC day."""
        days, which = np.unique(at_us // DAY_US, return_inverse=True)
        firsts: list[int] = []
        offsets: list[int] = []
        ends: list[int] = []
        for day in days.tolist():
            firsts.append(len(offsets))
            for offset_us, until_us in offsets_of_day(self._zone, day):
                offsets.append(offset_us)
                ends.append(day * DAY_US + until_us)
        ends_us = _ints(ends)
        places = climbed(_ints(firsts)[which], ends_us, at_us)
        return _ints(offsets)[places], ends_us[places]

    def _first(self, pattern: int, day: int) -> int:
        profile = self._patterns[pattern].profile(day)
        found = self._first_of.get(id(profile))
        return self._add(profile) if found is None else found

    def _add(self, profile: Profile) -> int:
        first = self._first_of[id(profile)] = len(self._ends)
        self._ends += [*profile.starts[1:], DAY_MINUTES]
        self._held += [NO_BAND if place is None else place for place in profile.held]
        return first


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)
