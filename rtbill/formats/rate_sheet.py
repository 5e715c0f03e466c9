"""Somebody else's rate sheet to the lines of a tariff file of our own.

What stands in a cell is checked by whoever reads our own files, once; here only what cannot be
turned into a cell of ours is a problem.

>>> from rtbill.formats.sheet_mapping import SheetMapping, Source
>>> mapping = SheetMapping(header=False, prefix=1, destination=(2,), price=7, divide_by=10_000,
...                        increments=Source(None, "60/60"))
>>> sheet = read_rate_sheet(
...     [["9375", "Afghanistan - Mobile - AT", "TESTAST", "0", "0", "2137", "2778"]], mapping)
>>> print(sheet.text)
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
9375,Afghanistan - Mobile - AT,0,0.2778,60,60
<BLANKLINE>
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rtbill.domain.csv_rows import Problem
from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import MINUTE_S
from rtbill.formats.mapping_table import Column
from rtbill.formats.sheet_amounts import AmountReader
from rtbill.formats.sheet_dates import read_date
from rtbill.formats.sheet_lines import COMMON_COLUMNS, SheetLine, holding, once
from rtbill.formats.sheet_mapping import SheetMapping, Source, columns_of
from rtbill.formats.sheet_prefixes import prefixes

RATES_MAX = 500_000
"""More rates than this in one sheet are not read."""
PROBLEMS_MAX = 1_000
"""A sheet that is read wrongly is wrong in every line."""
_INCREMENT = re.compile(r"([0-9]{1,6})\s*(?:s|sec|secs|seconds)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RateSheet:
    """What was read of a sheet."""

    text: str
    """A tariff file of our own."""
    lines: tuple[int, ...]
    """Where each line of it below the header stood in the sheet."""
    problems: tuple[Problem, ...]
    currency: str
    """Empty when the sheet does not tell."""
    valid_from: date | None
    """When all of it begins to hold, where that is one day to come."""
    notes: tuple[str, ...]
    """What was left out, rounded or read once."""


def read_rate_sheet(
    rows: Sequence[Sequence[str]],
    mapping: SheetMapping,
    *,
    today: date = date.max,
    wanted: date | None = None,
    lists: Mapping[str, Sequence[str]] | None = None,
) -> RateSheet:
    """The rates of all rows below the header, or what is wrong with them by line. Of a sheet with
    dates those that hold on the `wanted` day, or today. `lists` has the prefixes of destinations
    where the sheet has none, by name in small letters. BadRecord names columns that are not there.
    """
    first = mapping.skip_rows + (1 if mapping.header else 0)
    header = rows[mapping.skip_rows] if mapping.header and len(rows) >= first else []
    reader = _RowReader(mapping, [cell.strip() for cell in header], lists or {})
    lines: list[SheetLine] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows[first:], first + 1):
        try:
            lines += reader.lines(number, row)
        except BadRecord as error:
            problems.append(Problem(number, str(error)))
        if len(lines) > RATES_MAX or len(problems) >= PROBLEMS_MAX:
            what = f"{RATES_MAX} rates" if len(lines) > RATES_MAX else f"{PROBLEMS_MAX} problems"
            problems.append(Problem(number, f"more than {what} so far; the rest was not read"))
            break
    if not lines and not problems:
        problems.append(Problem(max(first, 1), "there are no rates in or below this line"))
    chosen, valid_from, notes = holding(lines, today, wanted)
    chosen, doubled = once(chosen)
    notes = [*reader.notes(), *notes, *doubled]
    return RateSheet(
        _text(reader.columns, chosen),
        tuple(line.number for line in chosen),
        tuple(problems),
        reader.currency(),
        valid_from,
        tuple(notes),
    )


class _RowReader:
    """Reads the rows of one sheet."""

    def __init__(
        self,
        mapping: SheetMapping,
        header: Sequence[str],
        lists: Mapping[str, Sequence[str]],
    ) -> None:
        self._mapping = mapping
        self._lists = lists
        self._amounts = AmountReader(mapping.decimal, mapping.divide_by)
        places = {name: _place(column, header) for name, column in columns_of(mapping).items()}
        self._width = max(places.values(), default=0) + 1
        self._prefix = places.get("prefix")
        self._country_code = places.get("country code")
        self._destination = [_place(each, header) for each in mapping.destination]
        self._price = places["price"]
        self._fee = places.get("connect fee")
        self._increments = _increment_places(mapping, header)
        self._currency = places.get("currency")
        self._valid_from = places.get("valid from")
        self._sort = places.get("leave out")
        self._sorts_left_out = mapping.leave_out[1] if mapping.leave_out else ()
        self._others = [(_place_of(each, header), each.value) for each in mapping.others.values()]
        has_unit = mapping.unit_s != MINUTE_S and "unit" not in mapping.others
        self._unit = (str(mapping.unit_s),) if has_unit else ()
        self.columns = (*COMMON_COLUMNS, *(("unit",) if has_unit else ()), *mapping.others)
        rest = [place for name, place in places.items() if name not in ("prefix", "country code")]
        self._rest_places = [place for place in rest if place != self._valid_from]
        self._known: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}
        self._rounded = 0
        self._currencies: dict[str, int] = {}
        self._left_out = 0

    def lines(self, number: int, row: Sequence[str]) -> list[SheetLine]:
        """A line for each prefix of the row; none for a row that is no rate."""
        cells = [
            cell.strip() if cell[:1].isspace() or cell[-1:].isspace() else cell for cell in row
        ]
        if not any(cells):
            return []
        if len(cells) < self._width:
            raise BadRecord(f"has {len(row)} fields, the mapping wants field {self._width}")
        if self._sort is not None and cells[self._sort] in self._sorts_left_out:
            self._left_out += 1
            return []
        rest = self._rest(cells)
        valid_from = None
        if self._valid_from is not None and self._mapping.valid_from is not None:
            valid_from = read_date(cells[self._valid_from], self._mapping.valid_from.form)
        if self._currency is not None:
            self._currencies.setdefault(cells[self._currency].upper(), number)
        return [
            SheetLine(number, (prefix, *rest), valid_from)
            for prefix in self._prefixes(cells, rest[0])
        ]

    def currency(self) -> str:
        """That of every row; BadRecord names two lines of different ones."""
        if self._currency is None:
            return self._mapping.currency.value
        found = list(self._currencies.items())
        if len(found) > 1:
            (one, line), (other, other_line) = found[:2]
            raise BadRecord(
                f"line {line} is in {one or 'no currency'}, line {other_line} in "
                f"{other or 'no currency'}: a tariff has one; leave the others out by [leave_out] "
                "of a mapping"
            )
        return found[0][0] if found else ""

    def notes(self) -> list[str]:
        """What an operator should know about how the rows were read."""
        found: list[str] = []
        if self._left_out:
            found.append(f"{self._left_out} rows are left out, as the mapping says")
        if self._rounded:
            found.append(
                f"{self._rounded} amounts are finer than a millionth and were rounded to "
                "the nearest, halves up"
            )
        return found

    def _prefixes(self, cells: Sequence[str], destination: str) -> Sequence[str]:
        mapping = self._mapping
        if self._prefix is None:
            found = self._lists.get(destination.lower())
            if found is None:
                raise BadRecord(f"destination {destination!r} is not in the list of destinations")
            return found
        before = mapping.prefix_before
        cell = cells[self._prefix]
        if self._country_code is not None:
            before += cells[self._country_code].removeprefix("+")
            if not before.isdecimal():
                raise BadRecord(f"country code {cells[self._country_code]!r} is not digits")
            if not cell:
                return [before]
        return prefixes(
            cell,
            before=before,
            strip=mapping.prefix_strip,
            dash_is_range=mapping.dash_is_range,
        )

    def _rest(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Destination, terms and other columns; of cells that were met before as they were then."""
        key = tuple([cells[place] for place in self._rest_places])
        known = self._known.get(key)
        if known is None:
            before = self._amounts.rounded
            destination = " ".join(filter(None, (cells[place] for place in self._destination)))
            more = [value if place is None else cells[place] for place, value in self._others]
            rest = (destination, *self._terms(cells), *self._unit, *more)
            known = self._known[key] = rest, self._amounts.rounded - before
        self._rounded += known[1]
        return known[0]

    def _terms(self, cells: Sequence[str]) -> tuple[str, str, str, str]:
        try:
            price = self._amounts.read(cells[self._price])
        except BadRecord as error:
            raise BadRecord(f"price {error}" if cells[self._price] else "price is empty") from None
        fee = self._mapping.connect_fee.value
        if self._fee is not None:
            try:
                fee = self._amounts.read(cells[self._fee] or "0")
            except BadRecord as error:
                raise BadRecord(f"connect fee {error}") from None
        return fee, price, *self._increments(cells)


