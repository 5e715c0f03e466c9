"""The CDR table that cdr_sqlite3_custom writes into a file of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rtbill.domain.errors import BadRecord, Unavailable
from rtbill.mediation.columns import named, wanted_columns

MAGIC = b"SQLite format 3\x00"
TABLE = "cdr"
PAGE_ROWS = 2000
BUSY_TIMEOUT_S = 10.0


def is_sqlite(path: Path) -> bool:
    """Whether the file is a database; BadRecord when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise BadRecord(f"{path} cannot be read: {error.strerror}") from error


def sqlite_rows(path: Path, name: str) -> Iterator[dict[str, str]]:
    """Every row of the table `cdr`, a page at a time; the exchange may go on writing. Errors call
    the file by the name given.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
            present = connection.execute(f"SELECT * FROM {TABLE} LIMIT 0").description  # noqa: S608
            columns = wanted_columns(f"{TABLE} of {name}", [each[0] for each in present])
            names = ", ".join(f'"{name}"' for name in columns)
            cursor = connection.execute(f"SELECT {names} FROM {TABLE} ORDER BY rowid")  # noqa: S608
            while page := cursor.fetchmany(PAGE_ROWS):
                for cells in page:
                    yield named(columns, cells)
    except sqlite3.Error as error:
        raise Unavailable(f"{name} cannot be read as a CDR database: {error}") from error
