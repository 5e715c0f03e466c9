"""Bring a database to the newest migration; refuse one that a newer program has written."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from importlib import resources
from pathlib import Path

from rtbill.domain.errors import Refused
from rtbill.storage.sqlite import open_writer, process_lock

APPLICATION_ID = 0x72744231
"""Stands in the file's header (`PRAGMA application_id`): "rtB1"."""
_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


def migrations() -> dict[int, str]:
    """Every migration's SQL by its number, in order and without gaps from 1."""
    found: dict[int, str] = {}
    for file in resources.files("rtbill.storage.migrations").iterdir():
        match = _FILE_NAME.fullmatch(file.name)
        if match:
            found[int(match[1])] = file.read_text(encoding="utf-8")
    assert sorted(found) == list(range(1, len(found) + 1)), "migrations are numbered without gaps"
    return dict(sorted(found.items()))


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of the last migration this database has seen; 0 for an empty one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def check_usable(connection: sqlite3.Connection, path: str) -> int:
    """The database's schema version; Refused when it is not ours or newer than this program."""
    try:
        version = schema_version(connection)
        application: int = connection.execute("PRAGMA application_id").fetchone()[0]
        table = connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        raise Refused(f"{path} cannot be read as a database: {error}") from error
    if (version or table) and application != APPLICATION_ID:
        raise Refused(f"{path} is a database of another program; choose another file")
    newest = max(migrations())
    if version > newest:
        raise Refused(
            f"{path} has schema version {version}, this rtbill knows versions up to {newest}; "
            "install the newer rtbill again, or restore a backup made before the upgrade"
        )
    return version


def migrate_file(database: Path) -> tuple[int, int]:
    """The schema version before and after bringing the file to the newest; 0 was an empty one.

    Unavailable while another process writes; Refused as by `migrate`.
    """
    with process_lock(database), contextlib.closing(open_writer(database)) as connection:
        return schema_version(connection), migrate(connection, str(database))


def migrate(connection: sqlite3.Connection, path: str) -> int:
    """The schema version after applying what is missing; each migration is applied whole or not.

    Refused when the database is not ours or newer than this program.
    """
    version = check_usable(connection, path)
    for number, sql in migrations().items():
        if number > version:
            try:
                # executescript() commits before it starts, so the script brings its transaction.
                connection.executescript(
                    f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;"
                )
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.rollback()
                raise
            version = number
    return version