def _place(column: Column, header: Sequence[str]) -> int:
    """Which cell of a row it is, from 0. Names of the header are compared without case."""
    if isinstance(column, int):
        return column - 1
    names = [name.lower() for name in header]
    wanted = column.strip().lower()
    if names.count(wanted) != 1:
        known = ", ".join(filter(None, header)) or "none; is skip_rows right?"
        count = "twice" if wanted in names else "not"
        remedy = "; give its number" if wanted in names else ""
        raise BadRecord(f"column {column!r} is {count} in the header{remedy}; it has: {known}")
    return names.index(wanted)


def _place_of(source: Source, header: Sequence[str]) -> int | None:
    return None if source.column is None else _place(source.column, header)


def _increment_places(
    mapping: SheetMapping, header: Sequence[str]
) -> Callable[[Sequence[str]], tuple[str, str]]:
    """Finds the first and the next increment of a row."""
    if not isinstance(mapping.increments, Source):
        first, following = (_place_of(each, header) for each in mapping.increments)
        assert first is not None
        assert following is not None
        return lambda cells: (_seconds(cells[first]), _seconds(cells[following]))
    place = _place_of(mapping.increments, header)
    if place is None:
        constant = _both(mapping.increments.value)
        return lambda _cells: constant
    known: dict[str, tuple[str, str]] = {}

    def of_cell(cells: Sequence[str]) -> tuple[str, str]:
        cell = cells[place]
        if cell not in known:
            known[cell] = _both(cell)
        return known[cell]

    return of_cell


def _both(cell: str) -> tuple[str, str]:
    """`60/1`, `60+1`, `60:1`; one number is both."""
    parts = re.split(r"\s*[/+:|-]\s*", cell)
    if len(parts) > 2:
        raise BadRecord(f"increments {cell!r} are not like 60/1")
    return _seconds(parts[0]), _seconds(parts[-1])


def _seconds(cell: str) -> str:
    """The seconds without their unit; anything else as it stands, for its reader to refuse."""
    written = _INCREMENT.fullmatch(cell)
    return written[1] if written else cell


def _text(columns: Sequence[str], lines: Sequence[SheetLine]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(line.cells for line in lines)
    return out.getvalue()
