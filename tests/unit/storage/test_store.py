from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.changes import AddObservations, CreateAccount, Heard
from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed, Operation
from rtbill.storage import writer
from rtbill.storage.reader import SqliteReader
from rtbill.storage.sqlite import open_reader, open_writer
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_leg, an_account, an_observation, credit, posting
from tests.fakes.environment import NOON, CountingMeter, ManualClock


async def test_many_operations_share_a_commit(store: SqliteStore, meter: CountingMeter) -> None:
    commits = len(meter.observed["rtbill_store_commit_seconds"])
    futures = [store.submit(posting(a_call(str(number)))) for number in range(512)]
    assert store.queued == 512
    for future in futures:
        await future
    assert store.queued == 0
    assert meter.counts["rtbill_store_operations_total"] == 513
    assert len(meter.observed["rtbill_store_commit_seconds"]) - commits <= 10
    assert meter.gauges["rtbill_store_queue"] == 0


async def test_what_one_turn_of_the_loop_asks_for_is_one_commit(
    store: SqliteStore, meter: CountingMeter
) -> None:
    commits = len(meter.observed["rtbill_store_commit_seconds"])
    futures = [store.submit(posting(a_call(str(number)))) for number in range(512)]
    await asyncio.wait(futures, timeout=10)
    assert len(meter.observed["rtbill_store_commit_seconds"]) - commits == 1


