"""Reading a table that a person wrote: header by name, every problem by its line, none hidden."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

_BYTE_ORDER_MARK = "\ufeff"


class Problem(NamedTuple):
    """What is wrong in one line of a file."""

    line: int
    """The first line is 1."""
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class CsvRow(NamedTuple):
    """One row; absent optional columns read as empty."""

    line: int
    cells: dict[str, str]
    """By column, without surrounding blanks."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The rows that could be read, and what is wrong with the others."""

    rows: tuple[CsvRow, ...]
    """None at all when the header is wrong."""
    problems: tuple[Problem, ...]
    decimal_comma: bool
    """The delimiter is a semicolon, so 0,0125 is a number."""
    columns: tuple[str, ...] = ()
    """As the first line names them, in small letters; whatever that line is."""


class Record(NamedTuple):
    """One row as it stands."""

    line: int
    cells: list[str]
    """One for each column, without surrounding blanks."""


@dataclass(frozen=True, slots=True)
class CsvRecords:
    """The same, for tables of so many rows that a mapping for each is too much."""

    records: Sequence[Record]
    """None at all when the header is wrong."""
    problems: tuple[Problem, ...]
    decimal_comma: bool
    columns: tuple[str, ...]


def read_table(
    text: str, required: Sequence[str], optional: Sequence[str], *, others_left_out: bool = False
) -> CsvTable:
    """Rows of comma- or semicolon-separated text whose first line names the columns, in any order.
    A byte order mark and blank lines are skipped. Columns of other names are a problem, unless they
    are to be left out: then no row holds them.
    """
    read = read_records(text, required, optional, others_left_out=others_left_out)
    absent = dict.fromkeys((*required, *optional), "")
    rows = tuple(
        CsvRow(
            line, absent | {k: v for k, v in zip(read.columns, cells, strict=True) if k in absent}
        )
        for line, cells in read.records
    )
    return CsvTable(rows, read.problems, read.decimal_comma, read.columns)


def read_records(
    text: str, required: Sequence[str], optional: Sequence[str], *, others_left_out: bool = False
) -> CsvRecords:
    """The same rows as `read_table`, each with all its cells in the order of the columns."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    header_text = next((line for line in io.StringIO(text) if line.strip()), "")
    delimiter = ";" if header_text.count(";") > header_text.count(",") else ","
    records, problems = _records(text, delimiter)
    columns: list[str] = []
    kept: list[Record] = []
    if not records and not problems:
        problems = [Problem(1, "the file is empty")]
    if records:
        header_line, header = records[0]
        columns = [name.lower() for name in header]
        header_problems = _header_problems(
            header_line, columns, required, optional, others_left_out=others_left_out
        )
        width = len(columns)
        for record in islice(records, 1, None):
            if len(record.cells) == width:
                kept.append(record)
            else:
                text = f"has {len(record.cells)} fields, the header has {width}"
                problems.append(Problem(record.line, text))
        if len(records) == 1 and not problems:
            problems.append(Problem(header_line, "there are no rows below the header"))
        problems = header_problems + problems
        if header_problems:
            kept = []
    return CsvRecords(kept, tuple(problems), delimiter == ";", tuple(columns))


def _records(text: str, delimiter: str) -> tuple[list[Record], list[Problem]]:
    """Records that are not blank, each with the line it begins on; a broken quote ends the file."""
    records: list[Record] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                records.append(Record(line, stripped))
            line = reader.line_num + 1
    except csv.Error as error:
        return records, [Problem(line, f"cannot be read any further: {error}")]
    return records, []


def _header_problems(
    line: int,
    columns: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str],
    *,
    others_left_out: bool,
) -> list[Problem]:
    known = (*required, *optional)
    texts = [f"column {name!r} is missing" for name in required if name not in columns]
    texts += [
        f"unknown column {name!r}; the columns are {', '.join(known)}"
        for name in dict.fromkeys(columns)
        if name not in known and not others_left_out
    ]
    texts += [f"column {name!r} stands twice" for name in known if columns.count(name) > 1]
    return [Problem(line, text) for text in texts]
