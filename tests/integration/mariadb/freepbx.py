"""The database asteriskcdrdb as FreePBX 16 and 17 have it.

Column names, types and keys are facts of the table that FreePBX's installation makes; `sequence`,
`linkedid` and `peeraccount` are missing in tables that were made by versions before 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.mariadb.server import MariaDb

DATABASE = "asteriskcdrdb"
TABLES = ("cdr", "cdr_old", "cel")
USER, PASSWORD = "rtbill", "a password of the tests' only"
_TEXTS = {
    **dict.fromkeys(("clid", "src", "dst", "dcontext", "channel", "dstchannel"), 80),
    **dict.fromkeys(("lastapp", "lastdata"), 80),
    "disposition": 45,
    "accountcode": 20,
    "uniqueid": 32,
    "userfield": 255,
    "did": 50,
    "recordingfile": 255,
    **dict.fromkeys(("cnum", "cnam", "outbound_cnum", "outbound_cnam", "dst_cnam"), 80),
}
_NEW_TEXTS = {"linkedid": 32, "peeraccount": 80}


def create_tables(server: MariaDb) -> None:
    """The table `cdr`, an older `cdr_old`, and a user who may only read."""
    server.run(
        f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        f"CREATE TABLE {DATABASE}.cdr ({_columns(_TEXTS | _NEW_TEXTS, has_sequence=True)}, "
        "KEY calldate (calldate), KEY dst (dst), KEY uniqueid (uniqueid)) ENGINE=InnoDB",
        f"CREATE TABLE {DATABASE}.cdr_old ({_columns(_TEXTS, has_sequence=False)}, "
        "KEY IDX_UNIQUEID (uniqueid)) ENGINE=MyISAM",
        f"CREATE TABLE {DATABASE}.cel (id INT, eventtype VARCHAR(30))",
        f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY \"{PASSWORD}\"",
        *(f"GRANT SELECT ON {DATABASE}.{each} TO {USER}@'127.0.0.1'" for each in TABLES),
    )


def insert(server: MariaDb, rows: Iterable[Mapping[str, str | int]], table: str = "cdr") -> None:
    """Put rows into the table, in place of what is there."""
    connection = server.connect(database=DATABASE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE TABLE {table}")
            for row in rows:
                names = ", ".join(row)
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(
                    f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values())
                )
    finally:
        connection.close()


def _columns(texts: Mapping[str, int], *, has_sequence: bool) -> str:
    columns = ["calldate DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00'"]
    columns += [f"{name} VARCHAR({length}) NOT NULL DEFAULT ''" for name, length in texts.items()]
    numbers = ("duration", "billsec", "amaflags") + (("sequence",) if has_sequence else ())
    columns += [f"{name} INT(11) NOT NULL DEFAULT 0" for name in numbers]
    return ", ".join(columns)
