"""Administrative facts: one at a time, each checked against what the database holds."""

from __future__ import annotations

import sqlite3
from typing import assert_never

from rtbill.domain.account import OPEN_SERVICE, AccountState, Extension, Membership
from rtbill.domain.call import epoch_us
from rtbill.domain.changes import (
    AddBundle,
    AddObservations,
    AddPricePlan,
    AddRun,
    AddTariff,
    Assign,
    Bind,
    Change,
    ChangeAccount,
    CreateAccount,
    DropCall,
    DropEvents,
    EndAllowance,
    EndMembership,
    EventsSent,
    GiveAllowance,
    Heard,
    KeepEventsOf,
    LiftDeskLock,
    MarkInvoiced,
    MoveRun,
    NoteBounce,
    NoteMailTaken,
    NoticesSent,
    PostNotices,
    QueueEvent,
    ReportBalance,
    SetContact,
    SetDeskLock,
    Together,
    Unbind,
)
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.payment_changes import PaymentChange
from rtbill.domain.rated import CallStatus
from rtbill.domain.vat import SetVatTerms, VatClosing
from rtbill.storage.binding_changes import change_binding
from rtbill.storage.bulk import insert_rows
from rtbill.storage.bundle_changes import change_bundles
from rtbill.storage.checks import (
    Reassignment,
    assigned,
    check_new_account,
    check_version,
    ended,
)
from rtbill.storage.contact_rows import change_contact
from rtbill.storage.lock_rows import change_desk_lock
from rtbill.storage.memory import Memory
from rtbill.storage.operations import stored_call, write_counts, write_observations
from rtbill.storage.outside_rows import change_outside
from rtbill.storage.payment_changes import change_payments
from rtbill.storage.plan_rows import PLAN_COLUMNS, plan_row
from rtbill.storage.rows import (
    ACCOUNT_COLUMNS,
    MEMBERSHIP_COLUMNS,
    NOTICE_COLUMNS,
    account_row,
    membership_from,
    membership_row,
    notice_row,
    observation_row,
)
from rtbill.storage.run_changes import change_runs
from rtbill.storage.tariff_rows import insert_tariff
from rtbill.storage.vat_rows import change_vat

_INSERT_ACCOUNT = f"INSERT INTO account ({ACCOUNT_COLUMNS})"
_UPDATE_ACCOUNT = (
    "UPDATE account SET name = ?, kind = ?, credit_limit_micros = ?, account_class = ?,"
    " tariff = ? WHERE id = ?"
)


def apply_change(connection: sqlite3.Connection, memory: Memory, change: Change) -> None:  # noqa: C901 - one line per kind of change
    """Write one change inside the open transaction.

    Raises Conflict, Refused or UnknownAccount; the caller then takes back what was written.
    """
    if isinstance(change, PaymentChange):
        change_payments(connection, memory, change)
        return
    match change:
        case CreateAccount() | ChangeAccount():
            _write_account(connection, memory, change)
        case Assign():
            _assign(connection, memory, change)
        case EndMembership():
            held = _memberships(connection, change.extension)
            subject = f"extension {change.extension}"
            _reassign(connection, ended(held, change.account, subject, change.at))
        case Bind() | Unbind():
            change_binding(connection, memory, change)
        case SetContact() | NoteBounce() | NoteMailTaken():
            change_contact(connection, memory, change)
        case AddPricePlan():
            _add_price_plan(connection, change)
        case AddBundle() | GiveAllowance() | EndAllowance():
            change_bundles(connection, memory, change)
        case AddTariff():
            _add_tariff(connection, change)
        case SetDeskLock() | LiftDeskLock():
            change_desk_lock(connection, change)
        case DropCall():
            _drop_call(connection, memory, change)
        case MarkInvoiced() | AddRun() | MoveRun():
            change_runs(connection, change)
        case PostNotices():
            rows = [notice_row(memory.take_id("notice"), notice) for notice in change.notices]
            insert_rows(connection, f"INSERT INTO notice ({NOTICE_COLUMNS})", rows)
        case AddObservations():
            posted_at_us = epoch_us(change.at)
            rows = [(posted_at_us, *observation_row(each)) for each in change.observations]
            write_observations(connection, rows)
        case NoticesSent():
            ids = [(number,) for number in change.ids]
            connection.executemany("DELETE FROM notice WHERE id = ?", ids)
        case Heard():
            connection.execute(
                "INSERT OR REPLACE INTO heard (pbx, at) VALUES (?, ?)",
                (change.pbx, epoch_us(change.at)),
            )
        case ReportBalance() | QueueEvent() | EventsSent() | DropEvents() | KeepEventsOf():
            change_outside(connection, memory, change)
        case SetVatTerms() | VatClosing():
            change_vat(connection, change)
        case Together():
            for each in change.changes:
                apply_change(connection, memory, each)
        case _:
            assert_never(change)


