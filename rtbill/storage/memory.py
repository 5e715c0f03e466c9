"""What the writer remembers of the books, so that deciding needs no query.

Every change is noted with its old value: a batch, or one operation of it, can be taken back
together with the database's own rollback.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import PoolKey, Pools
from rtbill.domain.call import CallId
from rtbill.domain.rated import CallStatus
from rtbill.storage.hold_rows import OPEN_HOLD_COLUMNS, open_hold_from
from rtbill.storage.rows import ACCOUNT_COLUMNS, account_state_from

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")
_ABSENT: Any = object()
_NO_POOLS: Pools = {}
_POOLS_KEPT = 100_000

Side = tuple[str, str]
"""Account and currency of the biller's own side."""


class Memory:
    """Accounts, own balances, live legs, counts and next row ids, as of the transaction so far."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.accounts: dict[str, AccountState] = {
            row[0]: account_state_from(row)
            for row in connection.execute(
                f"SELECT {ACCOUNT_COLUMNS}, micros, version FROM account"  # noqa: S608 - constant
                " JOIN balance USING (currency) WHERE balance.account = account.id"
            )
        }
        for row in connection.execute(
            f"SELECT {OPEN_HOLD_COLUMNS} FROM open_hold ORDER BY opened_at, key"  # noqa: S608
        ):
            state = self.accounts[row[1]]
            self.accounts[row[1]] = state._replace(holds=(*state.holds, open_hold_from(row)))
        self.own: dict[Side, tuple[int, int]] = {
            (account, currency): (micros, version)
            for account, currency, micros, version in connection.execute(
                "SELECT account, currency, micros, version FROM balance"
                " WHERE account NOT IN (SELECT id FROM account)"
            )
        }
        """Balance in micros and number of transfers."""
        self.live: dict[str, None] = {
            key: None for (key,) in connection.execute("SELECT key FROM live_call")
        }
        self.counts: dict[CallStatus, int] = dict.fromkeys(CallStatus, 0) | {
            CallStatus(status): calls
            for status, calls in connection.execute("SELECT status, calls FROM call_count")
        }
        self.next_id: dict[str, int] = {
            "call": _one(connection, "SELECT max(id) FROM call") + 1,
            "transfer": _one(connection, "SELECT max(id) FROM transfer") + 1,
            "notice": _one(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'notice'") + 1,
        }
        self.pools: dict[PoolKey, int] = {}
        """What is used of those that were asked for."""
        self.changed_counts: set[CallStatus] = set()
        """Counts not yet written; the table may be sent one too many, never one too few."""
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, table: dict[_K, _V], key: _K, value: _V) -> None:
        """Set an entry of one of the tables above."""
        self._undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def used(self, connection: sqlite3.Connection, keys: Sequence[PoolKey]) -> Pools:
        """What is used of each of these."""
        if not keys:
            return _NO_POOLS
        for key in keys:
            if key not in self.pools:
                query = "SELECT used FROM pool WHERE allowance = ? AND period = ?"
                found = connection.execute(query, key).fetchone()
                self.pools[key] = found[0] if found else 0
        return {key: self.pools[key] for key in keys}

    def take_id(self, table: str) -> int:
        """An unused row id for `call`, `transfer` or `notice`."""
        return self.take_ids(table, 1)

    def take_ids(self, table: str, count: int) -> int:
        """The first of so many unused row ids in a row."""
        number = self.next_id[table]
        self.put(self.next_id, table, number + count)
        return number

    def count_call(self, status: CallStatus, change: int) -> None:
        """One call more (+1) or less (-1) stands at this status."""
        self.put(self.counts, status, self.counts[status] + change)
        self.changed_counts.add(status)

    def close_live(self, call: CallId) -> bool:
        """Whether the leg had been noted as live; it is no more."""
        was_live = str(call) in self.live
        if was_live:
            self._undo.append((self.live, str(call), self.live.pop(str(call))))
        return was_live

    def mark(self) -> int:
        """A point to go back to."""
        return len(self._undo)

    def undo_to(self, mark: int) -> None:
        """Take back everything since the mark."""
        while len(self._undo) > mark:
            table, key, value = self._undo.pop()
            if value is _ABSENT:
                del table[key]
            else:
                table[key] = value

    def keep(self) -> None:
        """All of it is durable: there is no going back any more."""
        self._undo.clear()
        self.changed_counts.clear()
        if len(self.pools) > _POOLS_KEPT:
            self.pools.clear()  # the tables hold them all; another month has other ones


def _one(connection: sqlite3.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return row[0] if row and row[0] is not None else 0
