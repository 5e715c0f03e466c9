"""How the database file is opened."""

from __future__ import annotations

from pathlib import Path

from rtbill.storage.sqlite import open_writer


def test_what_is_deleted_is_gone_from_the_file(tmp_path: Path) -> None:
    database = tmp_path / "books.sqlite"
    connection = open_writer(database)
    connection.execute("CREATE TABLE notice (text TEXT)")
    connection.execute("INSERT INTO notice VALUES ('a link that opens a door')")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"opens a door" in database.read_bytes()
    connection.execute("DELETE FROM notice")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"opens a door" not in database.read_bytes()
    assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
    connection.close()
