"""Many operations on accounts, decided in order and written together.

`OperationSet` gathers what a run of operations decides, row by row in memory; `write` sends each
table its rows in one statement. Deciding never touches the database, except to look up keys.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import PoolKey, Pools
from rtbill.domain.call import CallId
from rtbill.domain.errors import Conflict, UnknownAccount
from rtbill.domain.events import LiveLeg
from rtbill.domain.hold import ENDS
from rtbill.domain.ledger import Transfer
from rtbill.domain.notice import Notice
from rtbill.domain.rated import CallStatus, Facts, RatedCall
from rtbill.domain.work import Committed, Holding, Operation, Repricing
from rtbill.storage.bulk import Row, delete_by_keys, insert_rows, select_by_keys
from rtbill.storage.checks import (
    as_another_leg,
    check_facts,
    check_holding,
    check_repricing,
    is_another_leg,
)
from rtbill.storage.draw_rows import DRAW_COLUMNS, draw_rows
from rtbill.storage.hold_rows import (
    HOLD_EVENT_COLUMNS,
    OPEN_HOLD_COLUMNS,
    hold_event_row,
    open_hold_row,
)
from rtbill.storage.memory import Memory, Side
from rtbill.storage.repricing import repricing_rows, still_to_do
from rtbill.storage.rerating_rows import RERATED_COLUMNS
from rtbill.storage.rows import (
    CALL_COLUMNS,
    CALL_SELECTED,
    LIVE_COLUMNS,
    NOTICE_COLUMNS,
    OBSERVATION_COLUMNS,
    TRANSFER_COLUMNS,
    call_from,
    call_row,
    live_row,
    notice_row,
    observation_row,
    transfer_from,
    transfer_row,
)

_INSERT_CALLS = f"INSERT INTO call (id, posted_at, {CALL_COLUMNS})"
_INSERT_TRANSFERS = f"INSERT INTO transfer (id, posted_at, {TRANSFER_COLUMNS})"
_INSERT_NOTICES = f"INSERT INTO notice ({NOTICE_COLUMNS})"
_INSERT_OBSERVATIONS = f"INSERT INTO observation (posted_at, {OBSERVATION_COLUMNS})"
_INSERT_HOLD_EVENTS = f"INSERT INTO hold_event (posted_at, {HOLD_EVENT_COLUMNS})"
_INSERT_OPEN_HOLDS = f"INSERT OR REPLACE INTO open_hold ({OPEN_HOLD_COLUMNS})"
_INSERT_DRAWS = f"INSERT INTO draw ({DRAW_COLUMNS})"
_INSERT_POOLS = "INSERT INTO pool (allowance, period, used)"
_NEW_USED = "ON CONFLICT (allowance, period) DO UPDATE SET used = excluded.used"
_INSERT_RERATED = f"INSERT INTO rerated_call ({RERATED_COLUMNS})"
_COUNT_DONE = "UPDATE rerating SET done = done + ? WHERE id = ?"
_ACCOUNT_DONE = "UPDATE rerating_account SET is_done = 1 WHERE run = ? AND account = ?"
_INSERT_LIVE = f"INSERT OR REPLACE INTO live_call ({LIVE_COLUMNS})"
_SETTLE_CALL = (
    f"UPDATE call SET ({CALL_COLUMNS}, settled_at)"  # noqa: S608 - constant
    f" = ({','.join('?' * (CALL_COLUMNS.count(',') + 2))}) WHERE key = ? AND status = ?"
)
_SELECT_CALLS = f"SELECT {CALL_SELECTED} FROM call WHERE key"  # noqa: S608 - constant
_SELECT_TRANSFERS = f"SELECT {TRANSFER_COLUMNS} FROM transfer WHERE key"  # noqa: S608 - constant
_INSERT_BALANCES = "INSERT INTO balance (account, currency, micros, version)"
_NEW_BALANCE = (
    "ON CONFLICT (account, currency)"
    " DO UPDATE SET micros = excluded.micros, version = excluded.version"
)


def stored_call(connection: sqlite3.Connection, key: str) -> RatedCall | None:
    """The call of this key, `pbx/leg`."""
    return next((call_from(row) for row in select_by_keys(connection, _SELECT_CALLS, [key])), None)


class OperationSet:
    """A run of operations and live notes: what they decide, and the rows it takes."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        memory: Memory,
        works: Iterable[Operation | Holding | Repricing | LiveLeg],
        posted_at_us: int,
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._posted_at_us = posted_at_us
        operations = [work for work in works if isinstance(work, Operation)]
        self._calls: dict[str, RatedCall] = {
            row[0]: call_from(row)
            for row in select_by_keys(
                connection, _SELECT_CALLS, [str(work.call) for work in operations if work.call]
            )
        }
        self._transfers: dict[str, Transfer] = {
            row[0]: transfer_from(row)
            for row in select_by_keys(
                connection, _SELECT_TRANSFERS, [work.key for work in operations if not work.call]
            )
        }
        self._call_rows: list[Row] = []
        self._settled: list[Row] = []
        self._transfer_rows: list[Row] = []
        self._numbered_transfers: list[Row] = []
        """With their row ids, which the calls of a run are to name."""
        self._notice_rows: list[Row] = []
        self._observation_rows: list[Row] = []
        self._rerated_rows: list[Row] = []
        self._draw_rows: list[Row] = []
        self._pools: set[PoolKey] = set()
        self._slices: list[tuple[Repricing, int]] = []
        """Slices of runs, and how many calls each did."""
        self._hold_rows: list[Row] = []
        self._holds: dict[str, Row | None] = {}
        """By key, as they are at the end of the set; None: not open any more."""
        self._live: dict[CallId, LiveLeg | None] = {}
        self._balances: set[Side] = set()
        self._standings: dict[str, AccountState] = {}
        """Accounts with another service or grace, or told otherwise of their balance."""

    def add(self, work: Operation | Holding | LiveLeg) -> Committed | None:
        """Decide one operation on the state after those before it; None for a live note.

        Whatever is raised leaves the set as it was.
        """
        if isinstance(work, LiveLeg):
            assert work.answered_at is not None, "only an answered leg is evidence"
            self._memory.put(self._memory.live, str(work.id), None)
            self._live[work.id] = work
            return None
        state = self._memory.accounts.get(work.account)
        if state is None:
            raise UnknownAccount(f"there is no account {work.account}")
        if isinstance(work, Holding):
            facts = work.decide(state)
            check_holding(state, facts)
            self._follow(facts)
            return Committed(facts, None)
        if work.call is None:
            return self._credit(work, state)
        return self._call(work, work.call, state)

    def reprice(self, repricing: Repricing) -> Committed:
        """Decide one slice of a run; nothing when it was done before."""
        state = self._memory.accounts.get(repricing.account)
        if state is None:
            raise UnknownAccount(f"there is no account {repricing.account}")
        calls = still_to_do(self._connection, repricing)
        if calls is None or not (calls or repricing.is_last):
            return Committed(None, None)
        facts = repricing.decide(state, calls, self._used(repricing))
        check_repricing(state, repricing, facts)
        self._number_transfers()  # what came before has lower numbers
        first_id = self._memory.take_ids("transfer", len(facts.transfers))
        written = repricing_rows(facts, repricing.run, first_id, self._posted_at_us)
        self._numbered_transfers += written.transfers
        self._rerated_rows += written.calls
        if repricing.pools:
            self._redraw(repricing, facts)
        for side, micros, transfers in written.own_sides:
            self._move_own_side(side, micros, transfers)
        if facts.transfers:
            self._balances.add((state.account.id, state.account.currency))
        self._slices.append((repricing, len(facts.repriced)))
        self._follow(facts)
        return Committed(facts, None)

    def _used(self, work: Operation | Repricing) -> Pools:
        return self._memory.used(self._connection, work.pools)

    def _credit(self, operation: Operation, state: AccountState) -> Committed:
        first = self._transfers.get(operation.key)
        if first is None:
            return self._take(operation, state, operation.decide(state, self._used(operation)))
        if first.account != operation.account:
            raise Conflict(
                f"the key {operation.key} was used before, for account {first.account};"
                f" nothing was done for {operation.account}"
            )
        return Committed(None, first)

    def _call(self, operation: Operation, call: CallId, state: AccountState) -> Committed:
        known = self._known_call(str(call))
        if operation.settles is not None:
            if known is None or known.status is not operation.settles:
                found = "unknown" if known is None else known.status.value
                raise Conflict(f"call {call} is {found}, not {operation.settles.value}")
            return self._settle(operation, state, operation.settles)
        if known is None:
            return self._take(operation, state, operation.decide(state, self._used(operation)))
        reported = operation.decide(state, self._used(operation)).call
        if reported is not None and is_another_leg(known.record, reported.record):
            self._close_live(call)
            other = as_another_leg(operation, reported)
            assert other.call is not None
            known = self._known_call(str(other.call))
            if known is None:
                return self._take(other, state, other.decide(state, self._used(other)))
            operation = other
        self._close_live(call)
        return Committed(None, self._known_transfer(operation.key), known)

    def _settle(self, operation: Operation, state: AccountState, before: CallStatus) -> Committed:
        facts = operation.decide(state, self._used(operation))
        check_facts(state, operation, facts)
        assert facts.call is not None
        columns = call_row(facts.call)
        self._settled.append((*columns, self._posted_at_us, columns[0], before.value))
        self._memory.count_call(before, -1)
        return self.keep(facts)

    def _take(self, operation: Operation, state: AccountState, facts: Facts) -> Committed:
        check_facts(state, operation, facts)
        if facts.call is not None:
            self._call_rows.append(call_row(facts.call))
        return self.keep(facts)

    def keep(self, facts: Facts) -> Committed:
        """Gather what was decided."""
        memory = self._memory
        account = facts.state.account
        if facts.call is not None:
            self._calls[str(facts.call.record.id)] = facts.call
            memory.count_call(facts.call.status, +1)
            self._close_live(facts.call.record.id)
            if facts.call.draws:
                key = str(facts.call.record.id)
                self._draw_rows += draw_rows(key, None, facts.call.draws, self._posted_at_us)
                self._use(facts)
        for transfer in facts.transfers:
            self._transfers[transfer.key] = transfer
            self._transfer_rows.append(transfer_row(transfer))
            is_debit = transfer.account == transfer.debit
            side = (transfer.credit if is_debit else transfer.debit, transfer.currency)
            self._move_own_side(side, -transfer.change_micros, 1)
            self._balances.add((account.id, account.currency))
        self._follow(facts)
        return Committed(facts, None)

    def _redraw(self, repricing: Repricing, facts: Facts) -> None:
        """What calls give back, and then take anew."""
        for each in facts.repriced:
            key, run, at_us = each.call.key, repricing.run, self._posted_at_us
            self._draw_rows += draw_rows(key, run, each.given_back, at_us, sign=-1)
            self._draw_rows += draw_rows(key, run, each.taken, at_us)
        self._use(facts)

    def _use(self, facts: Facts) -> None:
        pools = self._memory.pools
        for pool, change in facts.drawn.items():
            self._memory.put(pools, pool, pools[pool] + change)
            self._pools.add(pool)

    def _follow(self, facts: Facts) -> None:
        """What every kind of work leaves behind it, its calls and transfers aside."""
        memory, account = self._memory, facts.state.account
        for notice in facts.notices:
            self.post_notice(notice)
        for observation in facts.observations:
            row = (self._posted_at_us, *observation_row(observation))
            self._observation_rows.append(row)
        for event in facts.holds:
            row = open_hold_row(event.hold)
            self._hold_rows.append((self._posted_at_us, *hold_event_row(event, row)))
            self._holds[event.hold.key] = None if event.step in ENDS else row
        before, after = memory.accounts[account.id], facts.state
        is_other = after.grace_micros != before.grace_micros
        if is_other or (after.service, after.is_told_low) != (before.service, before.is_told_low):
            self._standings[account.id] = after
        memory.put(memory.accounts, account.id, facts.state)

    def post_notice(self, notice: Notice) -> None:
        """One more row of the outbox."""
        self._notice_rows.append(notice_row(self._memory.take_id("notice"), notice))

    def _move_own_side(self, side: Side, change_micros: int, transfers: int) -> None:
        micros, version = self._memory.own.get(side, (0, 0))
        self._memory.put(self._memory.own, side, (micros + change_micros, version + transfers))
        self._balances.add(side)

    def _close_live(self, call: CallId) -> None:
        if self._memory.close_live(call):
            self._live[call] = None

    def _known_call(self, key: str) -> RatedCall | None:
        if key not in self._calls:
            # Not in the first look-up: a second leg's own key, which is rare.
            found = stored_call(self._connection, key) if "@" in key else None
            if found is not None:
                self._calls[key] = found
        return self._calls.get(key)

    def _known_transfer(self, key: str) -> Transfer | None:
        if key not in self._transfers:
            for row in select_by_keys(self._connection, _SELECT_TRANSFERS, [key]):
                self._transfers[key] = transfer_from(row)
        return self._transfers.get(key)

    def write(self) -> None:
        """Send the rows to their tables, parents before children."""
        connection, memory = self._connection, self._memory
        insert_rows(connection, _INSERT_BALANCES, self._balance_rows(), _NEW_BALANCE)
        insert_rows(connection, _INSERT_CALLS, self._numbered("call", self._call_rows))
        for row in self._settled:
            changed = connection.execute(_SETTLE_CALL, row).rowcount
            assert changed == 1, f"call {row[0]} could not be settled"
        self._number_transfers()
        insert_rows(connection, _INSERT_TRANSFERS, self._numbered_transfers)
        insert_rows(connection, _INSERT_RERATED, self._rerated_rows)
        if self._draw_rows:
            rows = [(*pool, memory.pools[pool]) for pool in self._pools]
            insert_rows(connection, _INSERT_POOLS, rows, _NEW_USED)
            insert_rows(connection, _INSERT_DRAWS, self._draw_rows)
        for repricing, calls in self._slices:
            connection.execute(_COUNT_DONE, (calls, repricing.run))
            if repricing.is_last:
                connection.execute(_ACCOUNT_DONE, (repricing.run, repricing.account))
        insert_rows(connection, _INSERT_NOTICES, self._notice_rows)
        self._write_holds()
        write_observations(connection, self._observation_rows)
        for account, state in self._standings.items():
            connection.execute(
                "UPDATE account SET outgoing = ?, incoming = ?, told_low = ?, grace_micros = ?"
                " WHERE id = ?",
                (*_standing(state), account),
            )
        opened = [live_row(leg) for leg in self._live.values() if leg is not None]
        closed = [str(call) for call, leg in self._live.items() if leg is None]
        insert_rows(connection, _INSERT_LIVE, opened)
        delete_by_keys(connection, "DELETE FROM live_call WHERE key", closed)
        write_counts(connection, memory)

    def _number_transfers(self) -> None:
        self._numbered_transfers += self._numbered("transfer", self._transfer_rows)
        self._transfer_rows.clear()

    def _numbered(self, table: str, rows: Sequence[Row]) -> list[Row]:
        """With row ids that no row of the table has, and the instant of this set."""
        first, posted_at_us = self._memory.take_ids(table, len(rows)), self._posted_at_us
        return [(number, posted_at_us, *row) for number, row in enumerate(rows, first)]

    def _write_holds(self) -> None:
        connection = self._connection
        insert_rows(connection, _INSERT_HOLD_EVENTS, self._hold_rows)
        opened = [row for row in self._holds.values() if row is not None]
        ended = [key for key, row in self._holds.items() if row is None]
        insert_rows(connection, _INSERT_OPEN_HOLDS, opened)
        delete_by_keys(connection, "DELETE FROM open_hold WHERE key", ended)

    def _balance_rows(self) -> list[Row]:
        rows: list[Row] = []
        for account, currency in self._balances:
            state = self._memory.accounts.get(account)
            figures = (
                self._memory.own[account, currency]
                if state is None
                else (state.balance_micros, state.version)
            )
            rows.append((account, currency, *figures))
        return rows


def _standing(state: AccountState) -> Row:
    """What the row of an account holds beside its terms."""
    return (*state.service, int(state.is_told_low), state.grace_micros)


def write_observations(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add them, `posted_at` first; one whose key is known tells the same fact again."""
    insert_rows(connection, _INSERT_OBSERVATIONS, rows, "ON CONFLICT (key) DO NOTHING")


def write_counts(connection: sqlite3.Connection, memory: Memory) -> None:
    """Bring the table of call counts to what memory holds."""
    insert_rows(
        connection,
        "INSERT OR REPLACE INTO call_count (status, calls)",
        [(status.value, memory.counts[status]) for status in memory.changed_counts],
    )
