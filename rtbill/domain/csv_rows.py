"""Reading a table that a person wrote: header by name, every problem by its line, none hidden."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


class CsvRecords:
    """The same row by row, for tables of so many that all of them are too much at once."""

    def __init__(
        self,
        text: str,
        required: Sequence[str],
        optional: Sequence[str],
        *,
        others_left_out: bool = False,
    ) -> None:
        """Reads the header only."""
        text = text.removeprefix(_BYTE_ORDER_MARK)
        header_text = next((line for line in io.StringIO(text) if line.strip()), "")
        self.decimal_comma = header_text.count(";") > header_text.count(",")
        """The delimiter is a semicolon, so 0,0125 is a number."""
        self.problems: list[Problem] = []
        """Of the rows read so far; those of the header come first."""
        self._rows = self._read(text, ";" if self.decimal_comma else ",")
        header = next(self._rows, None)
        self.columns = tuple(name.lower() for name in header.cells) if header else ()
        """As the first line names them, in small letters; whatever that line is."""
        self._header_line = header.line if header else 0
        if header is not None:
            self.problems[:0] = _header_problems(
                header.line, self.columns, required, optional, others_left_out=others_left_out
            )
        elif not self.problems:
            self.problems.append(Problem(1, "the file is empty"))

    def __iter__(self) -> Iterator[Record]:
        """The rows below the header, once; none at all when the header is wrong."""
        is_wrong = bool(self.problems)
        width, count = len(self.columns), 0
        for record in self._rows:
            count += 1
            if len(record.cells) != width:
                text = f"has {len(record.cells)} fields, the header has {width}"
                self.problems.append(Problem(record.line, text))
            elif not is_wrong:
                yield record
        if self.columns and not count and not self.problems:
            self.problems.append(Problem(self._header_line, "there are no rows below the header"))

    def _read(self, text: str, delimiter: str) -> Iterator[Record]:
        """Rows that are not blank, each with the line it begins on; a broken quote ends them."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                stripped = [cell.strip() for cell in cells]
                if any(stripped):
                    yield Record(line, stripped)
                line = reader.line_num + 1
        except csv.Error as error:
            self.problems.append(Problem(line, f"cannot be read any further: {error}"))


def read_table(
    text: str, required: Sequence[str], optional: Sequence[str], *, others_left_out: bool = False
) -> CsvTable:
    """Rows of comma- or semicolon-separated text whose first line names the columns, in any order.
    A byte order mark and blank lines are skipped. Columns of other names are a problem, unless they
    are to be left out: then no row holds them.
    """
    records = CsvRecords(text, required, optional, others_left_out=others_left_out)
    absent = dict.fromkeys((*required, *optional), "")
    rows = tuple(
        CsvRow(
            line,
            absent | {k: v for k, v in zip(records.columns, cells, strict=True) if k in absent},
        )
        for line, cells in records
    )
    return CsvTable(rows, tuple(records.problems), records.decimal_comma, records.columns)


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
