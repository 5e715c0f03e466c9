from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rtbill.domain.errors import Refused
from rtbill.domain.money import RoundingMode
from rtbill.domain.origin import NO_ORIGIN
from rtbill.domain.rated import RatedCall
from rtbill.domain.tariff import Rate, Rounding, Tariff, Terms, TimeBand
from rtbill.storage import migrate as module
from rtbill.storage.bulk import insert_rows
from rtbill.storage.migrate import migrate, migrate_file, migrations, schema_version
from rtbill.storage.plan_rows import PLAN_COLUMNS, plan_row
from rtbill.storage.reader import SqliteReader
from rtbill.storage.rows import CALL_COLUMNS, call_row
from rtbill.storage.tariff_rows import insert_tariff
from tests.fakes.books import a_call
from tests.unit.rating.builders import a_plan


def test_an_empty_database_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        assert migrate(connection, "a.db") == max(migrations())
        assert schema_version(connection) == max(migrations())
        connection.execute("SELECT key FROM transfer")


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        migrate(connection, "a.db")
        before = connection.execute("PRAGMA schema_version").fetchone()
        migrate(connection, "a.db")
        assert connection.execute("PRAGMA schema_version").fetchone() == before


def test_a_newer_database_is_refused_with_both_versions_and_the_remedy(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        migrate(connection, "a.db")
        connection.execute("PRAGMA user_version = 999")
        with pytest.raises(
            Refused,
            match=f"a.db has schema version 999.*up to {max(migrations())}; install the newer",
        ):
            migrate(connection, "a.db")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE recipe (name)")
        with pytest.raises(Refused, match="another program"):
            migrate(connection, "a.db")
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("recipe",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("accounts and balances, but in prose\n" * 100)
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection,
        pytest.raises(Refused, match="cannot be read as a database"),
    ):
        migrate(connection, "a.db")


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    broken = known | {len(known) + 1: "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1);"}
    monkeypatch.setattr(module, "migrations", lambda: broken)
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, "a.db")
        assert schema_version(connection) == len(known)
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'").fetchall()


def test_a_new_file_is_migrated_and_readable_by_its_owner_and_group_only(tmp_path: Path) -> None:
    newest = max(migrations())
    assert migrate_file(tmp_path / "a.db") == (0, newest)
    assert migrate_file(tmp_path / "a.db") == (newest, newest)
    assert (tmp_path / "a.db").stat().st_mode & 0o007 == 0


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be"):
        migrate_file(tmp_path / "no such directory" / "a.db")


def test_books_made_before_observations_are_kept_and_gain_their_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with monkeypatch.context() as before:
            before.setattr(module, "migrations", lambda: {1: known[1]})
            assert migrate(connection, "a.db") == 1
        connection.execute(
            "INSERT INTO account VALUES"
            " ('room-1', 'Room 1', 'prepaid', 'EUR', 0, 'standard', '', 'open', 'ring')"
        )
        assert migrate(connection, "a.db") == max(known)
        assert connection.execute("SELECT id FROM account").fetchall() == [("room-1",)]
        assert connection.execute("SELECT count(*) FROM observation").fetchall() == [(0,)]


