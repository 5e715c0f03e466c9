"""The rows of a rate sheet that is text: its encoding and what parts its cells, found or
declared.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from rtbill.domain.errors import BadRecord

DELIMITERS = (";", "\t", "|", ",")
_LINES_LOOKED_AT = 50
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_CELL_CHARS_MAX = 100_000


class SheetText(NamedTuple):
    """Rows, and how they were read."""

    rows: list[list[str]]
    encoding: str
    delimiter: str


def read_rows(content: bytes, encoding: str = "", delimiter: str = "") -> SheetText:
    """The rows by line, empty ones too, so that the index of a row tells its line as long as no
    cell holds a line end; BadRecord says what cannot be read.
    """
    encoding = encoding or _encoding(content)
    try:
        text = content.decode(encoding)
    except (UnicodeError, LookupError) as error:
        place = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise BadRecord(f"the file is not {encoding} text{place}; declare its encoding") from None
    delimiter = delimiter or _delimiter(text)
    return SheetText(_rows(text, delimiter), encoding, delimiter)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            # Rows that a line end in a cell swallowed are kept as empty ones.
            rows += [[] for _ in range(reader.line_num - len(rows) - 1)]
            rows.append(row)
    except csv.Error as error:
        raise BadRecord(f"line {len(rows) + 1}: cannot be read any further: {error}") from None
    return rows


def _encoding(content: bytes) -> str:
    """By its byte order mark; else UTF-8 where it can be, else that of Windows."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return encoding
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _delimiter(text: str) -> str:
    """That which makes the most cells in the same way in most lines."""
    lines = [line for line in text[:_CELL_CHARS_MAX].splitlines() if line.strip()]
    lines = lines[:_LINES_LOOKED_AT]

    def worth(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in _parsed(lines, delimiter)]
        common = max(set(widths), key=lambda width: (width > 1, widths.count(width)), default=1)
        is_common = 2 * widths.count(common) > len(widths)
        return (common if is_common else 1, -DELIMITERS.index(delimiter))

    return max(DELIMITERS, key=worth)


def _parsed(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []
