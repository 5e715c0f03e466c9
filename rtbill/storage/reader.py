"""ports.Reader on SQLite: read-only connections in threads of their own, never the writer's."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

from rtbill.domain.account import AccountState, Membership
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import Unavailable
from rtbill.domain.hold import Hold
from rtbill.domain.ledger import Transfer
from rtbill.domain.observation import ObservationFilter, ObservedTotals, PostedObservation
from rtbill.domain.payer_key import Binding
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import CallStatus, Position, PricedCall, RatedCall
from rtbill.domain.rerating import Difference, Run, Selection, WaitingCall
from rtbill.domain.tariff import Tariff
from rtbill.domain.usage import UsageFound, UsageQuestion
from rtbill.ports import (
    CallFilter,
    LiveRow,
    PostedTransfer,
    StoredNotice,
)
from rtbill.storage.binding_rows import BINDING_COLUMNS, binding_from
from rtbill.storage.bulk import Row, selects_by_keys
from rtbill.storage.bundle_reader import BundleReader
from rtbill.storage.contact_rows import ContactReader
from rtbill.storage.hold_rows import OPEN_HOLD_COLUMNS, open_hold_from
from rtbill.storage.lock_rows import LockRows
from rtbill.storage.outside_rows import OutsideReader
from rtbill.storage.payment_reader import PaymentRows
from rtbill.storage.plan_rows import PLAN_COLUMNS, plan_from
from rtbill.storage.rerating_queries import priced_page, waiting_page
from rtbill.storage.rerating_rows import (
    DIFFERENCE_COLUMNS,
    RUN_COLUMNS,
    difference_from,
    priced_calls_from,
    run_from,
    waiting_call_from,
)
from rtbill.storage.rows import (
    ACCOUNT_COLUMNS,
    CALL_SELECTED,
    LIVE_COLUMNS,
    MEMBERSHIP_COLUMNS,
    NOTICE_COLUMNS,
    OBSERVATION_COLUMNS,
    TRANSFER_COLUMNS,
    account_state_from,
    call_from,
    live_from,
    membership_from,
    notice_from,
    observation_from,
    transfer_from,
)
from rtbill.storage.sqlite import BUSY_TIMEOUT_MS, read_only_uri
from rtbill.storage.tariff_rows import RATE_COLUMNS, TARIFF_COLUMNS, tariffs_from
from rtbill.storage.usage_queries import usage_from, usage_queries
from rtbill.storage.vat_rows import VatRows

_T = TypeVar("_T")
_ROWS_IN_LOOP_MAX = 500
"""More rows than this become values in a thread, so that a long list does not hold up calls."""

# ruff: noqa: S608 - the only names put into these texts are constants of rtbill.storage.rows
_ACCOUNTS = (
    f"SELECT {ACCOUNT_COLUMNS}, micros, version FROM account JOIN balance USING (currency)"
    " WHERE balance.account = account.id ORDER BY account.id"
)
_MEMBERSHIPS = f"SELECT {MEMBERSHIP_COLUMNS} FROM membership ORDER BY pbx, number, valid_from"
_BINDINGS = f"SELECT {BINDING_COLUMNS} FROM payer_key ORDER BY account, kind, value, valid_from"
_TARIFFS = f"SELECT {TARIFF_COLUMNS} FROM tariff ORDER BY name, version"
_RATES = f"SELECT {RATE_COLUMNS} FROM rate ORDER BY tariff, position"
_PLANS = f"SELECT {PLAN_COLUMNS} FROM price_plan ORDER BY name, version"
_TERMS = "SELECT id, body FROM terms"
_BANDS = "SELECT id, body FROM band"
_OPEN_HOLDS = f"SELECT {OPEN_HOLD_COLUMNS} FROM open_hold ORDER BY account, opened_at, key"
_LIVE = f"SELECT {LIVE_COLUMNS}, at FROM live_call LEFT JOIN heard USING (pbx) ORDER BY answered_at"
_CALL = f"SELECT {CALL_SELECTED} FROM priced_call WHERE key = ?"
_SPAN = "SELECT (SELECT min(began_at) FROM call), (SELECT max(began_at) FROM call)"  # by the index
_CALLS = f"SELECT {CALL_SELECTED} FROM priced_call WHERE "
_NEWEST_CALL = "SELECT coalesce(max(id), 0) FROM call"
_RUNS = f"SELECT {RUN_COLUMNS} FROM rerating ORDER BY id DESC LIMIT ?"
_DIFFERENCES = f"SELECT {DIFFERENCE_COLUMNS} FROM rerating_account WHERE run = ? ORDER BY account"
_TRANSFERS = (
    f"SELECT {TRANSFER_COLUMNS}, posted_at FROM transfer WHERE account = ?"
    " AND posted_at >= coalesce(?, posted_at) AND posted_at < coalesce(?, posted_at + 1)"
    " ORDER BY version"
)
_TRANSFERS_BY_KEY = f"SELECT {TRANSFER_COLUMNS} FROM transfer WHERE key"
_TAKEN_BACK = f"SELECT {TRANSFER_COLUMNS} FROM transfer WHERE account = ? AND reverses = ?"
_COUNTS = "SELECT status, calls FROM call_count"
_OBSERVED = (
    "FROM observation WHERE at >= coalesce(:since, at) AND pbx = coalesce(:pbx, pbx)"
    " AND account = coalesce(:account, account)"
)
_OBSERVATIONS = (
    f"SELECT {OBSERVATION_COLUMNS}, posted_at {_OBSERVED} ORDER BY at DESC, id DESC LIMIT :limit"
)
_OBSERVED_KINDS = f"SELECT kind, count(*), sum(beyond_us) {_OBSERVED} GROUP BY kind"
# A call that would have been refused and went on is counted once, as refused.
_CUT_THOUGH_REFUSED = (
    f"SELECT count(*) {_OBSERVED} AND kind = 'cut' AND EXISTS (SELECT 1 FROM observation AS other"
    " WHERE other.key = 'refuse:' || observation.call)"
)
_BEYOND = (
    f"SELECT currency, sum(beyond_micros) {_OBSERVED} AND currency IS NOT NULL"
    " GROUP BY currency ORDER BY currency"
)
_NOTICES = f"SELECT {NOTICE_COLUMNS} FROM notice ORDER BY id LIMIT ?"


class SqliteReader(BundleReader, ContactReader, OutsideReader, LockRows, PaymentRows, VatRows):
    """Reads a database file that exists; opened and closed by `async with`.

    Every query raises Unavailable when it fails or takes longer than the deadline.
    """

    def __init__(self, path: Path, *, connections: int = 2, timeout_s: float = 30.0) -> None:
        self._path = path
        self._connections = connections
        self._timeout_s = timeout_s
        self._idle: asyncio.LifoQueue[aiosqlite.Connection]
        self._resources = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._idle = asyncio.LifoQueue(self._connections)
        async with contextlib.AsyncExitStack() as opening:
            for _ in range(self._connections):
                try:
                    connection = await opening.enter_async_context(
                        aiosqlite.connect(
                            read_only_uri(self._path), uri=True, timeout=BUSY_TIMEOUT_MS / 1000
                        )
                    )
                except sqlite3.Error as error:
                    raise Unavailable(f"{self._path} cannot be read: {error}") from error
                self._idle.put_nowait(connection)
            self._resources = opening.pop_all()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._resources.aclose()

    async def accounts(self) -> Sequence[AccountState]:
        """Every account with its committed balance and open holds, by id."""
        states = await self._list(account_state_from, _ACCOUNTS)
        held: dict[str, list[Hold]] = {}
        for hold in await self._list(open_hold_from, _OPEN_HOLDS):
            held.setdefault(hold.account, []).append(hold)
        return (
            [
                state._replace(holds=tuple(held[state.account.id]))
                if state.account.id in held
                else state
                for state in states
            ]
            if held
            else states
        )

    async def memberships(self) -> Sequence[Membership]:
        """Every membership, by extension and beginning."""
        return await self._list(membership_from, _MEMBERSHIPS)

    async def bindings(self) -> Sequence[Binding]:
        """Every code, PIN and trunk, past and future, by account."""
        return await self._list(binding_from, _BINDINGS)

    async def tariffs(self) -> Sequence[Tariff]:
        """Every version of every tariff, with its rates in their order."""
        async with self._reading() as connection:
            # One snapshot, so that no rate comes without its tariff.
            await connection.execute("BEGIN")
            try:
                tariffs = await _all(connection, _TARIFFS)
                rates = await _all(connection, _RATES)
                terms = await _all(connection, _TERMS)
                bands = await _all(connection, _BANDS)
            finally:
                await connection.rollback()
        return await asyncio.to_thread(tariffs_from, tariffs, rates, terms, bands)

    async def price_plans(self) -> Sequence[PricePlan]:
        """Every version of every price plan, by name."""
        return await self._list(plan_from, _PLANS)

    async def live_rows(self) -> Sequence[LiveRow]:
        """Answered legs that were never settled, oldest first."""
        return await self._list(_live_row, _LIVE)

    async def calls(self, wanted: CallFilter) -> Sequence[RatedCall]:
        """Calls, newest first; `since` and `until` are of the answer, or of the end when there was
        none.
        """
        query, values = calls_query(wanted)
        return await self._list(call_from, query, *values)

    async def call(self, key: str) -> RatedCall | None:
        """One call by its id `pbx/leg`."""
        found = await self._list(call_from, _CALL, key)
        return found[0] if found else None

    async def first_and_last_call(self) -> tuple[datetime, datetime] | None:
        """The instants of the oldest and the newest call: the answer, or the end without one."""
        [(first, last)] = await self._list(tuple, _SPAN)
        return None if first is None else (from_epoch_us(first), from_epoch_us(last))

    async def transfers(
        self, account: str, since: datetime | None, until: datetime | None
    ) -> Sequence[PostedTransfer]:
        """The account's movements posted from `since` up to, not including, `until`."""
        bounds = [None if instant is None else epoch_us(instant) for instant in (since, until)]
        return await self._list(_posted, _TRANSFERS, account, *bounds)

    async def transfers_by_key(self, keys: Sequence[str]) -> Mapping[str, Transfer]:
        """Those of these that were made, by key, whatever their account."""
        rows: list[Row] = []
        async with self._reading() as connection:
            for statement, part in selects_by_keys(_TRANSFERS_BY_KEY, keys):
                rows += await _all(connection, statement, part)
        return {each.key: each for each in await _converted(transfer_from, rows)}

    async def taken_back(self, transfer: Transfer) -> Mapping[str, Transfer]:
        """What took this one back, whole or in part, by key."""
        values = transfer.account, transfer.key
        return {each.key: each for each in await self._list(transfer_from, _TAKEN_BACK, *values)}

    async def newest_call(self) -> int:
        """Row of the call that came last; 0 without calls."""
        [(row,)] = await self._list(tuple, _NEWEST_CALL)
        return int(row)

    async def priced_calls(
        self, account: str, run: Run, after: Position, limit: int
    ) -> Sequence[PricedCall]:
        """Those that were rated when the run was made, by answer."""
        query, values = priced_page(account, run, after, limit)
        [page] = await self._list(lambda row: priced_calls_from(row[0]), query, *values)
        return page

    async def waiting_calls(
        self, wanted: Selection, after: Position, limit: int
    ) -> Sequence[WaitingCall]:
        """Calls without a price, by answer."""
        query, values = waiting_page(wanted, after, limit)
        return await self._list(waiting_call_from, query, *values)

    async def runs(self, limit: int) -> Sequence[Run]:
        """Runs, newest first."""
        return await self._list(run_from, _RUNS, limit)

    async def differences(self, run: int) -> Sequence[Difference]:
        """What the run does to each account, by account."""
        return await self._list(difference_from, _DIFFERENCES, run)

    async def usage(self, asked: UsageQuestion) -> UsageFound:
        """Rated calls added up, and the number of those that wait."""
        (sums, values), (waiting, _) = usage_queries(asked)
        rows = await self._list(usage_from, sums, *values)
        [(count,)] = await self._list(tuple, waiting, *values)
        return UsageFound(rows, count)

    async def observations(self, wanted: ObservationFilter) -> Sequence[PostedObservation]:
        """What would have been done, newest first."""
        return await self._list(_posted_observation, _OBSERVATIONS, **_bounds(wanted))

    async def observed_totals(self, wanted: ObservationFilter) -> ObservedTotals:
        """The same in figures, whatever the limit of the list."""
        bounds = _bounds(wanted)
        async with self._reading() as connection:
            # One snapshot, so that no call is refused in one figure and unknown in another.
            await connection.execute("BEGIN")
            try:
                kinds = await _all(connection, _OBSERVED_KINDS, bounds)
                [(refused_too,)] = await _all(connection, _CUT_THOUGH_REFUSED, bounds)
                beyond = await _all(connection, _BEYOND, bounds)
            finally:
                await connection.rollback()
        counts = {kind: count for kind, count, _ in kinds}
        return ObservedTotals(
            locks=counts.get("lock", 0),
            opens=counts.get("open", 0),
            refused=counts.get("refuse", 0),
            cut=counts.get("cut", 0) - refused_too,
            beyond_us=sum(beyond_us for _, _, beyond_us in kinds),
            beyond_micros=dict(beyond),
        )

    async def status_counts(self) -> Mapping[CallStatus, int]:
        """How many calls stand where, every status named."""
        rows = await self._list(tuple, _COUNTS)
        return dict.fromkeys(CallStatus, 0) | {CallStatus(status): calls for status, calls in rows}

    async def waiting_notices(self, limit: int) -> Sequence[StoredNotice]:
        """Oldest unsent notices."""
        return await self._list(lambda row: StoredNotice(row[0], notice_from(row)), _NOTICES, limit)

    async def _list(
        self,
        convert: Callable[[Row], _T],
        query: str,
        *values: str | int | None,
        **named: str | int | None,
    ) -> list[_T]:
        async with self._reading() as connection:
            rows = await _all(connection, query, named or values)
        return await _converted(convert, rows)

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[aiosqlite.Connection]:
        """A connection of its own for the length of the block, and the deadline on it."""
        connection: aiosqlite.Connection | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._idle.get()
                yield connection
        except TimeoutError:
            if connection is not None:
                await connection.interrupt()
            raise Unavailable(
                f"reading {self._path} took more than {self._timeout_s:g} s; ask for less"
            ) from None
        except sqlite3.Error as error:
            raise Unavailable(f"{self._path} cannot be read: {error}") from error
        finally:
            if connection is not None:
                self._idle.put_nowait(connection)