async def test_tariffs_of_before_steps_and_dates_cost_what_they_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with monkeypatch.context() as before:
            before.setattr(module, "migrations", lambda: {n: known[n] for n in (1, 2)})
            assert migrate(connection, "a.db") == 2
        connection.execute(
            "INSERT INTO tariff"
            " VALUES (7, 'retail', 3, 'EUR', 'Europe/Berlin', 1767225600000000, 2)"
        )
        connection.executemany(
            "INSERT INTO rate VALUES (7, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (0, "49", "Germany", 0, 19_000, 60, 1, None, None, None),
                (1, "41", "Swiss by day", 50_000, 89_000, 30, 18, 0b0011111, 480, 1080),
                (2, "41", "Swiss", 50_000, 59_000, 60, 1, None, None, None),
                (3, "43", "Austria on Sunday", 0, 1, 1, 1, 0b1000000, 0, 1440),
                (4, "43", "Austria", 0, 19_000, 60, 1, None, None, None),
            ],
        )
        assert migrate(connection, "a.db") == max(known)
        assert connection.execute("SELECT count(*) FROM terms").fetchone() == (4,)
    async with SqliteReader(tmp_path / "a.db") as reader:
        (tariff,) = await reader.tariffs()
    work = TimeBand(days=frozenset(range(5)), start_minute=480, end_minute=1080)
    sunday = TimeBand(days=frozenset({6}))
    assert tariff == Tariff(
        name="retail",
        version=3,
        currency="EUR",
        zone="Europe/Berlin",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        rounding=Rounding(RoundingMode.HALF_UP, 2),
        rates=tuple(
            Rate(prefix=prefix, destination=name, terms=Terms.per_minute(*terms), band=band)
            for prefix, name, terms, band in (
                ("49", "Germany", (19_000, 60, 1), None),
                ("41", "Swiss by day", (89_000, 30, 18, 50_000), work),
                ("41", "Swiss", (59_000, 60, 1, 50_000), None),
                ("43", "Austria on Sunday", (1, 1, 1), sunday),
                ("43", "Austria", (19_000, 60, 1), None),
            )
        ),
    )


async def test_terms_of_before_are_shared_with_the_same_ones_of_a_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with monkeypatch.context() as before:
            before.setattr(module, "migrations", lambda: {n: known[n] for n in (1, 2)})
            migrate(connection, "a.db")
        connection.execute("INSERT INTO tariff VALUES (1, 'a', 1, 'EUR', 'UTC', 0, 4)")
        connection.executemany(
            "INSERT INTO rate VALUES (1, ?, '49', 'Germany', ?, 19000, 60, 1, ?, ?, ?)",
            [(0, 0, None, None, None), (1, 50_000, 0b0100001, 0, 480)],
        )
        migrate(connection, "a.db")
        (old,) = connection.execute("SELECT count(*) FROM terms").fetchone()
    async with SqliteReader(tmp_path / "a.db") as reader:
        (tariff,) = await reader.tariffs()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        insert_tariff(connection, replace(tariff, version=2))
        assert connection.execute("SELECT count(*) FROM terms").fetchone() == (old,)
        assert connection.execute("SELECT count(*) FROM band").fetchone() == (1,)


