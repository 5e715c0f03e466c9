"""Tariffs as people write them: CSV text to rates or problems by line, and back.

    prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,days,hours
    49,Germany fixed,0,0.0190,60,1,,
    41,Switzerland,0.05,0.0890,60,1,mon-fri,08:00-18:00
    41,Switzerland,0.05,0.0590,60,1,,

One line is a rate: prices in the currency's main unit, increments in seconds; `terms_columns` and
`band_columns` name the other columns. Lines of the same prefix differ in when they hold; one that
does not say holds whenever no other line of the prefix does. Semicolons do as well as commas, and
then numbers may have a decimal comma.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from rtbill.domain.csv_rows import CsvRow, CsvTable, Problem, read_table
from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import Rate, Terms, TimeBand
from rtbill.rating.band_clashes import TariffLine, clashes
from rtbill.rating.band_columns import BAND_COLUMNS, band_cells, band_text, read_bands
from rtbill.rating.terms_columns import (
    MORE_COLUMNS,
    PRICE_COLUMNS,
    TERMS_COLUMNS,
    read_terms,
    terms_cells,
    terms_text,
)

REQUIRED = ("prefix", "destination", *PRICE_COLUMNS)
OPTIONAL = (*MORE_COLUMNS, *BAND_COLUMNS)
_TERMS_CELLS = itemgetter(*TERMS_COLUMNS)
_BAND_CELLS = itemgetter(*BAND_COLUMNS)
_PREFIX = re.compile(r"\+?([0-9]{1,15})")


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


def read_tariff(
    text: str,
    calendars: Collection[str] | None = None,
    line_numbers: Sequence[int] | None = None,
) -> TariffFile:
    """The rates of a tariff file, or its problems, all of them, in order of lines. A line may name
    only these holiday calendars; any where none are given. `line_numbers` tell where each line
    below the header stood, when the text was made of a sheet; BadRecord when they are too few.
    """
    table = read_table(text, REQUIRED, OPTIONAL)
    if line_numbers is not None:
        table = _numbered(table, line_numbers)
    problems = list(table.problems)
    lines: list[TariffLine] = []
    unread: set[str] = set()
    reader = _LineReader(decimal_comma=table.decimal_comma)
    for row in table.rows:
        rates, texts = reader.rates(row)
        if calendars is not None:
            texts += _unknown_calendars(rates, calendars)
        problems += [Problem(row.line, text) for text in texts]
        if rates:
            lines.append(TariffLine(row.line, rates))
        else:
            unread.add(row.cells["prefix"].removeprefix("+"))
    problems += clashes(lines, unread)
    if problems:
        return TariffFile((), tuple(sorted(problems)))
    return TariffFile(tuple(rate for line in lines for rate in line.rates), ())


def export(rates: Iterable[Rate]) -> str:
    """The text from which `read_tariff` makes the same rates."""
    rows = [
        {"prefix": rate.prefix, "destination": rate.destination}
        | terms_cells(rate.terms)
        | band_cells(rate.band)
        for rate in rates
    ]
    used = [name for name in OPTIONAL if any(row[name] for row in rows)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, (*REQUIRED, *used), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
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


def rate_text(rate: Rate) -> str:
    """One line for people: `41 Switzerland 0.0890/min 60/1 + 0.05 mon-fri 08:00-18:00`."""
    parts = (rate.prefix, rate.destination, terms_text(rate.terms), band_text(rate.band))
    return " ".join(parts).rstrip()


def _numbered(table: CsvTable, numbers: Sequence[int]) -> CsvTable:
    """The table with the lines of the sheet; its own first line is the header."""
    lines = [row.line for row in table.rows] + [problem.line for problem in table.problems]
    last = max(lines, default=1)
    if last > len(numbers) + 1:
        raise BadRecord(f"{len(numbers)} line numbers are given, the text has line {last}")
    at = (1, 1, *numbers)
    return replace(
        table,
        rows=tuple(CsvRow(at[line], cells) for line, cells in table.rows),
        problems=tuple(Problem(at[line], text) for line, text in table.problems),
    )


def _unknown_calendars(rates: Iterable[Rate], calendars: Collection[str]) -> list[str]:
    named = {rate.band.calendar for rate in rates if rate.band and rate.band.calendar}
    known = ", ".join(sorted(calendars)) or "none"
    return [
        f"there is no holiday calendar {name!r}; declare it as [[holidays]] in the configuration, "
        f"which has: {known}"
        for name in sorted(named - set(calendars))
    ]


class _LineReader:
    """Reads the lines of one file. What costs the same, or holds at the same time, is read once and
    shared: a list of a hundred thousand prefixes has a few hundred of each.
    """

    def __init__(self, *, decimal_comma: bool) -> None:
        self._decimal_comma = decimal_comma
        self._terms: dict[tuple[str, ...], tuple[Terms | None, list[str]]] = {}
        self._bands: dict[tuple[str, ...], tuple[list[TimeBand | None], list[str]]] = {}

    def rates(self, row: CsvRow) -> tuple[tuple[Rate, ...], list[str]]:
        """The rates of a line (two when it passes midnight), or what is wrong with it."""
        texts: list[str] = []
        prefix = _PREFIX.fullmatch(row.cells["prefix"])
        if prefix is None:
            texts.append(f"prefix {row.cells['prefix']!r} is not 1 to 15 digits")
        destination = row.cells["destination"]
        if not destination or not destination.isprintable():
            texts.append("destination is empty or holds control characters")
        terms, wrong_terms = self._terms_of(row.cells)
        bands, wrong_bands = self._bands_of(row.cells)
        texts += wrong_terms + wrong_bands
        if prefix is None or terms is None or texts:
            return (), texts
        return tuple(
            Rate(prefix=prefix[1], destination=destination, terms=terms, band=band)
            for band in bands
        ), texts

    def _terms_of(self, cells: dict[str, str]) -> tuple[Terms | None, list[str]]:
        key = _TERMS_CELLS(cells)
        if key not in self._terms:
            texts: list[str] = []
            terms = read_terms(cells, texts, decimal_comma=self._decimal_comma)
            self._terms[key] = terms, texts
        return self._terms[key]

    def _bands_of(self, cells: dict[str, str]) -> tuple[list[TimeBand | None], list[str]]:
        key = _BAND_CELLS(cells)
        if key not in self._bands:
            texts: list[str] = []
            self._bands[key] = read_bands(cells, texts), texts
        return self._bands[key]
