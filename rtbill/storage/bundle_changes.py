"""Bundles and who holds them, written inside the open transaction."""

from __future__ import annotations

import sqlite3

from rtbill.domain.bundle import Allowance
from rtbill.domain.call import epoch_us
from rtbill.domain.changes import AddBundle, EndAllowance, GiveAllowance
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.storage.bulk import insert_rows
from rtbill.storage.bundle_rows import (
    ALLOWANCE_COLUMNS,
    BUNDLE_COLUMNS,
    account_rows,
    allowance_row,
    bundle_row,
)
from rtbill.storage.checks import check_ended, check_given, check_version
from rtbill.storage.memory import Memory


def change_bundles(
    connection: sqlite3.Connection, memory: Memory, change: AddBundle | GiveAllowance | EndAllowance
) -> None:
    """Write one change; Conflict, Refused and UnknownAccount say why not."""
    match change:
        case AddBundle():
            _add(connection, change)
        case GiveAllowance():
            _give(connection, memory, change)
        case EndAllowance():
            _end(connection, change)


def _add(connection: sqlite3.Connection, change: AddBundle) -> None:
    """Conflict when its version is not higher than the newest."""
    bundle = change.bundle
    newest = connection.execute(
        "SELECT max(version) FROM bundle WHERE name = ?", (bundle.name,)
    ).fetchone()[0]
    check_version("bundle", bundle.name, bundle.version, newest)
    insert_rows(connection, f"INSERT INTO bundle ({BUNDLE_COLUMNS})", [bundle_row(bundle)])


def _give(connection: sqlite3.Connection, memory: Memory, change: GiveAllowance) -> None:
    """Conflict when the key is known or an account is kept in another currency; Refused when there
    is no such bundle, or nobody to have it.
    """
    allowance = change.allowance
    known = connection.execute("SELECT 1 FROM allowance WHERE key = ?", (allowance.key,)).fetchone()
    if known is not None:
        raise Conflict(f"allowance {allowance.key} was given before")
    found = connection.execute(
        "SELECT id, currency FROM bundle WHERE name = ? AND version = ?",
        (allowance.bundle, allowance.version),
    ).fetchone()
    check_given(allowance, None if found is None else found[1], _currencies(memory, allowance))
    row = allowance_row(allowance, found[0], epoch_us(change.at), change.reason)
    insert_rows(connection, f"INSERT INTO allowance ({ALLOWANCE_COLUMNS})", [row])
    rows = account_rows(allowance.key, allowance.accounts)
    insert_rows(connection, "INSERT INTO allowance_account (account, allowance)", rows)


def _currencies(memory: Memory, allowance: Allowance) -> dict[str, str]:
    for account in allowance.accounts:
        if account not in memory.accounts:
            raise UnknownAccount(f"there is no account {account}")
    return {each: memory.accounts[each].account.currency for each in allowance.accounts}


def _end(connection: sqlite3.Connection, change: EndAllowance) -> None:
    """Refused when there is no such allowance, Conflict when it ends no later anyway."""
    found = connection.execute(
        "SELECT since, until FROM allowance WHERE key = ?", (change.key,)
    ).fetchone()
    if found is None:
        raise Refused(f"there is no allowance {change.key!r}")
    until = max(epoch_us(change.until), found[0])
    check_ended(change.key, until, found[1])
    connection.execute("UPDATE allowance SET until = ? WHERE key = ?", (until, change.key))
