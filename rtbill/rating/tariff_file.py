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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rtbill.domain.csv_rows import CsvRecords, Problem
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
    table = CsvRecords(text, REQUIRED, OPTIONAL)
    at = _places(line_numbers)
    found: list[Problem] = []
    lines: list[TariffLine] = []
    unread: set[str] = set()
    reader = _LineReader(table, calendars)
    for line, cells in table:
        rates, texts = reader.rates(cells)
        if texts:
            found += [Problem(at(line), text) for text in texts]
        if rates:
            lines.append(TariffLine(at(line), rates))
        else:
            unread.add(reader.prefix(cells))
    problems = [Problem(at(line), text) for line, text in table.problems] + found
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
    added: list[Rate] = []
    changed: list[tuple[Rate, Rate]] = []
    # Whether terms are equal, by their identities: few are compared many times.
    same: dict[tuple[int, int], bool] = {}
    for key, rate in after.items():
        earlier = before.get(key)
        if earlier is None:
            added.append(rate)
            continue
        terms = (id(earlier.terms), id(rate.terms))
        is_same = same.get(terms)
        if is_same is None:
            is_same = same[terms] = earlier.terms == rate.terms
        if not is_same or earlier.destination != rate.destination:
            changed.append((earlier, rate))
    ended = tuple(rate for key, rate in before.items() if key not in after)
    return TariffDiff(tuple(added), tuple(changed), ended)


def rate_text(rate: Rate) -> str:
    """One line for people: `41 Switzerland 0.0890/min 60/1 + 0.05 mon-fri 08:00-18:00`."""
    parts = (rate.prefix, rate.destination, terms_text(rate.terms), band_text(rate.band))
    return " ".join(parts).rstrip()


def _places(line_numbers: Sequence[int] | None) -> Callable[[int], int]:
    """From a line of the text to that of the sheet; the text's own first line is the header."""
    if line_numbers is None:
        return lambda line: line

    def of_sheet(line: int) -> int:
        if line > len(line_numbers) + 1:
            raise BadRecord(f"{len(line_numbers)} line numbers are given, the text has line {line}")
        return line_numbers[line - 2] if line > 1 else 1

    return of_sheet


def _unknown_calendars(bands: Iterable[TimeBand | None], calendars: Collection[str]) -> list[str]:
    named = {band.calendar for band in bands if band and band.calendar}
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

    def __init__(self, table: CsvRecords, calendars: Collection[str] | None) -> None:
        self._decimal_comma = table.decimal_comma
        self._calendars = calendars
        places = {name: place for place, name in enumerate(table.columns)}
        self._prefix = places.get("prefix", 0)
        self._destination = places.get("destination", 0)
        self._terms = _Columns(TERMS_COLUMNS, places)
        self._bands = _Columns(BAND_COLUMNS, places)
        self._known_terms: dict[tuple[str, ...], tuple[Terms | None, list[str]]] = {}
        self._known_bands: dict[tuple[str, ...], tuple[list[TimeBand | None], list[str]]] = {}
        self._known_names: dict[str, str] = {}

    def prefix(self, cells: list[str]) -> str:
        """Of a line that cannot be read."""
        return cells[self._prefix].removeprefix("+")

    def rates(self, cells: list[str]) -> tuple[tuple[Rate, ...], list[str]]:
        """The rates of a line (two when it passes midnight), or what is wrong with it."""
        prefix = _PREFIX.fullmatch(cells[self._prefix])
        name = self._name(cells[self._destination])
        terms, wrong_terms = self._terms_of(cells)
        bands, wrong_bands = self._bands_of(cells)
        if prefix is None or not name or terms is None or wrong_bands:
            texts: list[str] = []
            if prefix is None:
                texts.append(f"prefix {cells[self._prefix]!r} is not 1 to 15 digits")
            if not name:
                texts.append("destination is empty or holds control characters")
            return (), texts + wrong_terms + wrong_bands
        digits = prefix[1]
        rates = [Rate(prefix=digits, destination=name, terms=terms, band=band) for band in bands]
        return tuple(rates), wrong_terms

    def _name(self, cell: str) -> str:
        """The destination, equal ones as one; empty when it cannot be used."""
        known = self._known_names.get(cell)
        if known is None:
            known = self._known_names[cell] = cell if cell.isprintable() else ""
        return known

    def _terms_of(self, cells: list[str]) -> tuple[Terms | None, list[str]]:
        key = self._terms.key(cells)
        known = self._known_terms.get(key)
        if known is None:
            texts: list[str] = []
            named = self._terms.named(key)
            terms = read_terms(named, texts, decimal_comma=self._decimal_comma)
            known = self._known_terms[key] = terms, texts
        return known

    def _bands_of(self, cells: list[str]) -> tuple[list[TimeBand | None], list[str]]:
        key = self._bands.key(cells)
        known = self._known_bands.get(key)
        if known is None:
            texts: list[str] = []
            bands = read_bands(self._bands.named(key), texts)
            if self._calendars is not None:
                texts += _unknown_calendars(bands, self._calendars)
            known = self._known_bands[key] = bands, texts
        return known


class _Columns:
    """Some of our columns, of which a file may have any."""

    def __init__(self, names: Sequence[str], places: Mapping[str, int]) -> None:
        self._absent = dict.fromkeys(names, "")
        self._there = [name for name in names if name in places]
        self._places = [places[name] for name in self._there]

    def key(self, cells: list[str]) -> tuple[str, ...]:
        """The cells of these columns."""
        return tuple([cells[place] for place in self._places])

    def named(self, key: tuple[str, ...]) -> dict[str, str]:
        """Those cells by column; the columns that the file lacks are empty."""
        return self._absent | dict(zip(self._there, key, strict=True))
