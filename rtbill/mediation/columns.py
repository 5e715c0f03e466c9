"""Which columns of a CDR table are asked for, and what is wrong with one that lacks them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtbill.domain.errors import BadRecord
from rtbill.formats.asterisk_cdr import OPTIONAL, REQUIRED, STARTS


def wanted_columns(table: str, present: Iterable[str]) -> list[str]:
    """The columns to read, the beginning of the call first; BadRecord names what is missing."""
    by_name = {name.lower(): name for name in present}
    start = next((by_name[name] for name in STARTS if name in by_name), None)
    missing = [name for name in REQUIRED if name not in by_name]
    if start is None:
        missing.insert(0, STARTS[0])
    if start is None or missing:
        raise BadRecord(
            f"table {table} has no column {', '.join(missing)}; it cannot be compared without "
            "(name another table with ?table=)"
        )
    return [start, *(by_name[name] for name in (*REQUIRED, *OPTIONAL) if name in by_name)]


def named(columns: Sequence[str], cells: Sequence[object]) -> dict[str, str]:
    """One row as texts by the small names of its columns; NULL is empty."""
    return {
        column.lower(): "" if cell is None else str(cell)
        for column, cell in zip(columns, cells, strict=True)
    }
