from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from rtbill.domain.errors import Refused
from rtbill.storage import migrate as module
from rtbill.storage.migrate import migrate, migrate_file, migrations, schema_version


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
