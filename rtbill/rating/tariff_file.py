"""Tariffs as people write them: CSV text to rates or problems by line, and back.

    prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,days,hours
    49,Germany fixed,0,0.0190,60,1,,
    41,Switzerland,0.05,0.0890,60,1,mon-fri,08:00-18:00
    41,Switzerland,0.05,0.0590,60,1,,

One line is a rate: prices in the currency's main unit, increments in seconds. Lines of the same
prefix differ in days and hours; both empty means whenever no other line of the prefix holds. Hours
may pass midnight: `fri` `18:00-08:00` ends on Saturday morning. Semicolons do as well as commas,
and then numbers may have a decimal comma.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rtbill.domain.csv_rows import CsvRow, Problem, read_table
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import MICROS, decimal_text, parse_micros
from rtbill.domain.tariff import Rate, TimeBand
from rtbill.rating.band_clashes import TariffLine, clashes
from rtbill.rating.bands import DAY_MINUTES

REQUIRED = (
    "prefix",
    "destination",
    "connect_fee",
    "price_per_minute",
    "first_increment",
    "next_increment",
)
OPTIONAL = ("days", "hours")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ALL_DAYS = frozenset(range(7))
_PREFIX = re.compile(r"\+?([0-9]{1,15})")
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_INCREMENT = re.compile(r"[0-9]{1,6}")
_INCREMENT_S_MAX = 86_400
_PRICE_MICROS_MAX = 1_000_000 * MICROS
"""With these two, no increment's price comes near the limit of a 64-bit column."""


@dataclass(frozen=True, slots=True)
class TariffFile:
    """Either every rate of the file, or everything that is wrong with it."""

    rates: tuple[Rate, ...]
    """In the file's order; empty when there is any problem."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class TariffDiff:
    """What a new list of rates would do to the one in force."""

    new: tuple[Rate, ...]
    changed: tuple[tuple[Rate, Rate], ...]
    """Before and after, for the same prefix and time band."""
    ended: tuple[Rate, ...]


def read_tariff(text: str) -> TariffFile:
    """The rates of a tariff file, or its problems, all of them, in order of lines."""
    table = read_table(text, REQUIRED, OPTIONAL)
    problems = list(table.problems)
    lines: list[TariffLine] = []
    for row in table.rows:
        rates, texts = _read_row(row, decimal_comma=table.decimal_comma)
        problems += [Problem(row.line, text) for text in texts]
        if rates:
            lines.append(TariffLine(row.line, rates))
    problems += clashes(lines)
    if problems:
        return TariffFile((), tuple(sorted(problems)))
    return TariffFile(tuple(rate for line in lines for rate in line.rates), ())


def export(rates: Iterable[Rate]) -> str:
    """The text from which `read_tariff` makes the same rates."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*REQUIRED, *OPTIONAL))
    for rate in rates:
        writer.writerow(
            (
                rate.prefix,
                rate.destination,
                decimal_text(rate.connect_fee_micros),
                decimal_text(rate.price_per_minute_micros),
                rate.first_increment_s,
                rate.next_increment_s,
                days_text(rate.band),
                hours_text(rate.band),
            )
        )
    return out.getvalue()


def diff(old: Iterable[Rate], new: Iterable[Rate]) -> TariffDiff:
    """Which rates are new, changed or gone, by prefix and time band."""
    before = {(rate.prefix, rate.band): rate for rate in old}
    after = {(rate.prefix, rate.band): rate for rate in new}
    return TariffDiff(
        new=tuple(rate for key, rate in after.items() if key not in before),
        changed=tuple(
            (before[key], rate)
            for key, rate in after.items()
            if key in before and before[key] != rate
        ),
        ended=tuple(rate for key, rate in before.items() if key not in after),
    )


