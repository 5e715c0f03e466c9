from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from rtbill.domain.changes import CreateAccount
from rtbill.domain.errors import Refused, Unavailable
from rtbill.storage.backup import backup, restore
from rtbill.storage.reader import SqliteReader
from rtbill.storage.sqlite import process_lock
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, an_account, credit, posting
from tests.fakes.environment import CountingMeter, ManualClock


async def balance_in(path: Path) -> int:
    """Of room-1."""
    async with SqliteReader(path) as reader:
        return (await reader.accounts())[0].balance_micros


@pytest.fixture
async def copy(settings: StoreSettings, tmp_path: Path) -> Path:
    """A backup with EUR 10 for room-1; the database has EUR 20 since."""
    target = tmp_path / "copy.db"
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.submit(credit("one"))
        await asyncio.to_thread(backup, settings.path, target)
        await store.submit(credit("two"))
    return target


async def test_a_backup_is_one_whole_instant_while_calls_are_written(
    store: SqliteStore, settings: StoreSettings, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    done = threading.Event()

    def copy() -> None:
        try:
            backup(settings.path, target)
        finally:
            done.set()

    thread = threading.Thread(target=copy)
    posted = 0
    thread.start()
    while not done.is_set() or posted < 500:
        batch = [store.submit(posting(a_call(str(posted + number)))) for number in range(50)]
        for future in batch:
            await future
        posted += 50
    thread.join()
    assert verify(target) == []
    assert await balance_in(target) % 250_000 == 0
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]


async def test_a_backup_never_overwrites(copy: Path, settings: StoreSettings) -> None:
    with pytest.raises(Refused, match="exists already"):
        backup(settings.path, copy)


async def test_wrong_books_are_not_backed_up(copy: Path, settings: StoreSettings) -> None:
    with contextlib.closing(sqlite3.connect(settings.path)) as connection, connection:
        connection.execute("UPDATE balance SET micros = micros + 1")
    target = copy.with_name("second.db")
    with pytest.raises(Refused, match="the books of the backup are wrong:\nbalance of"):
        backup(settings.path, target)
    assert list(copy.parent.glob("second*")) == []


async def test_there_is_no_backup_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be opened"):
        backup(tmp_path / "none.db", tmp_path / "copy.db")


async def test_a_backup_is_restored_where_nothing_was(copy: Path, tmp_path: Path) -> None:
    assert restore(copy, tmp_path / "new.db") is None
    assert await balance_in(tmp_path / "new.db") == 10_000_000
    assert await balance_in(copy) == 10_000_000


async def test_a_database_is_replaced_only_by_force_and_kept_aside(
    copy: Path, settings: StoreSettings
) -> None:
    with pytest.raises(Refused, match="--force"):
        restore(copy, settings.path)
    assert await balance_in(settings.path) == 20_000_000
    aside = restore(copy, settings.path, force=True)
    assert await balance_in(settings.path) == 10_000_000
    assert aside is not None
    assert await balance_in(aside) == 20_000_000
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        assert (await store.submit(credit("one"))).facts is None


async def test_commits_not_yet_folded_in_are_kept_aside_too(
    copy: Path, settings: StoreSettings
) -> None:
    with contextlib.closing(sqlite3.connect(settings.path)) as other:
        # A second connection keeps the log from being folded in when the store closes.
        other.execute("SELECT count(*) FROM call").fetchone()
        async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
            await store.submit(credit("three"))
        aside = restore(copy, settings.path, force=True)
    assert aside is not None
    assert await balance_in(aside) == 30_000_000
    assert await balance_in(settings.path) == 10_000_000


async def test_a_database_in_use_is_not_replaced(copy: Path, settings: StoreSettings) -> None:
    async with SqliteStore(settings, ManualClock(), CountingMeter()):
        with pytest.raises(Unavailable, match="in use by process"):
            restore(copy, settings.path, force=True)


async def test_a_backup_with_wrong_books_is_not_restored(
    copy: Path, settings: StoreSettings
) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE balance SET micros = micros + 1")
    with pytest.raises(Refused, match="are wrong"):
        restore(copy, settings.path, force=True)
    assert await balance_in(settings.path) == 20_000_000


async def test_a_newer_backup_is_refused(copy: Path, settings: StoreSettings) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(Refused, match="schema version 999"):
        restore(copy, settings.path, force=True)


def test_the_right_to_write_is_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(2):
        with process_lock(tmp_path / "books.db"):
            pass


async def test_a_brief_deadline_is_an_error_not_a_hang(copy: Path) -> None:
    async with SqliteReader(copy, connections=1, timeout_s=0.0) as reader:
        with pytest.raises(Unavailable, match="took more than 0 s"):
            await reader.accounts()
