"""Locks by hand: as rows and back, read, set and lifted."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from rtbill.domain.account import DeskLock, Extension, Incoming, LiftedLock, Outgoing, Service
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.changes import LiftDeskLock, SetDeskLock
from rtbill.storage.bulk import Row, insert_rows
from rtbill.storage.checks import check_lock

# ruff: noqa: S608 - the only names put into these texts are constants of this module
_T = TypeVar("_T")
_COLUMNS = "pbx, number, outgoing, incoming, reason, since, locked_by"
_LIFTED_COLUMNS = f"{_COLUMNS}, lifted_at, lifted_by, lifted_reason"
_LOCKS = f"SELECT {_COLUMNS} FROM desk_lock"
_OF_EXTENSION = "WHERE pbx = ? AND number = ?"


def _row(lock: DeskLock) -> Row:
    return (
        *lock.extension,
        lock.service.outgoing.value,
        lock.service.incoming.value,
        lock.reason,
        epoch_us(lock.since),
        lock.by,
    )


def _from(row: Row) -> DeskLock:
    service = Service(Outgoing(row[2]), Incoming(row[3]))
    since = from_epoch_us(row[5])
    return DeskLock(Extension(row[0], row[1]), service, row[4], since, row[6])


def _lifted_from(row: Row) -> LiftedLock:
    return LiftedLock(_from(row[:7]), from_epoch_us(row[7]), row[8], row[9])


def change_desk_lock(connection: sqlite3.Connection, change: SetDeskLock | LiftDeskLock) -> None:
    """Write one change; Refused when the lock that is there may not be changed by whom."""
    extension = change.lock.extension if isinstance(change, SetDeskLock) else change.extension
    row = connection.execute(f"{_LOCKS} {_OF_EXTENSION}", extension).fetchone()
    known = None if row is None else _from(row)
    match change:
        case SetDeskLock(lock):
            check_lock(known, lock.by)
            if known is not None:
                _keep_lifted(connection, known.replaced_by(lock))
            insert = f"INSERT OR REPLACE INTO desk_lock ({_COLUMNS})"
            insert_rows(connection, insert, [_row(lock)])
        case LiftDeskLock(extension, at, by, reason):
            if known is None:
                return
            check_lock(known, by)
            _keep_lifted(connection, LiftedLock(known, at, by, reason))
            connection.execute(f"DELETE FROM desk_lock {_OF_EXTENSION}", extension)


def _keep_lifted(connection: sqlite3.Connection, lifted: LiftedLock) -> None:
    row = (*_row(lifted.lock), epoch_us(lifted.at), lifted.by, lifted.reason)
    insert_rows(connection, f"INSERT INTO lifted_lock ({_LIFTED_COLUMNS})", [row])


class LockRows(ABC):
    """Queries of a reader that can list rows."""

    @abstractmethod
    async def _list(
        self,
        convert: Callable[[Row], _T],
        query: str,
        *values: str | int | None,
        **named: str | int | None,
    ) -> list[_T]:
        """The rows of a query, as values."""

    async def desk_locks(self) -> Sequence[DeskLock]:
        """Locks by hand now in force."""
        return await self._list(_from, f"{_LOCKS} ORDER BY pbx, number")

    async def lifted_locks(self, limit: int) -> Sequence[LiftedLock]:
        """Those that were taken away, the latest first."""
        query = f"SELECT {_LIFTED_COLUMNS} FROM lifted_lock ORDER BY id DESC LIMIT ?"
        return await self._list(_lifted_from, query, limit)
