"""FreePBX's call records: the table `cdr` of the database `asteriskcdrdb`, MariaDB or MySQL.

Read a day at a time, each day by a cursor that stays on the server, so that neither side holds the
whole table and no lock lasts. Every wait has a deadline, and the session may only read.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from types import TracebackType
from typing import Any, Self

import pymysql  # type: ignore[import-untyped]  # ships no types
from pymysql.constants import ER  # type: ignore[import-untyped]  # the same
from pymysql.cursors import SSCursor  # type: ignore[import-untyped]  # the same

from rtbill.domain.call import YEARS
from rtbill.domain.errors import BadRecord, ConfigError, Unavailable
from rtbill.mediation.cdr_address import DatabaseAddress
from rtbill.mediation.columns import named, wanted_columns

PAGE_ROWS = 2000
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
_AFTER_ALL = f"{YEARS.stop}-01-01"


class CdrDatabase:
    """One connection, opened and closed by `with`. Raises Unavailable when the server does not
    answer in time or refuses, BadRecord when the table is another than expected.
    """

    def __init__(
        self, address: DatabaseAddress, password: str, *, read_timeout_s: int = READ_TIMEOUT_S
    ) -> None:
        self._address = address
        self._password = password
        self._read_timeout_s = read_timeout_s
        self._connection: Any = None
        self._columns: list[str] = []

    def __enter__(self) -> Self:
        address = self._address
        tls = None
        if address.tls_ca is not None:
            try:
                tls = ssl.create_default_context(cafile=str(address.tls_ca))
            except OSError as error:
                raise ConfigError([f"--cdr: tls_ca {address.tls_ca}: {error}"]) from error
        with self._asking():
            self._connection = pymysql.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                # As bytes: of a text the library takes Latin-1, the server's tools take UTF-8.
                password=self._password.encode("utf-8", "surrogateescape"),
                database=address.database,
                charset="utf8mb4",
                ssl=tls,
                ssl_disabled=tls is None,
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=self._read_timeout_s,
                write_timeout=CONNECT_TIMEOUT_S,
                cursorclass=SSCursor,
                conv={},
                init_command="SET SESSION TRANSACTION READ ONLY",
                autocommit=True,
            )
            try:
                self._columns = self._find_columns()
            except BaseException:
                self._connection.close()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection.open:  # a lost connection is closed already
            self._connection.close()

    def first_and_last(self) -> tuple[datetime, datetime] | None:
        """The oldest and the newest beginning on the exchange's wall clock, of years that calls can
        be of; None when there is none.
        """
        start = self._columns[0]
        ends = self.ask(
            f"SELECT MIN(`{start}`), MAX(`{start}`) FROM `{self._address.table}`"  # noqa: S608
            f" WHERE `{start}` > '1971-01-01' AND `{start}` < '{_AFTER_ALL}'"
        )
        [(first, last)] = ends
        return None if first is None else (self._wall_time(first), self._wall_time(last))

    def ask(self, query: str) -> Sequence[Sequence[Any]]:
        """All rows of a small answer, as texts."""
        with self._asking(), self._connection.cursor() as cursor:
            cursor.execute(query)
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
        return rows

    def rows(self, since: datetime, until: datetime) -> Iterator[dict[str, str]]:
        """Rows that began from the one to before the other wall clock time, in order."""
        start = self._columns[0]
        for day in _days(since, until):
            begin, end = (f"{each:%Y-%m-%d %H:%M:%S}" for each in day)
            yield from self._rows(f"`{start}` >= %s AND `{start}` < %s", begin, end)

    def rows_after_all_years(self) -> Iterator[dict[str, str]]:
        """Rows that began later than any call can have."""
        yield from self._rows(f"`{self._columns[0]}` >= %s", _AFTER_ALL)

    def _rows(self, condition: str, *values: str) -> Iterator[dict[str, str]]:
        names = ", ".join(f"`{name}`" for name in self._columns)
        query = (
            f"SELECT {names} FROM `{self._address.table}`"  # noqa: S608 - names are checked above
            f" WHERE {condition} ORDER BY `{self._columns[0]}`"
        )
        with self._asking(), self._connection.cursor() as cursor:
            cursor.execute(query, values)
            while page := cursor.fetchmany(PAGE_ROWS):
                for cells in page:
                    yield named(self._columns, cells)

    def _wall_time(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text[:19])
        except ValueError:
            said = f"{self._columns[0]} {text!r} is no time; correct that row"
            raise BadRecord(f"{self._address}: {said}") from None

    def _find_columns(self) -> list[str]:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM `{self._address.table}` LIMIT 0")  # noqa: S608
            present = [each[0] for each in cursor.description]
        return wanted_columns(self._address.table, present)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """The library's errors as ours, each with what to do."""
        try:
            yield
        except pymysql.MySQLError as error:
            code = error.args[0] if error.args else 0
            said = str(error.args[1]) if len(error.args) > 1 else str(error)
            if code == ER.NO_SUCH_TABLE:
                raise BadRecord(f"{self._address}: {said}; name it with ?table=") from error
            raise Unavailable(f"{self._address}: {said}{_remedy(code)}") from error
        except OSError as error:  # a deadline in the middle of an answer
            raise Unavailable(f"{self._address}: {error}") from error
        except RuntimeError as error:  # a way to sign in that needs a library of its own
            raise Unavailable(
                f"{self._address}: {error}; give this user a password of the kind "
                "mysql_native_password, or with MySQL use tls_ca=FILE"
            ) from error


def _remedy(code: object) -> str:
    if code in (ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR):
        return "; give this user SELECT on the table, and check the password"
    return ""


def _days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The span cut at midnights."""
    begin = since
    while begin < until:
        midnight = datetime.combine(begin.date() + timedelta(days=1), time())
        end = min(until, midnight)
        yield begin, end
        begin = end