async def test_calls_of_before_price_plans_are_kept_and_have_neither_plan_nor_tax(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    call = a_call()
    later = {"in_trunk", "account_code", "plan", "plan_version", "tax_micros", "cost_micros"}
    columns, row = _written_before(call, {*later, "bundle_micros", "adjustment"})
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with monkeypatch.context() as before:
            before.setattr(module, "migrations", lambda: {n: known[n] for n in (1, 2, 3)})
            assert migrate(connection, "a.db") == 3
        connection.execute(
            "INSERT INTO account VALUES"
            " ('room-1', 'Room 1', 'prepaid', 'EUR', 0, 'standard', '', 'open', 'ring')"
        )
        insert_rows(connection, f"INSERT INTO call ({columns}, posted_at)", [(*row, 0)])
        assert migrate(connection, "a.db") == max(known)
        insert_rows(connection, f"INSERT INTO price_plan ({PLAN_COLUMNS})", [plan_row(a_plan())])
    async with SqliteReader(tmp_path / "a.db") as reader:
        assert await reader.call("hotel/1") == call
        assert call.price is not None
        assert (call.price.plan, call.price.plan_version, call.price.tax_micros) == ("", None, 0)
        assert await reader.price_plans() == [a_plan()]


def test_books_from_before_calls_could_be_rated_again_take_the_new_kinds(tmp_path: Path) -> None:
    known = migrations()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        for number in range(1, 5):
            connection.executescript(f"{known[number]}; PRAGMA user_version = {number}")
        connection.execute(
            "INSERT INTO account VALUES ('a', 'A', 'prepaid', 'EUR', 0, '', '', '', '')"
        )
        for side in ("a", "cash"):
            connection.execute("INSERT INTO balance VALUES (?, 'EUR', 0, 0)", (side,))
        move = (
            "INSERT INTO transfer"
            " VALUES (?, ?, 'cash', 'a', 1, 'EUR', ?, 0, 0, 'a', ?, 0, NULL, '', NULL)"
        )
        connection.execute(move, (1, "credit:1", "top-up", 1))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(move, (2, "back", "reversal", 2))

        migrate(connection, "a.db")

        for number, kind in enumerate(("reversal", "adjustment", "refund", "dispute"), start=2):
            connection.execute(move, (number, kind, kind, number))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(move, (9, "gift", "gift", 9))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM transfer").fetchone() == (5,)
        assert connection.execute("SELECT grace_micros FROM account").fetchall() == [(0,)]


async def test_books_from_before_origins_keep_their_calls_and_legs_which_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    call = a_call()
    later = {"in_trunk", "account_code", "bundle_micros", "adjustment"}
    columns, row = _written_before(call, later)
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with monkeypatch.context() as before:
            before.setattr(module, "migrations", lambda: {n: known[n] for n in range(1, 6)})
            assert migrate(connection, "a.db") == 5
        connection.execute(
            "INSERT INTO account VALUES"
            " ('room-1', 'Room 1', 'prepaid', 'EUR', 0, 'standard', '', 'open', 'ring')"
        )
        insert_rows(connection, f"INSERT INTO call ({columns}, posted_at)", [(*row, 0)])
        connection.execute("INSERT INTO live_call VALUES ('hotel/2', 'hotel', '1', '2', 't', 0)")
        assert migrate(connection, "a.db") == max(known)
        for column in ("in_trunk", "account_code"):
            with pytest.raises(sqlite3.IntegrityError, match="a settled call is never changed"):
                connection.execute(f"UPDATE call SET {column} = 'x'")
    async with SqliteReader(tmp_path / "a.db") as reader:
        assert await reader.call("hotel/1") == call
        [live] = await reader.live_rows()
    assert live.leg.origin == NO_ORIGIN


def test_newer_prices_from_before_bundles_are_kept_and_may_stay_the_same_from_then_on(
    tmp_path: Path,
) -> None:
    known = migrations()
    price = "1, 'EUR', 'retail', 1, '41', 'x', 60, '', NULL, 0, NULL"
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        for number in range(1, 6):
            connection.executescript(f"{known[number]}; PRAGMA user_version = {number}")
        connection.execute(
            "INSERT INTO rerated_call VALUES ('a', 1, 1, 2, NULL, NULL, " + price + ")"
        )
        migrate(connection, "a.db")

        kept = "SELECT price_micros, old_bundle_micros, bundle_micros FROM rerated_call"
        assert connection.execute(kept).fetchall() == [(1, 0, 0)]
        price += ", 0, ?, NULL"
        same = "INSERT INTO rerated_call VALUES ('a', 1, ?, 1, NULL, NULL, " + price + ")"
        connection.execute(same, (2, 1))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(same, (3, 0))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_a_hook_changed_about_a_settled_call_is_never_changed(tmp_path: Path) -> None:
    known = migrations()
    columns, row = _written_before(a_call(), {"adjustment"})
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        for number in range(1, 8):
            connection.executescript(f"{known[number]}; PRAGMA user_version = {number}")
        connection.execute(
            "INSERT INTO account VALUES"
            " ('room-1', 'Room 1', 'prepaid', 'EUR', 0, 'standard', '', 'open', 'ring')"
        )
        insert_rows(connection, f"INSERT INTO call ({columns}, posted_at)", [(*row, 0)])

        migrate(connection, "a.db")

        kept = connection.execute("SELECT price_micros, adjustment FROM priced_call").fetchone()
        assert kept == (250_000, None)
        with pytest.raises(sqlite3.IntegrityError, match="a settled call is never changed"):
            connection.execute("UPDATE call SET adjustment = '{}'")


def _written_before(call: RatedCall, later: Collection[str]) -> tuple[str, list[object]]:
    """Columns and values of the call without those that came later."""
    written = dict(zip(CALL_COLUMNS.split(", "), call_row(call), strict=True))
    kept = {name: value for name, value in written.items() if name not in later}
    return ", ".join(kept), list(kept.values())
