"""Many rows per statement.

A step of SQLite gives up the interpreter lock and has to win it back from a busy event loop. One
INSERT of 256 rows does that once; `executemany` does it 256 times (beside a busy loop a batch of
256 took 82 ms by executemany, 32 ms in statements of 64 rows).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

Row = tuple[Any, ...]
_SIZES = (256, 128, 64, 32, *range(16, 0, -1))
"""Few sizes, so that each statement is compiled once and stays cached; the little sets of a quiet
moment are one statement each.
"""
_VARIABLES_MAX = 32_000


def insert_rows(
    connection: sqlite3.Connection, into: str, rows: Sequence[Row], then: str = ""
) -> None:
    """Write the rows in order; `into` is the statement up to VALUES, `then` what follows them."""
    if not rows:
        return
    width = len(rows[0])
    for part in _parts(rows, _VARIABLES_MAX // width):
        connection.execute(
            _insert_statement(into, width, len(part), then), tuple(chain.from_iterable(part))
        )


def select_by_keys(
    connection: sqlite3.Connection, select: str, keys: Sequence[str]
) -> Iterator[Row]:
    """The rows of these keys, in no order; `select` is the statement up to `IN`."""
    for statement, part in selects_by_keys(select, keys):
        yield from connection.execute(statement, part)


def delete_by_keys(connection: sqlite3.Connection, delete: str, keys: Sequence[str]) -> None:
    """Take away the rows of these keys; `delete` is the statement up to `IN`."""
    for statement, part in selects_by_keys(delete, keys):
        connection.execute(statement, part)


def selects_by_keys(select: str, keys: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Statements with their values, of a few hundred keys at most each, that find these keys
    together; `select` is the statement up to `IN`.
    """
    for part in _parts(keys, _VARIABLES_MAX):
        yield _select_statement(select, len(part)), part


def _parts(rows: Sequence[Any], rows_max: int) -> Iterator[Sequence[Any]]:
    start = 0
    for size in _SIZES:
        while size <= rows_max and len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _insert_statement(into: str, width: int, rows: int, then: str) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return f"{into} VALUES {','.join([row] * rows)} {then}"


@cache
def _select_statement(select: str, keys: int) -> str:
    return f"{select} IN ({','.join('?' * keys)})"
