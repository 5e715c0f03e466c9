"""The columns of a tariff file that say when a line holds, to time bands and back.

days        mon-fri, sat,sun, fri-mon
hours       08:00-18:00; may pass midnight: fri 18:00-08:00 ends on Saturday morning
months      1-3,12        month_days  1,15        years  2026-2028
holidays    only NAME, not NAME: a calendar of the configuration
priority    a whole number; of two lines that hold at once the higher
"""

from __future__ import annotations

import re
from calendar import monthrange, weekday
from collections.abc import Iterable, Mapping
from dataclasses import replace

from rtbill.domain.tariff import DAYS, OnHolidays, TimeBand
from rtbill.rating.bands import DAY_MINUTES

CONDITIONS = ("days", "hours", "months", "month_days", "years", "holidays")
BAND_COLUMNS = (*CONDITIONS, "priority")
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_NUMBERS = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_HOLIDAYS = re.compile(r"(only|not)\s+([A-Za-z0-9][A-Za-z0-9._-]{0,31})", re.IGNORECASE)
_PRIORITY = re.compile(r"-?[0-9]{1,3}")
_RANGES = {"months": (1, 12), "month_days": (1, 31), "years": (1990, 2199)}
_ALL_CALENDARS = range(2000, 2028)
"""In so many years every date falls on every day of the week."""


def read_bands(cells: Mapping[str, str], texts: list[str]) -> list[TimeBand | None]:
    """The bands of one line: None for a line that always holds, two when its hours pass midnight.
    What is wrong is added to the texts.
    """
    if not any(cells[column] for column in CONDITIONS) and cells["priority"] in ("", "0"):
        return [None]
    sets = {name: _numbers(name, cells[name], texts) for name in _RANGES}
    on_holidays, calendar = _holidays(cells["holidays"], texts)
    priority = cells["priority"] or "0"
    if not _PRIORITY.fullmatch(priority):
        texts.append(f"priority {priority!r} is not a whole number from -999 to 999")
        priority = "0"
    start, end = _hours(cells["hours"], texts)
    band = TimeBand(
        days=_days(cells["days"], texts),
        start_minute=start,
        end_minute=end if start < end else DAY_MINUTES,
        **sets,
        on_holidays=on_holidays,
        calendar=calendar,
        priority=int(priority),
    )
    if not texts and _is_never(band):
        texts.append("no date is of these days, months, month_days and years")
    if start < end:
        return [band]
    if any(sets.values()) or calendar:
        texts.append(
            f"hours {cells['hours']} pass midnight, which a line with dates or holidays cannot; "
            "write one line to 24:00 and one from 00:00"
        )
    next_days = frozenset((day + 1) % 7 for day in band.days)
    return [band, replace(band, days=next_days, start_minute=0, end_minute=end)]


def band_cells(band: TimeBand | None) -> dict[str, str]:
    """The columns from which `read_bands` makes the same band."""
    if band is None:
        return dict.fromkeys(BAND_COLUMNS, "")
    hours = hours_text(band)
    is_whole_day = hours == "00:00-24:00"
    is_always = band == TimeBand()
    word = {OnHolidays.ALSO: "", OnHolidays.ONLY: "only ", OnHolidays.NEVER: "not "}
    return {
        "days": "" if band.days == DAYS and not is_always else days_text(band),
        "hours": "" if is_whole_day and not is_always else hours,
        "months": _numbers_text(band.months),
        "month_days": _numbers_text(band.month_days),
        "years": _numbers_text(band.years),
        "holidays": word[band.on_holidays] + band.calendar,
        "priority": str(band.priority) if band.priority else "",
    }


def band_text(band: TimeBand | None) -> str:
    """`mon-fri 08:00-18:00, months 1-3`; empty when there is no band."""
    cells = band_cells(band)
    parts = [f"{cells['days']} {cells['hours']}".strip()]
    parts += [f"{name} {cells[name]}" for name in BAND_COLUMNS[2:] if cells[name]]
    return ", ".join(part for part in parts if part)


