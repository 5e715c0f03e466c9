"""The file that cdr_sqlite3_custom writes, read while it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rtbill.mediation import cdr_sqlite
from rtbill.mediation.cdr_sqlite import sqlite_rows

COLUMNS = "calldate, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition"
CREATE = f"CREATE TABLE cdr (AcctId INTEGER PRIMARY KEY, {COLUMNS})"
"""As the exchange makes it."""
INSERT = f"INSERT INTO cdr ({COLUMNS}) VALUES (?, '', '', '', '', 0, 0, '')"


@contextmanager
def exchange(path: Path) -> Iterator[sqlite3.Connection]:
    """A writer that does not wait for a lock, so that a lock held while it writes is an error."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        yield connection


def write(connection: sqlite3.Connection, *names: str) -> None:
    for name in names:
        connection.execute(INSERT, (name,))


@pytest.fixture
def master(tmp_path: Path) -> Path:
    """A file with seven rows, read in pages of three."""
    path = tmp_path / "master.db"
    with exchange(path) as connection:
        connection.execute(CREATE)
        write(connection, *"abcdefg")
    return path


@pytest.fixture(autouse=True)
def _pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdr_sqlite, "PAGE_ROWS", 3)


def read(path: Path) -> Iterator[str]:
    return (row["calldate"] for row in sqlite_rows(path, "master.db"))


def test_every_row_is_read_once_and_in_order(master: Path) -> None:
    assert "".join(read(master)) == "abcdefg"


def test_the_exchange_can_write_whenever_it_likes_and_its_row_is_read(master: Path) -> None:
    with exchange(master) as connection:
        found = ""
        for name in read(master):
            found += name
            if len(found) <= 7:
                write(connection, name.upper())
    assert found == "abcdefgABCDEFG"


def test_numbers_of_rows_may_have_gaps_and_may_be_below_zero(master: Path) -> None:
    with exchange(master) as connection:
        connection.execute("UPDATE cdr SET AcctId = -5 WHERE calldate = 'g'")
        connection.execute("UPDATE cdr SET AcctId = 1 << 40 WHERE calldate = 'a'")
        connection.execute("DELETE FROM cdr WHERE calldate IN ('c', 'd')")
    assert "".join(read(master)) == "gbefa"


@pytest.mark.parametrize("rows", [0, 1, 3, 6])
def test_a_table_ends_where_its_rows_end(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "small.db"
    with exchange(path) as connection:
        connection.execute(CREATE)
        write(connection, *"abcdef"[:rows])
    assert "".join(read(path)) == "abcdef"[:rows]


def test_letters_of_another_encoding_do_not_stop_the_others(master: Path) -> None:
    with exchange(master) as connection:
        connection.execute("UPDATE cdr SET calldate = CAST(x'e96c' AS TEXT) WHERE calldate = 'c'")
    assert list(read(master)) == ["a", "b", "\ufffdl", *"defg"]