async def test_what_waits_and_what_follows_from_an_answer_are_one_commit(
    store: SqliteStore, meter: CountingMeter
) -> None:
    is_written, followed = threading.Event(), []

    def wait(state: AccountState, _pools: Pools) -> Facts:
        is_written.wait(10)
        return Facts(state)

    first = store.submit(Operation("room-1", "wait", wait))
    first.add_done_callback(lambda _: followed.append(store.submit(posting(a_call("follows")))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = store.submit(posting(a_call("waits")))
    commits = len(meter.observed["rtbill_store_commit_seconds"])
    is_written.set()
    await waiting
    assert followed[0].done()
    assert len(meter.observed["rtbill_store_commit_seconds"]) - commits == 2


async def test_no_commit_has_more_than_a_batch(settings: StoreSettings) -> None:
    meter = CountingMeter()
    small = replace(settings, batch_max=4)
    async with SqliteStore(small, ManualClock(), meter) as store:
        await store.change(CreateAccount(an_account()))
        commits = len(meter.observed["rtbill_store_commit_seconds"])
        for future in [store.submit(posting(a_call(str(number)))) for number in range(10)]:
            assert (await future).facts is not None
        assert len(meter.observed["rtbill_store_commit_seconds"]) - commits == 3


async def test_a_row_the_tables_refuse_fails_alone(store: SqliteStore) -> None:
    too_large = a_call("poison", micros=2**63)
    unreadable = a_call("surrogate", note="\ud800")
    futures = [
        store.submit(posting(call)) for call in (a_call("1"), too_large, unreadable, a_call("2"))
    ]
    await futures[0]
    with pytest.raises(OverflowError):
        await futures[1]
    with pytest.raises(UnicodeEncodeError):
        await futures[2]
    last = await futures[3]
    assert last.facts is not None
    assert (last.facts.state.version, last.facts.state.balance_micros) == (2, -500_000)


async def test_a_transfer_key_used_by_other_means_fails_alone(
    store: SqliteStore, settings: StoreSettings
) -> None:
    def steal(facts: Facts) -> Facts:
        (transfer,) = facts.transfers
        second = transfer._replace(
            version=transfer.version + 1,
            balance_after_micros=transfer.balance_after_micros - transfer.amount_micros,
        )
        state = facts.state._replace(
            version=second.version, balance_micros=second.balance_after_micros
        )
        return facts._replace(state=state, transfers=(transfer, second))

    futures = [
        store.submit(operation)
        for operation in (credit("one"), posting(a_call("1"), finish=steal), posting(a_call("2")))
    ]
    await futures[0]
    with pytest.raises(sqlite3.IntegrityError, match=r"transfer\.key"):
        await futures[1]
    await futures[2]
    assert verify(settings.path) == []


class FullDisk:
    """Lets the file grow no further, from its first try on until the given one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lifted_at: int) -> None:
        self.connections: list[sqlite3.Connection] = []
        self.has_failed = threading.Event()
        self.may_go_on = threading.Event()
        self._tries: Counter[str] = Counter()
        self._lifted_at = lifted_at

        def capture(path: Path) -> sqlite3.Connection:
            connection = open_writer(path)
            self.connections.append(connection)
            return connection

        monkeypatch.setattr(writer, "open_writer", capture)

    def fill(self, state: AccountState, _pools: Pools) -> Facts:
        """An operation's `decide`, which runs in the writer's thread: the disk is full now."""
        (pages,) = self.connections[0].execute("PRAGMA page_count").fetchone()
        self.connections[0].execute(f"PRAGMA max_page_count = {pages}")
        return Facts(state)

    def attempt(self, facts: Facts) -> Facts:
        """Every try to write passes here; the second one waits until the test has looked."""
        assert facts.call is not None
        leg = facts.call.record.id.leg
        self._tries[leg] += 1
        if self._tries[leg] == 2 and not self.has_failed.is_set():
            self.has_failed.set()
            self.may_go_on.wait(10)
        if self._tries[leg] == self._lifted_at:
            self.connections[0].execute("PRAGMA max_page_count = 1000000")
        return facts

    def large_calls(self, store: SqliteStore) -> list[asyncio.Future[Committed]]:
        """More than fits."""
        calls = [a_call(str(number), note="x" * 4000) for number in range(300)]
        return [store.submit(posting(call, finish=self.attempt)) for call in calls]


async def test_a_full_disk_holds_everything_up_and_loses_nothing(
    settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, lifted_at=4)
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.submit(Operation("room-1", "full", disk.fill))
        futures = disk.large_calls(store)
        late = store.submit(credit("late"))
        await asyncio.to_thread(disk.has_failed.wait, 10)
        assert "database or disk is full" in str(store.failing)
        assert not late.done()
        assert store.queued > 0
        disk.may_go_on.set()
        versions = [(await future).facts.state.version for future in futures]  # type: ignore[union-attr]
        assert versions == list(range(1, 301))
        assert (await late).facts is not None
        assert store.failing is None
    assert verify(settings.path) == []


def test_a_write_that_fails_half_way_is_repeated_until_it_works(tmp_path: Path) -> None:
    """In a process of its own, whose files may not grow: the log's last write is cut short."""
    path = tmp_path / "books.db"
    child = subprocess.run(
        [sys.executable, "-m", "tests.unit.storage.limited_disk", str(path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert child.stdout.splitlines() == ["failing: disk I/O error", "300 durable in order"]
    assert verify(path) == []


async def test_closing_while_the_disk_is_full_refuses_what_was_not_written(
    settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, lifted_at=1_000_000)
    disk.may_go_on.set()
    brief = replace(settings, close_timeout_s=0.1)
    async with SqliteStore(brief, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.submit(Operation("room-1", "full", disk.fill))
        futures = disk.large_calls(store)
        await asyncio.to_thread(disk.has_failed.wait, 10)
    assert all(future.done() for future in futures)
    with pytest.raises(Unavailable, match="nothing was written"):
        await futures[-1]
    for future in futures:
        future.exception()
    assert verify(settings.path) == []


@pytest.mark.parametrize("batch_max", [64, 1024])
async def test_closing_writes_what_is_queued(settings: StoreSettings, batch_max: int) -> None:
    settings = replace(settings, batch_max=batch_max)
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        futures = [store.submit(posting(a_call(str(number)))) for number in range(1000)]
    assert all(future.result().facts is not None for future in futures)
    with pytest.raises(Unavailable, match="closed"):
        store.submit(posting(a_call("late")))
    with pytest.raises(Unavailable, match="closed"):
        await store.change(Heard("hotel", NOON))


async def test_a_full_queue_refuses_at_once(settings: StoreSettings) -> None:
    hold = threading.Event()

    def wait(state: AccountState, _pools: Pools) -> Facts:
        hold.wait(10)
        return Facts(state)

    small = replace(settings, queue_max=3)
    async with SqliteStore(small, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        futures = [store.submit(Operation("room-1", "wait", wait)) for _ in range(3)]
        with pytest.raises(Unavailable, match="3 facts wait"):
            store.submit(posting(a_call()))
        with pytest.raises(Unavailable, match="3 facts wait"):
            store.note_live(a_leg())
        hold.set()
        for future in futures:
            await future
        await store.submit(posting(a_call()))


async def test_a_slow_disk_leaves_a_change_unknown_not_refused(settings: StoreSettings) -> None:
    hold = threading.Event()

    def wait(state: AccountState, _pools: Pools) -> Facts:
        hold.wait(10)
        return Facts(state)

    hasty = replace(settings, change_timeout_s=0.01)
    async with (
        SqliteStore(settings, ManualClock(), CountingMeter()) as store,
        SqliteReader(settings.path) as reader,
    ):
        await store.change(CreateAccount(an_account()))
        store._settings = hasty
        store.submit(Operation("room-1", "wait", wait))
        with pytest.raises(OutcomeUnknown, match="not yet written"):
            await store.change(CreateAccount(an_account("room-2")))
        hold.set()
        await store.submit(posting(a_call()))
        assert [state.account.id for state in await reader.accounts()] == ["room-1", "room-2"]


async def test_a_caller_that_gives_up_does_not_undo_the_operation(
    store: SqliteStore, settings: StoreSettings
) -> None:
    store.submit(posting(a_call())).cancel()
    again = await store.submit(posting(a_call()))
    assert again.facts is None
    assert verify(settings.path) == []


async def test_a_second_writer_is_refused_and_told_who_writes(
    store: SqliteStore, settings: StoreSettings
) -> None:
    assert store.failing is None
    with pytest.raises(Unavailable, match=f"in use by process {os.getpid()}"):
        async with SqliteStore(settings, ManualClock(), CountingMeter()):
            pass


async def test_a_file_that_is_no_database_cannot_be_opened(settings: StoreSettings) -> None:
    settings.path.write_text("nothing of the kind\n" * 100)
    with pytest.raises(Refused, match="not a database"):
        async with SqliteStore(settings, ManualClock(), CountingMeter()):
            pass


async def test_a_fault_of_the_program_stops_the_writer_loudly(settings: StoreSettings) -> None:
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        store._writer.queue.put("no piece of work")  # type: ignore[arg-type]
        future = store.submit(posting(a_call()))
        with pytest.raises(OutcomeUnknown, match="stopped"):
            await future
        assert "stopped: 'str' object" in str(store.failing)
        with pytest.raises(Unavailable, match="closed"):
            store.submit(posting(a_call()))


async def test_everything_is_there_after_opening_again(settings: StoreSettings) -> None:
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.submit(credit("one"))
        await store.submit(posting(a_call("1")))
        store.note_live(a_leg("2"))
    async with (
        SqliteStore(settings, ManualClock(), CountingMeter()) as store,
        SqliteReader(settings.path) as reader,
    ):
        assert (await store.submit(credit("one"))).facts is None
        committed = await store.submit(posting(a_call("2")))
        assert committed.facts is not None
        assert committed.facts.state.version == 3
        assert committed.facts.state.balance_micros == 9_500_000
        assert await reader.live_rows() == []
    assert verify(settings.path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer SET amount_micros = 1",
        "DELETE FROM transfer",
        "DELETE FROM call",
        "UPDATE call SET price_micros = 1",
        "UPDATE call SET note = 'changed'",
    ],
)
async def test_what_is_booked_cannot_be_changed_even_by_hand(
    store: SqliteStore, settings: StoreSettings, statement: str
) -> None:
    await store.submit(posting(a_call()))
    with (
        contextlib.closing(sqlite3.connect(settings.path)) as other,
        pytest.raises(sqlite3.IntegrityError, match="never"),
    ):
        other.execute(statement)


async def test_the_entries_show_both_halves_of_a_transfer(
    store: SqliteStore, settings: StoreSettings
) -> None:
    await store.submit(posting(a_call()))
    with contextlib.closing(open_reader(settings.path)) as reader:
        rows = reader.execute("SELECT account, amount_micros FROM entry ORDER BY amount_micros")
        assert rows.fetchall() == [("room-1", -250_000), ("revenue:standard", 250_000)]


async def test_a_reader_cannot_write(store: SqliteStore, settings: StoreSettings) -> None:
    assert store.failing is None
    with (
        contextlib.closing(open_reader(settings.path)) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("DELETE FROM notice")


async def test_an_observation_in_the_file_can_be_neither_changed_nor_deleted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "books.sqlite"
    settings = StoreSettings(path=path)
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.change(AddObservations((an_observation(),), NOON))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in ("UPDATE observation SET text = ''", "DELETE FROM observation"):
            with pytest.raises(sqlite3.IntegrityError, match="an observation is never"):
                connection.execute(statement)