def _write_account(
    connection: sqlite3.Connection, memory: Memory, change: CreateAccount | ChangeAccount
) -> None:
    account = change.account
    known = memory.accounts.get(account.id)
    if isinstance(change, CreateAccount):
        if known is not None:
            raise Conflict(f"account {account.id} exists already")
        check_new_account(account)
        insert_rows(connection, _INSERT_ACCOUNT, [account_row(account, OPEN_SERVICE)])
        connection.execute(
            "INSERT INTO balance (account, currency, micros, version) VALUES (?, ?, 0, 0)",
            (account.id, account.currency),
        )
        memory.put(memory.accounts, account.id, AccountState(account, 0, 0, OPEN_SERVICE))
        return
    if known is None:
        raise UnknownAccount(f"there is no account {account.id}")
    if known.account.currency != account.currency:
        raise Conflict(
            f"account {account.id} is kept in {known.account.currency} for ever; "
            f"open another account for {account.currency}"
        )
    terms = account_row(account, known.service)
    connection.execute(_UPDATE_ACCOUNT, (terms[1], terms[2], *terms[4:7], account.id))
    memory.put(memory.accounts, account.id, known._replace(account=account))


def _memberships(connection: sqlite3.Connection, extension: Extension) -> list[Membership]:
    rows = connection.execute(
        f"SELECT {MEMBERSHIP_COLUMNS} FROM membership"  # noqa: S608 - constant
        " WHERE pbx = ? AND number = ? ORDER BY valid_from",
        extension,
    )
    return [membership_from(row) for row in rows]


def _assign(connection: sqlite3.Connection, memory: Memory, change: Assign) -> None:
    new = change.membership
    if new.account not in memory.accounts:
        raise UnknownAccount(f"there is no account {new.account}")
    held = _memberships(connection, new.extension)
    _reassign(connection, assigned(held, new, move=change.move))


def _reassign(connection: sqlite3.Connection, result: Reassignment[Membership]) -> None:
    if result.removed is not None:
        connection.execute(
            "DELETE FROM membership WHERE pbx = ? AND number = ? AND valid_from = ?",
            (*result.removed.extension, epoch_us(result.removed.valid_from)),
        )
    rows = [membership_row(membership) for membership in result.added]
    insert_rows(connection, f"INSERT INTO membership ({MEMBERSHIP_COLUMNS})", rows)


def _add_price_plan(connection: sqlite3.Connection, change: AddPricePlan) -> None:
    plan = change.plan
    newest = connection.execute(
        "SELECT max(version) FROM price_plan WHERE name = ?", (plan.name,)
    ).fetchone()[0]
    check_version("price plan", plan.name, plan.version, newest)
    insert_rows(connection, f"INSERT INTO price_plan ({PLAN_COLUMNS})", [plan_row(plan)])


def _add_tariff(connection: sqlite3.Connection, change: AddTariff) -> None:
    tariff = change.tariff
    newest = connection.execute(
        "SELECT max(version) FROM tariff WHERE name = ?", (tariff.name,)
    ).fetchone()[0]
    check_version("tariff", tariff.name, tariff.version, newest)
    insert_tariff(connection, tariff)


def _drop_call(connection: sqlite3.Connection, memory: Memory, change: DropCall) -> None:
    call = stored_call(connection, change.call)
    if call is None:
        raise Refused(f"there is no call {change.call}")
    if call.status not in (CallStatus.UNRATED, CallStatus.UNCONFIRMED):
        raise Conflict(
            f"call {change.call} is {call.status.value}; only an unrated or unconfirmed call "
            "can be dropped"
        )
    connection.execute(
        "UPDATE call SET status = 'dropped', note = ?, settled_at = ? WHERE key = ?",
        (change.reason, epoch_us(change.at), change.call),
    )
    memory.count_call(call.status, -1)
    memory.count_call(CallStatus.DROPPED, +1)
    write_counts(connection, memory)