def days_text(band: TimeBand | None) -> str:
    """`mon-fri`, `sat,sun`; empty when there is no band."""
    if band is None:
        return ""
    parts: list[str] = []
    days = sorted(band.days)
    while days:
        last = days[0]
        while last + 1 in days:
            last += 1
        run = [day for day in days if day <= last]
        parts += [f"{DAYS[run[0]]}-{DAYS[last]}"] if len(run) > 2 else [DAYS[day] for day in run]
        days = [day for day in days if day > last]
    return ",".join(parts)


def hours_text(band: TimeBand | None) -> str:
    """`08:00-18:00`; empty when there is no band."""
    if band is None:
        return ""
    start_hour, start_minute = divmod(band.start_minute, 60)
    end_hour, end_minute = divmod(band.end_minute, 60)
    return f"{start_hour:02}:{start_minute:02}-{end_hour:02}:{end_minute:02}"


def _read_row(row: CsvRow, *, decimal_comma: bool) -> tuple[tuple[Rate, ...], list[str]]:
    """The rates of one line (two when it passes midnight), or what is wrong with it."""
    texts: list[str] = []
    prefix = _PREFIX.fullmatch(row.cells["prefix"])
    if prefix is None:
        texts.append(f"prefix {row.cells['prefix']!r} is not 1 to 15 digits")
    destination = row.cells["destination"]
    if not destination or not destination.isprintable():
        texts.append("destination is empty or holds control characters")
    prices = [_price(row, name, texts, decimal_comma=decimal_comma) for name in REQUIRED[2:4]]
    increments = [_increment(row, name, texts) for name in REQUIRED[4:]]
    bands = _bands(row, texts)
    if prefix is None or texts:
        return (), texts
    rates = tuple(
        Rate(
            prefix=prefix[1],
            destination=destination,
            connect_fee_micros=prices[0],
            price_per_minute_micros=prices[1],
            first_increment_s=increments[0],
            next_increment_s=increments[1],
            band=band,
        )
        for band in bands
    )
    return rates, texts


def _price(row: CsvRow, name: str, texts: list[str], *, decimal_comma: bool) -> int:
    """Micro-units of a price cell; 0 with a text added when it cannot be used."""
    cell = row.cells[name]
    try:
        micros = parse_micros(cell.replace(",", ".") if decimal_comma else cell)
    except BadRecord as error:
        texts.append(f"{name} {error}" if cell else f"{name} is empty; write 0 for free")
        return 0
    if micros < 0:
        texts.append(f"{name} {cell} is negative")
    elif micros > _PRICE_MICROS_MAX:
        texts.append(f"{name} {cell} is above {_PRICE_MICROS_MAX // MICROS}")
    return micros


def _increment(row: CsvRow, name: str, texts: list[str]) -> int:
    """Seconds of an increment cell; 0 with a text added when it cannot be used."""
    cell = row.cells[name]
    seconds = int(cell) if _INCREMENT.fullmatch(cell) else 0
    if not 1 <= seconds <= _INCREMENT_S_MAX:
        texts.append(f"{name} {cell!r} is not a whole number of seconds from 1 to 86400")
    return seconds


def _bands(row: CsvRow, texts: list[str]) -> list[TimeBand | None]:
    """The time bands of one line: one, or two when the hours pass midnight."""
    if not row.cells["days"] and not row.cells["hours"]:
        return [None]
    days = _days(row.cells["days"], texts)
    start, end = _hours(row.cells["hours"], texts)
    if start < end:
        return [TimeBand(days, start, end)]
    next_days = frozenset((day + 1) % 7 for day in days)
    return [TimeBand(days, start, DAY_MINUTES), TimeBand(next_days, 0, end)]


def _days(cell: str, texts: list[str]) -> frozenset[int]:
    """Days named singly or as ranges, which may pass Sunday: `fri-mon`."""
    if not cell:
        return _ALL_DAYS
    found: set[int] = set()
    for part in re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", cell.lower())):
        first, _, last = part.partition("-")
        ends = (first, last or first)
        if part.endswith("-") or not set(ends) <= set(DAYS):
            texts.append(f"days {cell!r}: {part!r} is not a day or range; write mon-fri or sat,sun")
            continue
        day, end = (DAYS.index(name) for name in ends)
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
