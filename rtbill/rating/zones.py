"""How far a zone's clocks are ahead of UTC, and when that changes.

Instants are whole microseconds since 1970 in UTC. A zone is reduced to stretches of constant
offset, so a day of 23 or 25 hours needs no rule of its own.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from rtbill.domain.call import from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import DAY_S

SECOND_US = 1_000_000
DAY_US = DAY_S * SECOND_US
_PROBE_S = 3600
"""No zone has changed its offset twice within an hour."""


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone; BadRecord when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadRecord(
            f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin"
        ) from None


@lru_cache(maxsize=4096)
def offsets_of_day(zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """The zone's offsets during one UTC day (0 is the first of 1970): (offset, until), in
    microseconds, until counted from the day's beginning.
    """
    begins_s = day * DAY_S
    found: list[tuple[int, int]] = []
    offset_s = _offset_s(zone, begins_s)
    for probe_s in range(_PROBE_S, DAY_S + 1, _PROBE_S):
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
    found.append((offset_s * SECOND_US, DAY_US))
    return tuple(found)


def _offset_s(zone: str, at_s: int) -> int:
    """Seconds that local time is ahead of UTC."""
    offset = from_epoch_us(at_s * SECOND_US).astimezone(zone_named(zone)).utcoffset()
    assert offset is not None, "every IANA zone has an offset"
    return int(offset.total_seconds())
