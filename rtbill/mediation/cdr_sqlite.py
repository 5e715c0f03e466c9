"""The CDR table that cdr_sqlite3_custom writes into a file of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from rtbill.domain.errors import BadRecord, Unavailable
from rtbill.mediation.columns import named, wanted_columns

MAGIC = b"SQLite format 3\x00"
TABLE = "cdr"
PAGE_ROWS = 2000
BUSY_TIMEOUT_S = 10.0
_BEFORE_ALL = -(1 << 63)
"""The least number a row can have; they begin with 1."""


def is_sqlite(path: Path) -> bool:
    """Whether the file is a database; BadRecord when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise BadRecord(f"{path} cannot be read: {error.strerror}") from error


def sqlite_rows(path: Path, name: str) -> Iterator[dict[str, str]]:
    """Every row of the table `cdr` in the order of its numbers. Errors call the file by the name
    given.

    Nothing is locked between two pages: an exchange that has to wait for a reader for more than a
    second loses its row.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
            # Wrong letters, in names mostly, do not matter: what is compared are digits.
            connection.text_factory = lambda content: content.decode(errors="replace")
            present = connection.execute(f"SELECT * FROM {TABLE} LIMIT 0").description  # noqa: S608
            columns = wanted_columns(f"{TABLE} of {name}", [each[0] for each in present])
            for page in _pages(connection, columns):
                for cells in page:
                    yield named(columns, cells)
    except sqlite3.Error as error:
        raise Unavailable(f"{name} cannot be read as a CDR database: {error}") from error


def _pages(connection: sqlite3.Connection, columns: Sequence[str]) -> Iterator[list[list[object]]]:
    names = ", ".join(f'"{name}"' for name in columns)
    query = (
        f"SELECT rowid, {names} FROM {TABLE}"  # noqa: S608 - the names are the table's own
        " WHERE rowid > ? ORDER BY rowid LIMIT ?"
    )
    last = _BEFORE_ALL
    # All rows at once: a statement that is not read to its end keeps its lock.
    while page := connection.execute(query, (last, PAGE_ROWS)).fetchall():
        last = page[-1][0]
        yield [cells for _, *cells in page]
