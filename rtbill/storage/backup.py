"""Copy the books while a service writes them, and put a copy back, each proven before it counts."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from rtbill.domain.errors import Refused, Unavailable
from rtbill.storage.migrate import check_usable, schema_version
from rtbill.storage.sqlite import (
    create_private,
    open_reader,
    open_writer,
    process_lock,
    sync_to_disk,
)
from rtbill.storage.verify import verify

_PAGES_PER_STEP = 2_000
_SIDE_FILES = ("", "-wal", "-shm")


def backup(source_db: Path, target_file: Path) -> None:
    """Write a proven copy of one instant to a new file; a running service goes on meanwhile.

    Refused when the target exists or the books of the copy are wrong; nothing is left then.
    """
    if target_file.exists():
        raise Refused(f"{target_file} exists already; choose another name")
    with contextlib.closing(open_reader(source_db)) as source, _draft(target_file) as draft:
        check_usable(source, str(source_db))
        if schema_version(source) == 0:
            raise Refused(f"{source_db} is empty; there is nothing to back up")
        _copy(source, draft)
        _prove(draft, "the backup")
        draft.replace(target_file)
        sync_to_disk(target_file.parent)


def restore(backup_file: Path, target_db: Path, *, force: bool = False) -> Path | None:
    """Put a proven copy of the backup in the place of the database.

    Refused when the backup's books are wrong, or a database is there and `force` is not set. With
    `force` that one is kept beside it; its new path is the result. Unavailable while a process
    writes.
    """
    with process_lock(target_db):
        if target_db.exists() and not force:
            raise Refused(f"{target_db} exists; add --force to replace it (it is kept aside)")
        with contextlib.closing(open_reader(backup_file)) as source, _draft(target_db) as draft:
            if check_usable(source, str(backup_file)) == 0:
                raise Refused(f"{backup_file} is empty; it is not a backup")
            _copy(source, draft)
            _prove(draft, str(backup_file))
            aside = _set_aside(target_db) if target_db.exists() else None
            draft.replace(target_db)
            sync_to_disk(target_db.parent)
    return aside


@contextlib.contextmanager
def _draft(final: Path) -> Iterator[Path]:
    """A name in the same directory to write to; whatever still has it afterwards is removed."""
    draft = final.with_name(final.name + ".partial")
    _remove(draft)
    try:
        yield draft
    finally:
        _remove(draft)


def _remove(database: Path) -> None:
    for suffix in (*_SIDE_FILES, "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _copy(source: sqlite3.Connection, draft: Path) -> None:
    """Copy in steps. The open read transaction holds one instant: without it every commit of the
    service would start the copy again.
    """
    create_private(draft)
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as target:
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM sqlite_schema").fetchone()
            source.backup(target, pages=_PAGES_PER_STEP)
            # A single file, without a write-ahead log beside it.
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise Unavailable(f"{draft} could not be written: {error}") from error
    finally:
        source.rollback()
    sync_to_disk(draft)


def _prove(draft: Path, name: str) -> None:
    problems = verify(draft)
    if problems:
        raise Refused(f"the books of {name} are wrong:\n" + "\n".join(problems))


def _set_aside(database: Path) -> Path:
    """Rename a database and its write-ahead log, so that the pair can still be opened.

    The log is folded in first where the database can still be read, so that one rename is all.
    """
    with (
        contextlib.suppress(Refused, sqlite3.Error),
        contextlib.closing(open_writer(database)) as old,
    ):
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = next(
        path
        for number in count(1)
        if not (path := database.with_name(f"{database.name}.replaced-{number}")).exists()
    )
    for suffix in _SIDE_FILES:
        file = database.with_name(database.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    return aside
