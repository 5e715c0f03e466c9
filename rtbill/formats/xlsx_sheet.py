"""The rows of a workbook (XLSX) as texts, first sheet or one by name.

A spreadsheet holds numbers as binary floats, of which it shows 15 digits: 0.1 + 0.2 is 0.3 there.
The same 15 digits are taken here, as plain decimals.

>>> cell_text(0.1 + 0.2), cell_text(4915.0), cell_text(0.0000125)
('0.3', '4915', '0.0000125')
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO

from rtbill.domain.errors import BadRecord
from rtbill.formats.sheet_amounts import SheetNumber

ROWS_MAX = 500_001
COLUMNS_MAX = 200
_UNPACKED_BYTES_MAX = 512 * 1024 * 1024
"""Of all that the archive holds. 200,000 rows of seven cells are 60 MiB."""
_MEMBERS_MAX = 5_000
_CELLS_MAX = 10_000_000
_CHUNK_BYTES = 1024 * 1024
_CELL = re.compile(
    rb"""<(?:[A-Za-z0-9]+:)?(?:c|row)(?:\s+(?!r\b)[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*"""
    rb"""\s+r\s*=\s*["']([A-Z]*)([0-9]*)"""
)
"""Where a cell or row stands."""
_BAD_ARCHIVE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, ValueError),
    zlib.error,
)
Cell = int | float | str | bool | time | date | datetime | timedelta


def is_workbook(content: bytes) -> bool:
    """Whether it is an archive, as workbooks are and texts never."""
    return content.startswith(b"PK\x03\x04")


def read_workbook(content: bytes, sheet: str = "") -> tuple[list[list[str]], str]:
    """The rows of the sheet from its first line on, and its name; BadRecord when it is no workbook,
    too large, or has no such sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    _check_archive(content)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            names = book.sheet_names
            if sheet and sheet not in names:
                known = ", ".join(map(repr, names))
                raise BadRecord(f"there is no sheet {sheet!r}; the workbook has: {known}")
            if not names:
                raise BadRecord("the workbook has no sheet")
            found = book.get_sheet_by_name(sheet or names[0])
            # What lies empty above and left of the cells counts, so that lines keep their numbers.
            rows = found.to_python(skip_empty_area=False)
            return [[cell_text(cell) for cell in row] for row in rows], found.name
    except CalamineError as error:
        raise BadRecord(f"the workbook cannot be read: {error}; save it anew as XLSX") from error


def cell_text(cell: Cell) -> str:
    """What a cell holds: numbers with a point and no exponent, days as ISO 8601 has them."""
    match cell:
        case str():
            return cell
        case bool():
            return "TRUE" if cell else "FALSE"
        case int():
            return SheetNumber(cell)
        case float():
            text = format(cell, ".15g")
            return SheetNumber(format(Decimal(text), "f") if "e" in text else text)
        case datetime() | date() | time():
            return cell.isoformat()
        case _:
            return str(cell)


def _check_archive(content: bytes) -> None:
    """BadRecord unless it is an archive whose contents, and the tables they make, have room in
    memory. The library that reads them takes its memory first and asks nobody: a cell in the last
    corner of a sheet ends the process.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            # Readers stop at the size that an entry tells, or refuse what is larger.
            unpacked = sum(member.file_size for member in members)
            if len(members) > _MEMBERS_MAX or unpacked > _UNPACKED_BYTES_MAX:
                raise BadRecord(
                    f"the workbook unpacks to {unpacked // 1024 // 1024} MiB; at most "
                    f"{_UNPACKED_BYTES_MAX // 1024 // 1024} MiB are read: save the one sheet as CSV"
                )
            for member in members:
                with archive.open(member) as part:
                    _check_extent(part)
    except (*_BAD_ARCHIVE, EOFError) as error:
        raise BadRecord(f"the workbook cannot be read: {error}; save it anew as XLSX") from error


def _check_extent(part: IO[bytes]) -> None:
    """BadRecord when the cells of a sheet lie so far apart that a table of them is too large."""
    rows = columns = 0
    left = b""
    while chunk := part.read(_CHUNK_BYTES):
        left += chunk
        whole, left = left[: left.rfind(b"<")], left[left.rfind(b"<") :]
        found = _CELL.findall(whole)
        columns = max([columns, *map(_column, {letters for letters, _ in found})])
        rows = max([rows, *(int(digits) for _, digits in found if digits)])
        if len(left) > _CHUNK_BYTES:
            raise BadRecord("the workbook cannot be read: it has a tag without end")
    if rows > ROWS_MAX or columns > COLUMNS_MAX or rows * columns > _CELLS_MAX:
        raise BadRecord(
            f"a sheet of the workbook has {rows} rows and {columns} columns; at most "
            f"{ROWS_MAX} and {COLUMNS_MAX}, and {_CELLS_MAX} cells, are read: remove what is empty"
        )


def _column(letters: bytes) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
