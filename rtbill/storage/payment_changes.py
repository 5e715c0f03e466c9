"""Methods, settings, what providers told, and links, written inside the open transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import Refused, UnknownAccount
from rtbill.domain.payment_changes import (
    AddPayLink,
    BeginSetUp,
    EndSetUp,
    ForgetGatewayEvents,
    GatewayEventTried,
    KeepGatewayEvents,
    KeepMethod,
    LookAtSetUp,
    PaymentChange,
    RemoveMethod,
    ResumeGateway,
    SetReplenishment,
    StopGateway,
    UsePayLink,
)
from rtbill.domain.replenishment import SET_UPS_MAX, KeptMethod, PendingSetUp, Replenishment
from rtbill.storage.bulk import insert_rows
from rtbill.storage.memory import Memory
from rtbill.storage.payment_checks import check_link, check_method, check_replenishment
from rtbill.storage.payment_rows import (
    INBOX_COLUMNS,
    LINK_COLUMNS,
    METHOD_COLUMNS,
    REPLENISHMENT_COLUMNS,
    SET_UP_COLUMNS,
    inbox_row,
    link_from,
    link_row,
    method_from,
    method_row,
    replenishment_from,
    replenishment_row,
    set_up_row,
    stop_row,
    us,
)
from rtbill.storage.payment_steps import (
    KEEP_METHOD,
    KEPT_ANEW,
    REPLACE_SETTINGS,
    STOP_GATEWAY,
)

# ruff: noqa: S608 - the only names put into these texts are constants of this package
_METHOD = f"SELECT {METHOD_COLUMNS} FROM payment_method WHERE gateway = ? AND reference = ?"
_SETTINGS = f"SELECT {REPLENISHMENT_COLUMNS} FROM replenishment WHERE account = ?"
_LINK = f"SELECT {LINK_COLUMNS} FROM pay_link WHERE token_hash = ?"
_BEGIN_SET_UP = f"INSERT INTO set_up ({SET_UP_COLUMNS})"
_END_SET_UP = "DELETE FROM set_up WHERE reference = ?"
_END_OLDEST = (
    "DELETE FROM set_up WHERE account = ? AND reference NOT IN"
    " (SELECT reference FROM set_up WHERE account = ?"
    " ORDER BY begun_at DESC, reference DESC LIMIT ?)"
)
_KEEP_EVENTS = f"INSERT INTO gateway_event ({INBOX_COLUMNS})"
_TRIED = (
    "UPDATE gateway_event SET tries = tries + 1, result = ?, processed_at = ?"
    " WHERE gateway = ? AND id = ?"
)


def change_payments(connection: sqlite3.Connection, memory: Memory, change: PaymentChange) -> None:
    """Write one change; Conflict, Refused and UnknownAccount say why not."""
    match change:
        case KeepMethod():
            _keep(connection, memory, change)
        case RemoveMethod():
            _remove(connection, change)
        case SetReplenishment(settings):
            _set(connection, memory, settings)
        case StopGateway(stop):
            insert_rows(connection, STOP_GATEWAY, [stop_row(stop)])
        case ResumeGateway(gateway):
            connection.execute("DELETE FROM gateway_stop WHERE gateway = ?", (gateway,))
        case AddPayLink() | UsePayLink():
            _change_links(connection, memory, change)
        case BeginSetUp() | LookAtSetUp() | EndSetUp():
            _change_set_ups(connection, memory, change)
        case _:
            _change_inbox(connection, change)


def _keep(connection: sqlite3.Connection, memory: Memory, change: KeepMethod) -> None:
    method = change.method
    _known_account(memory, method.account)
    check_method(_method(connection, *method.key), method)
    if change.set_up and not connection.execute(_END_SET_UP, (change.set_up,)).rowcount:
        return
    insert_rows(connection, KEEP_METHOD, [method_row(method)], KEPT_ANEW)


def _change_set_ups(
    connection: sqlite3.Connection, memory: Memory, change: BeginSetUp | LookAtSetUp | EndSetUp
) -> None:
    match change:
        case BeginSetUp(set_up):
            _begin(connection, memory, set_up)
        case LookAtSetUp(reference, next_look):
            connection.execute(
                "UPDATE set_up SET next_look = ? WHERE reference = ?",
                (epoch_us(next_look), reference),
            )
        case EndSetUp(reference):
            connection.execute(_END_SET_UP, (reference,))


def _begin(connection: sqlite3.Connection, memory: Memory, set_up: PendingSetUp) -> None:
    _known_account(memory, set_up.account)
    insert_rows(connection, _BEGIN_SET_UP, [set_up_row(set_up)])
    connection.execute(_END_OLDEST, (set_up.account, set_up.account, SET_UPS_MAX))


def _set(connection: sqlite3.Connection, memory: Memory, settings: Replenishment) -> None:
    currency = _known_account(memory, settings.account)
    known = _settings(connection, settings.account)
    method = _method(connection, settings.gateway, settings.method)
    check_replenishment(known, settings, currency, method)
    insert_rows(connection, REPLACE_SETTINGS, [replenishment_row(settings)])


def _known_account(memory: Memory, account: str) -> str:
    """Its currency."""
    if account not in memory.accounts:
        raise UnknownAccount(f"there is no account {account}")
    return memory.accounts[account].account.currency


def _method(connection: sqlite3.Connection, gateway: str, reference: str) -> KeptMethod | None:
    row = connection.execute(_METHOD, (gateway, reference)).fetchone()
    return None if row is None else method_from(row)


def _settings(connection: sqlite3.Connection, account: str) -> Replenishment | None:
    row = connection.execute(_SETTINGS, (account,)).fetchone()
    return None if row is None else replenishment_from(row)


def _remove(connection: sqlite3.Connection, change: RemoveMethod) -> None:
    """Settings that used it are switched off with it."""
    known = _method(connection, change.gateway, change.reference)
    if known is None or known.account != change.account:
        raise Refused(f"account {change.account} has no method {change.reference}")
    removed = replace(known, removed_at=known.removed_at or change.at)
    insert_rows(connection, KEEP_METHOD, [method_row(removed)], KEPT_ANEW)
    connection.execute(
        "UPDATE replenishment SET is_on = 0, changed_at = ?, changed_by = 'the card was removed'"
        " WHERE account = ? AND gateway = ? AND method = ? AND is_on",
        (epoch_us(change.at), change.account, change.gateway, change.reference),
    )


def _change_inbox(
    connection: sqlite3.Connection,
    change: KeepGatewayEvents | GatewayEventTried | ForgetGatewayEvents,
) -> None:
    match change:
        case KeepGatewayEvents(events):
            rows = [inbox_row(event) for event in events]
            insert_rows(connection, _KEEP_EVENTS, rows, "ON CONFLICT (gateway, id) DO NOTHING")
        case GatewayEventTried(gateway, key, result, processed_at):
            connection.execute(_TRIED, (result, us(processed_at), gateway, key))
        case ForgetGatewayEvents(before):
            connection.execute(
                "DELETE FROM gateway_event WHERE processed_at IS NOT NULL AND received_at < ?",
                (epoch_us(before),),
            )


def _change_links(
    connection: sqlite3.Connection, memory: Memory, change: AddPayLink | UsePayLink
) -> None:
    match change:
        case AddPayLink(link):
            _known_account(memory, link.account)
            insert_rows(connection, f"INSERT INTO pay_link ({LINK_COLUMNS})", [link_row(link)])
        case UsePayLink(token_hash, at):
            _use(connection, token_hash, at)


def _use(connection: sqlite3.Connection, token_hash: str, at: datetime) -> None:
    row = connection.execute(_LINK, (token_hash,)).fetchone()
    check_link(None if row is None else link_from(row), at)
    connection.execute(
        "UPDATE pay_link SET used_at = ? WHERE token_hash = ?", (epoch_us(at), token_hash)
    )
