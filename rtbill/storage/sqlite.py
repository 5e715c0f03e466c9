"""Open and tune SQLite files; nothing about money.

One process writes: it holds an exclusive lock on `<database>.lock` for as long as it may. Within
it, one thread writes and checkpoints; everybody else opens read-only (SQLite before 3.51.3 can
damage a write-ahead log that two connections write or checkpoint at once).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from rtbill.domain.errors import Refused, Unavailable

BUSY_TIMEOUT_MS = 5_000
PAGE_BYTES = 2_048
"""A call touches two index pages of its account, somewhere in the file; half the default size is
half of what a commit writes (18 instead of 36 microseconds per call in batches of 256).
"""
CHECKPOINT_PAGES = 1_000
"""So much of the log is folded into the file within a commit, which takes 4 ms on an ordinary disk;
8,000 pages took 25 ms, once a second at 300 calls a second, and callers waited for it.
"""
_CACHE_KIB = 32 * 1024


def lock_path(database: Path) -> Path:
    """The file whose lock means "this process writes"; it stays behind, only the lock counts."""
    return database.with_name(database.name + ".lock")


@contextlib.contextmanager
def process_lock(database: Path) -> Iterator[None]:
    """Hold the right to write; Unavailable names the process that has it."""
    path = lock_path(database)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        raise Refused(f"{path} cannot be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise Unavailable(
                f"{database} is in use by process {holder}; stop that process first, "
                "or let the running service make the change"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def create_private(database: Path) -> None:
    """Make an empty file that only its owner and group may read, unless there is one: it will hold
    who called whom. The log beside it gets the same rights.
    """
    if not database.exists():
        try:
            database.touch(mode=0o640)
        except OSError as error:
            raise Refused(f"{database} cannot be made: {error.strerror}") from error


def open_writer(database: Path) -> sqlite3.Connection:
    """A connection that may write, in autocommit mode; the caller holds the process lock.

    Every commit is on the disk before it returns. Refused when the file cannot be opened.
    """
    create_private(database)
    try:
        connection = sqlite3.connect(database, isolation_level=None, cached_statements=256)
    except sqlite3.Error as error:
        raise Refused(f"{database} cannot be opened: {error}") from error
    try:
        for setting in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            f"page_size = {PAGE_BYTES}",  # of a new file; an old one keeps its own
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            "foreign_keys = ON",
            "secure_delete = ON",  # notices hold links: what is deleted is gone from the file
            f"cache_size = -{_CACHE_KIB}",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error as error:
        connection.close()
        raise Refused(f"{database} cannot be used: {error}") from error
    return connection


def read_only_uri(database: Path) -> str:
    """The address by which SQLite opens the file for reading only."""
    return f"file:{quote(str(database.absolute()))}?mode=ro"


def open_reader(database: Path) -> sqlite3.Connection:
    """A connection that cannot write, in autocommit mode; Refused when there is no such file."""
    try:
        connection = sqlite3.connect(read_only_uri(database), uri=True, isolation_level=None)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    except sqlite3.Error as error:
        raise Refused(f"{database} cannot be opened for reading: {error}") from error
    return connection


def sync_to_disk(path: Path) -> None:
    """Return when the file (or the names in the directory) would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
