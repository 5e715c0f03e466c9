"""A step of a top-up: decided on what the open transaction sees, and written at once.

Steps are few beside calls, so each reads its rows and writes its own; its credit, its notices and
the service it entails go the way of every operation.
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from rtbill.domain.errors import UnknownAccount
from rtbill.domain.top_up import Paying, PaymentState, TopUp
from rtbill.domain.work import Committed, TopUpStep
from rtbill.storage.bulk import insert_rows
from rtbill.storage.memory import Memory
from rtbill.storage.operations import OperationSet
from rtbill.storage.payment_checks import check_payment, check_reference, check_top_up
from rtbill.storage.payment_rows import (
    METHOD_COLUMNS,
    REPLENISHMENT_COLUMNS,
    REVERSAL_COLUMNS,
    STOP_COLUMNS,
    TOP_UP_COLUMNS,
    TOP_UP_EVENT_COLUMNS,
    event_row,
    method_from,
    method_row,
    replenishment_from,
    replenishment_row,
    reversal_from,
    reversal_row,
    stop_from,
    stop_row,
    top_up_from,
    top_up_row,
)

RECENT = timedelta(days=31)
RECENT_MAX = 1_000
"""More than an account may begin in that time; a bound all the same."""

# ruff: noqa: S608 - the only names put into these texts are constants of this package
IN_FLIGHT = "state NOT IN ('approved', 'declined', 'cancelled', 'reversed')"
"""Word for word the condition of the partial index, which is used only then."""
_TOP_UP = f"SELECT {TOP_UP_COLUMNS} FROM top_up WHERE reference = ?"
_IN_FLIGHT = f"SELECT {TOP_UP_COLUMNS} FROM top_up WHERE account = ? AND {IN_FLIGHT}"
OF_PAYMENT = (
    f"SELECT {TOP_UP_COLUMNS} FROM top_up WHERE gateway = ? AND provider_id = ?"
    " AND provider_id <> ''"
)
_RECENT = (
    f"SELECT {TOP_UP_COLUMNS} FROM top_up WHERE account = ? AND wanted_at >= ?"
    " ORDER BY wanted_at DESC, reference DESC LIMIT ?"
)
_REVERSALS = f"SELECT {REVERSAL_COLUMNS} FROM reversal WHERE top_up = ? ORDER BY at, key"
_SETTINGS = f"SELECT {REPLENISHMENT_COLUMNS} FROM replenishment WHERE account = ?"
_METHODS = f"SELECT {METHOD_COLUMNS} FROM payment_method WHERE account = ? ORDER BY kept_at"
_STOPS = f"SELECT {STOP_COLUMNS} FROM gateway_stop ORDER BY gateway"
_INSERT_TOP_UP = f"INSERT INTO top_up ({TOP_UP_COLUMNS})"
_MOVED = (
    "state, moved_at, provider_id, first_sent_at, asked_for_at, unknown_at, next_look, looks,"
    " absences, decline, code, paid_at, reversed_micros, steps, needs_person, alarm"
)
_MOVE_TOP_UP = (
    f"UPDATE top_up SET ({_MOVED}) = ({','.join('?' * (_MOVED.count(',') + 1))})"
    " WHERE reference = ? AND steps = ?"
)
_INSERT_EVENT = f"INSERT INTO top_up_event (posted_at, {TOP_UP_EVENT_COLUMNS})"
REPLACE_SETTINGS = f"INSERT OR REPLACE INTO replenishment ({REPLENISHMENT_COLUMNS})"
KEEP_METHOD = f"INSERT INTO payment_method ({METHOD_COLUMNS})"
KEPT_ANEW = (
    "ON CONFLICT (gateway, reference) DO UPDATE SET (kind, customer, label, expires, kept_at,"
    " text_version, agreed_at, agreed_from, barred_at, barred_reason, removed_at) = ("
    "excluded.kind, excluded.customer, excluded.label, excluded.expires, excluded.kept_at,"
    " excluded.text_version, excluded.agreed_at, excluded.agreed_from, excluded.barred_at,"
    " excluded.barred_reason, excluded.removed_at)"
)
_KEEP_REVERSAL = f"INSERT INTO reversal ({REVERSAL_COLUMNS})"
_REVERSED_ANEW = (
    "ON CONFLICT (gateway, key) DO UPDATE SET (stage, at, amount_micros, booked_micros,"
    " provider_id, tries, next_try) = (excluded.stage, excluded.at, excluded.amount_micros,"
    " excluded.booked_micros, excluded.provider_id, excluded.tries, excluded.next_try)"
)
STOP_GATEWAY = f"INSERT OR REPLACE INTO gateway_stop ({STOP_COLUMNS})"


def take_step(
    connection: sqlite3.Connection, memory: Memory, step: TopUpStep, posted_at_us: int
) -> Committed:
    """Decide and write one step inside the open transaction.

    Raises UnknownAccount, Conflict, and what its `decide` raises; the caller then takes back what
    was written.
    """
    state = memory.accounts.get(step.account)
    if state is None:
        raise UnknownAccount(f"there is no account {step.account}")
    books = _books(connection, step, posted_at_us)
    check_reference(step, books.top_up)
    facts = step.decide(state, books, memory.used(connection, step.pools))
    check_top_up(state, books, step, facts)
    assert facts.paying is not None
    _check_payment(connection, books.top_up, facts.paying.top_up)
    gathered = OperationSet(connection, memory, (), posted_at_us)
    committed = gathered.keep(facts)
    gathered.write()
    _write(connection, books, facts.paying, posted_at_us)
    return committed


def _books(connection: sqlite3.Connection, step: TopUpStep, posted_at_us: int) -> PaymentState:
    def rows(query: str, *values: object) -> sqlite3.Cursor:
        return connection.execute(query, values)

    since = posted_at_us - RECENT // timedelta(microseconds=1)
    top_up = rows(_TOP_UP, step.reference).fetchone()
    in_flight = rows(_IN_FLIGHT, step.account).fetchone()
    recent = rows(_RECENT, step.account, since, RECENT_MAX)
    settings = rows(_SETTINGS, step.account).fetchone()
    return PaymentState(
        top_up=None if top_up is None else top_up_from(top_up),
        in_flight=None if in_flight is None else top_up_from(in_flight),
        recent=tuple(top_up_from(row) for row in reversed(recent.fetchall())),
        reversals=tuple(map(reversal_from, rows(_REVERSALS, step.reference))),
        settings=None if settings is None else replenishment_from(settings),
        methods=tuple(map(method_from, rows(_METHODS, step.account))),
        stops=tuple(map(stop_from, rows(_STOPS))),
    )


def _check_payment(connection: sqlite3.Connection, before: TopUp | None, row: TopUp | None) -> None:
    if row is None or not row.provider_id or (before and before.provider_id):
        return
    known = connection.execute(OF_PAYMENT, (row.gateway, row.provider_id)).fetchone()
    check_payment(row, None if known is None else top_up_from(known))


def _write(
    connection: sqlite3.Connection, books: PaymentState, paying: Paying, posted_at_us: int
) -> None:
    if paying.event is not None and paying.top_up is not None:
        row = top_up_row(paying.top_up)
        if books.top_up is None:
            insert_rows(connection, _INSERT_TOP_UP, [row])
        else:
            moved = (row[7], row[9], *row[12:], row[0], books.top_up.steps)
            changed = connection.execute(_MOVE_TOP_UP, moved).rowcount
            assert changed == 1, f"top-up {row[0]} could not be moved"
        insert_rows(connection, _INSERT_EVENT, [(posted_at_us, *event_row(paying.event))])
    reversals = [reversal_row(each) for each in paying.reversals]
    insert_rows(connection, _KEEP_REVERSAL, reversals, _REVERSED_ANEW)
    methods = [method_row(each) for each in paying.methods]
    insert_rows(connection, KEEP_METHOD, methods, KEPT_ANEW)
    if paying.settings is not None:
        insert_rows(connection, REPLACE_SETTINGS, [replenishment_row(paying.settings)])
    if paying.stop is not None:
        insert_rows(connection, STOP_GATEWAY, [stop_row(paying.stop)])