def days_text(band: TimeBand) -> str:
    """`mon-fri`, `sat,sun`."""
    parts: list[str] = []
    days = sorted(band.days)
    while days:
        last = days[0]
        while last + 1 in days:
            last += 1
        run = [day for day in days if day <= last]
        names = [DAY_NAMES[day] for day in run]
        parts += [f"{names[0]}-{names[-1]}"] if len(run) > 2 else names
        days = [day for day in days if day > last]
    return ",".join(parts)


def hours_text(band: TimeBand) -> str:
    """`08:00-18:00`."""
    start_hour, start_minute = divmod(band.start_minute, 60)
    end_hour, end_minute = divmod(band.end_minute, 60)
    return f"{start_hour:02}:{start_minute:02}-{end_hour:02}:{end_minute:02}"


def _days(cell: str, texts: list[str]) -> frozenset[int]:
    """Days named singly or as ranges, which may pass Sunday: `fri-mon`."""
    if not cell:
        return DAYS
    found: set[int] = set()
    for part in re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", cell.lower())):
        first, _, last = part.partition("-")
        ends = (first, last or first)
        if part.endswith("-") or not set(ends) <= set(DAY_NAMES):
            texts.append(f"days {cell!r}: {part!r} is not a day or range; write mon-fri or sat,sun")
            continue
        day, end = (DAY_NAMES.index(name) for name in ends)
        found.add(day)
        while day != end:
            day = (day + 1) % 7
            found.add(day)
    return frozenset(found)


def _hours(cell: str, texts: list[str]) -> tuple[int, int]:
    """Minutes of the day at which the hours begin and end; a midnight at the end is 1440."""
    if not cell:
        return 0, DAY_MINUTES
    written = _HOURS.fullmatch(cell)
    if written is not None:
        hour, minute, end_hour, end_minute = map(int, written.groups())
        start, end = hour * 60 + minute, (end_hour * 60 + end_minute) or DAY_MINUTES
        in_day = start < DAY_MINUTES and end <= DAY_MINUTES
        if in_day and max(minute, end_minute) < 60 and start != end:
            return start, end
    texts.append(f"hours {cell!r} are not like 08:00-18:00")
    return 0, DAY_MINUTES


def _numbers(name: str, cell: str, texts: list[str]) -> frozenset[int]:
    """Numbers named singly or as ranges; none when the cell is empty."""
    least, most = _RANGES[name]
    found: set[int] = set()
    for part in re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", cell)) if cell else ():
        written = _NUMBERS.fullmatch(part)
        first = int(written[1]) if written else 0
        last = int(written[2] or written[1]) if written else -1
        if not least <= first <= last <= most:
            texts.append(f"{name} {cell!r}: {part!r} is no number or range from {least} to {most}")
            continue
        found.update(range(first, last + 1))
    return frozenset(found)


def _numbers_text(numbers: Iterable[int]) -> str:
    """`1-3,12`."""
    parts: list[str] = []
    left = sorted(numbers)
    while left:
        last = left[0]
        while last + 1 in left:
            last += 1
        parts.append(str(left[0]) if last == left[0] else f"{left[0]}-{last}")
        left = [number for number in left if number > last]
    return ",".join(parts)


def _is_never(band: TimeBand) -> bool:
    """Whether no date has what the band asks of weekday, day, month and year."""
    # without days of the month every month of every year has the weekday
    return bool(band.month_days) and not any(
        _weekday(year, month, day) in band.days
        for year in band.years or _ALL_CALENDARS
        for month in band.months or range(1, 13)
        for day in band.month_days
    )


def _weekday(year: int, month: int, day: int) -> int:
    """-1 for a date that does not exist."""
    return weekday(year, month, day) if day <= monthrange(year, month)[1] else -1


def _holidays(cell: str, texts: list[str]) -> tuple[OnHolidays, str]:
    if not cell:
        return OnHolidays.ALSO, ""
    written = _HOLIDAYS.fullmatch(cell)
    if written is None:
        texts.append(f"holidays {cell!r} are not like: only NAME, or: not NAME")
        return OnHolidays.ALSO, ""
    word, calendar = written.groups()
    return OnHolidays.ONLY if word.lower() == "only" else OnHolidays.NEVER, calendar
