"""Every kind of damage that the proof of the books must find, planted behind the store's back."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtbill.domain.account import Extension, Membership
from rtbill.domain.changes import Assign, CreateAccount
from rtbill.domain.rated import CallStatus
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import PROOFS, verify
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, an_account, credit, posting
from tests.fakes.environment import NOON, CountingMeter, ManualClock

TRIGGERS = ("call_settled_is_final", "call_is_kept", "transfer_is_final", "transfer_is_kept")


@pytest.fixture
async def sound(settings: StoreSettings) -> StoreSettings:
    """Closed books with two accounts, a top-up, and a call of every status."""
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        await store.change(CreateAccount(an_account()))
        await store.change(CreateAccount(an_account("room-2")))
        await store.change(
            Assign(Membership(account="room-1", extension=Extension("a", "1"), valid_from=NOON))
        )
        await store.submit(credit("one"))
        await store.submit(credit("two", account="room-2"))
        for status in CallStatus:
            await store.submit(posting(a_call(status.value, status)))
        await store.submit(posting(a_call("second")))
        await store.submit(posting(a_call("nothing", micros=0)))
    return settings


@contextlib.contextmanager
def by_hand(settings: StoreSettings) -> Iterator[sqlite3.Connection]:
    """A connection without triggers, checks and references."""
    with contextlib.closing(sqlite3.connect(settings.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        yield connection


def test_sound_books_have_no_problem(sound: StoreSettings) -> None:
    assert verify(sound.path) == []


DAMAGE = {
    "a balance that was raised": (
        "UPDATE balance SET micros = micros + 1 WHERE account = 'room-1'",
        "balance of room-1 in EUR is 9500001 micros, its entries make 9500000",
    ),
    "an own balance that was lowered": (
        "UPDATE balance SET micros = micros - 5 WHERE account = 'cash'",
        "all balances in EUR make -5 micros instead of zero",
    ),
    "a balance that is gone": (
        "DELETE FROM balance WHERE account = 'cash'",
        "cash has entries in EUR but no balance",
    ),
    "a version that was raised": (
        "UPDATE balance SET version = 9 WHERE account = 'room-1'",
        "room-1 is at version 9, but has 3 transfers",
    ),
    "a transfer that was taken out": (
        "DELETE FROM transfer WHERE key = 'call:hotel/rated'",
        "account room-1 has 2 transfers numbered 1 to 3: there are gaps",
    ),
    "a debit that is missing": (
        "DELETE FROM transfer WHERE key = 'call:hotel/second'",
        "call hotel/second owes 250000 micros, but was debited 0 times, in all 0 micros",
    ),
    "an amount that was changed": (
        "UPDATE transfer SET amount_micros = 1 WHERE key = 'call:hotel/rated'",
        "call hotel/rated owes 250000 micros, but was debited 1 times, in all 1 micros",
    ),
    "a running balance that was changed": (
        "UPDATE transfer SET balance_after_micros = 7 WHERE key = 'call:hotel/rated'",
        "transfer call:hotel/rated says 7 micros are left, the one before it makes 9750000",
    ),
    "a debit of another account": (
        "UPDATE call SET account = 'room-2' WHERE key = 'hotel/rated'",
        "call hotel/rated owes 250000 micros, but was debited 1 times",
    ),
    "a second debit": (
        "INSERT INTO transfer SELECT 99, 'call:again', debit, credit, amount_micros, currency,"
        " kind, event_at, posted_at, account, 4, 9250000, call, reason, reverses"
        " FROM transfer WHERE key = 'call:hotel/rated'",
        "call hotel/rated owes 250000 micros, but was debited 2 times",
    ),
    "a debit of a free call": (
        "UPDATE transfer SET call = 'hotel/free' WHERE key = 'call:hotel/rated'",
        "transfer call:hotel/rated debits call hotel/free, which is free without a price",
    ),
    "a debit of no call": (
        "UPDATE transfer SET call = 'hotel/never' WHERE key = 'call:hotel/rated'",
        "transfer call:hotel/rated debits call hotel/never, which is unknown",
    ),
    "a reference to no account": (
        "UPDATE call SET account = 'room-9' WHERE key = 'hotel/free'",
        "of call refers to a row of account that is not there",
    ),
    "a currency that was changed": (
        "UPDATE transfer SET currency = 'CHF' WHERE key = 'call:hotel/rated'",
        "transfer call:hotel/rated is in CHF, its account room-1 is kept in EUR",
    ),
    "money moved from customer to customer": (
        "UPDATE transfer SET credit = 'room-2' WHERE key = 'call:hotel/rated'",
        "is not between its account and the biller's own side",
    ),
    "an unrated call with a price": (
        "UPDATE call SET price_micros = 3, currency = 'EUR' WHERE key = 'hotel/unrated'",
        "call hotel/unrated is unrated with a price of 3",
    ),
    "more tax than price": (
        "UPDATE call SET tax_micros = 250001 WHERE key = 'hotel/rated'",
        "call hotel/rated of 250000 micros has 250001 micros of tax",
    ),
    "a price by a plan that nobody has": (
        "UPDATE call SET plan = 'hall-plan', plan_version = 3 WHERE key = 'hotel/rated'",
        "call hotel/rated is priced by version 3 of price plan hall-plan, which the books do not",
    ),
    "a call that was taken out": (
        "DELETE FROM call WHERE key = 'hotel/unanswered'",
        "1 calls are counted as unanswered, the books hold 0",
    ),
    "an extension with two holders": (
        "INSERT INTO membership SELECT 9, pbx, number, 'room-2', valid_from + 5, NULL, NULL"
        " FROM membership",
        "extension a/1 belongs to room-1 and to room-2 at the same time",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found(sound: StoreSettings, kind: str) -> None:
    statement, sentence = DAMAGE[kind]
    with by_hand(sound) as connection:
        assert connection.execute(statement).rowcount == 1
    problems = verify(sound.path)
    assert any(sentence in problem for problem in problems), problems


@pytest.mark.parametrize("table", ["call", "transfer"])
def test_a_key_that_stands_twice_is_found(sound: StoreSettings, table: str) -> None:
    with by_hand(sound) as connection:
        sql = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()[0]
        connection.execute("PRAGMA foreign_keys = OFF")
        loose = sql.replace("key TEXT NOT NULL UNIQUE", "key TEXT NOT NULL")
        columns = [
            row[1]
            for row in connection.execute(f"PRAGMA table_info({table})")  # began_at is computed
            if row[1] != "id"
        ]
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(f"ALTER TABLE {table} RENAME TO old")
        connection.execute(loose)
        for _ in range(2):
            names = ", ".join(columns)
            unique = names.replace("version", "version + (SELECT count(*) FROM transfer)")
            values = unique if table == "transfer" else names
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM old LIMIT 1")
        connection.execute("DROP TABLE old")
    problems = verify(sound.path)
    assert any(
        problem.startswith(table) and problem.endswith("stands in the books 2 times")
        for problem in problems
    ), problems


def test_a_damaged_page_is_found(sound: StoreSettings) -> None:
    with contextlib.closing(sqlite3.connect(sound.path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'call_account'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with sound.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert any("the file" in problem for problem in verify(sound.path))


def test_many_problems_of_a_kind_are_counted_not_listed(sound: StoreSettings) -> None:
    with by_hand(sound) as connection:
        connection.executemany(
            "INSERT INTO balance VALUES (?, 'EUR', 1, 0)",
            [(f"extra-{number}",) for number in range(30)],
        )
    problems = verify(sound.path)
    assert "… and 10 more of this kind" in problems


def test_every_proof_is_tried_by_some_damage() -> None:
    tried = len(DAMAGE)
    assert tried >= len(PROOFS)


def test_an_empty_database_holds_no_books(tmp_path: Path) -> None:
    (tmp_path / "books.db").touch()
    assert verify(tmp_path / "books.db") == [f"{tmp_path}/books.db is empty: it holds no books"]