def calls_query(wanted: CallFilter) -> tuple[str, list[Any]]:
    """The statement and its values."""
    terms: list[tuple[str, list[Any]]] = []
    if wanted.account is not None:
        terms.append(("account = ?", [wanted.account]))
    if wanted.extension is not None:
        terms.append(("pbx = ? AND payer = ?", list(wanted.extension)))
    if wanted.status is not None:
        terms.append(("status = ?", [wanted.status.value]))
    if wanted.status in (CallStatus.UNRATED, CallStatus.UNCONFIRMED):
        # Word for word the condition of the partial index, which is used only then.
        terms.append(("status IN ('unrated', 'unconfirmed')", []))
    if wanted.since is not None:
        terms.append(("began_at >= ?", [epoch_us(wanted.since)]))
    if wanted.until is not None:
        terms.append(("began_at < ?", [epoch_us(wanted.until)]))
    if wanted.number_prefix is not None:
        prefix = wanted.number_prefix
        terms.append(("substr(number, 1, length(?)) = ?", [prefix, prefix]))
    where = " AND ".join(term for term, _ in terms) or "TRUE"
    values = [value for _, values in terms for value in values]
    return f"{_CALLS}{where} ORDER BY began_at DESC, id DESC LIMIT ?", [*values, wanted.limit]


async def _all(
    connection: aiosqlite.Connection, query: str, values: Iterable[Any] | Mapping[str, Any] = ()
) -> list[Row]:
    return [tuple(row) for row in await connection.execute_fetchall(query, values)]


async def _converted(convert: Callable[[Row], _T], rows: Sequence[Row]) -> list[_T]:
    if len(rows) <= _ROWS_IN_LOOP_MAX:
        return [convert(row) for row in rows]
    return await asyncio.to_thread(lambda: [convert(row) for row in rows])


def _live_row(row: Row) -> LiveRow:
    heard_at = row[7]
    return LiveRow(live_from(row), None if heard_at is None else from_epoch_us(heard_at))


def _bounds(wanted: ObservationFilter) -> dict[str, str | int | None]:
    return {
        "since": None if wanted.since is None else epoch_us(wanted.since),
        "pbx": wanted.pbx,
        "account": wanted.account,
        "limit": wanted.limit,
    }


def _posted_observation(row: Row) -> PostedObservation:
    return PostedObservation(observation_from(row), from_epoch_us(row[11]))


def _posted(row: Row) -> PostedTransfer:
    return PostedTransfer(transfer_from(row), from_epoch_us(row[13]))
