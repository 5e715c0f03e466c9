"""What an outside billing package reports, reads and is told: written and read."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.changes import (
    DropEvents,
    EventsSent,
    KeepEventsOf,
    QueueEvent,
    ReportBalance,
)
from rtbill.domain.errors import UnknownAccount
from rtbill.domain.outside import BalanceReport, PostedCall, WaitingEvent, WebhookEvent
from rtbill.ports import CallFilter, PostedTransfer
from rtbill.storage.bulk import Row
from rtbill.storage.checks import check_report
from rtbill.storage.memory import Memory
from rtbill.storage.rows import CALL_SELECTED, TRANSFER_COLUMNS, call_from, transfer_from

_T = TypeVar("_T")
EVENTS_MAX = 100_000
"""So many rows of events are kept at most; the oldest of a webhook that takes none go first."""
_REPORT = "SELECT account, as_of, micros FROM balance_report WHERE account = ?"
_SET_REPORT = "INSERT OR REPLACE INTO balance_report (account, as_of, micros) VALUES (?, ?, ?)"
_QUEUE = "INSERT OR IGNORE INTO webhook_event (webhook, event, body, at) VALUES (?, ?, ?, ?)"
_TRIM = (
    "DELETE FROM webhook_event WHERE webhook = ? AND id <= (SELECT max(id) FROM webhook_event) - ?"
)
_FORGET = "DELETE FROM webhook_event WHERE webhook NOT IN"
_EVENTS = (
    "SELECT id, webhook, event, body, at FROM webhook_event WHERE webhook = ? ORDER BY id LIMIT ?"
)
_NEWEST = (
    f"SELECT {TRANSFER_COLUMNS}, posted_at FROM transfer WHERE account = ?"  # noqa: S608 - constant
    " ORDER BY version DESC LIMIT 1"
)
# The row's number is asked for as it stands, so that no other index is taken for the order.
_CALLS = f"SELECT id, posted_at, {CALL_SELECTED} FROM priced_call WHERE id > ?"  # noqa: S608 - constant


def change_outside(
    connection: sqlite3.Connection,
    memory: Memory,
    change: ReportBalance | QueueEvent | EventsSent | DropEvents | KeepEventsOf,
) -> None:
    """Write the change; Conflict when a newer report, or another one of that instant, is known;
    UnknownAccount when there is no such account.
    """
    match change:
        case ReportBalance(report):
            if report.account not in memory.accounts:
                raise UnknownAccount(f"there is no account {report.account}")
            row = connection.execute(_REPORT, (report.account,)).fetchone()
            known = None if row is None else BalanceReport(row[0], from_epoch_us(row[1]), row[2])
            check_report(report, known)
            new = (report.account, epoch_us(report.as_of), report.micros)
            connection.execute(_SET_REPORT, new)
        case QueueEvent(event):
            queued = (event.webhook, event.event, event.body, epoch_us(event.at))
            connection.execute(_QUEUE, queued)
            connection.execute(_TRIM, (event.webhook, EVENTS_MAX))
        case EventsSent(ids):
            connection.executemany(
                "DELETE FROM webhook_event WHERE id = ?", [(number,) for number in ids]
            )
        case DropEvents(webhook):
            connection.execute("DELETE FROM webhook_event WHERE webhook = ?", (webhook,))
        case KeepEventsOf(webhooks):
            places = ",".join("?" * len(webhooks))
            connection.execute(f"{_FORGET} ({places})", webhooks)


class OutsideReader(ABC):
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

    async def newest_transfer(self, account: str) -> PostedTransfer | None:
        """The account's latest movement; None when none was ever made."""
        found = await self._list(_posted, _NEWEST, account)
        return found[0] if found else None

    async def calls_after(self, row: int, wanted: CallFilter) -> Sequence[PostedCall]:
        """Calls posted after that row, in the order of posting."""
        query = _CALLS
        values: list[str | int] = [row]
        for term, value in _terms(wanted):
            query, values = f"{query} AND {term}", [*values, value]
        query += " ORDER BY id LIMIT ?"
        return await self._list(_posted_call, query, *values, wanted.limit)

    async def waiting_events(self, webhook: str, limit: int) -> Sequence[WaitingEvent]:
        """The oldest events that wait for this webhook."""
        return await self._list(_waiting_event, _EVENTS, webhook, limit)


def _terms(wanted: CallFilter) -> list[tuple[str, str | int]]:
    """What the filter asks, as terms of SQL; the plus keeps the order by row."""
    terms: list[tuple[str, str | int]] = []
    if wanted.account is not None:
        terms.append(("+account = ?", wanted.account))
    if wanted.status is not None:
        terms.append(("+status = ?", wanted.status.value))
    if wanted.since is not None:
        terms.append(("+began_at >= ?", epoch_us(wanted.since)))
    if wanted.until is not None:
        terms.append(("+began_at < ?", epoch_us(wanted.until)))
    return terms


def _posted(row: Row) -> PostedTransfer:
    return PostedTransfer(transfer_from(row), from_epoch_us(row[13]))


def _posted_call(row: Row) -> PostedCall:
    return PostedCall(row[0], call_from(row[2:]), from_epoch_us(row[1]))


def _waiting_event(row: Row) -> WaitingEvent:
    return WaitingEvent(row[0], WebhookEvent(row[1], row[2], row[3], from_epoch_us(row[4])))
