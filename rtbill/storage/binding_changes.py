"""Codes, PINs and trunks begin and cease to stand for an account."""

from __future__ import annotations

import sqlite3

from rtbill.domain.call import epoch_us
from rtbill.domain.changes import Bind, Unbind
from rtbill.domain.errors import UnknownAccount
from rtbill.domain.payer_key import Binding, PayerKey
from rtbill.storage.binding_rows import BINDING_COLUMNS, binding_from, binding_row
from rtbill.storage.bulk import insert_rows
from rtbill.storage.checks import Reassignment, assigned, ended
from rtbill.storage.memory import Memory


def change_binding(connection: sqlite3.Connection, memory: Memory, change: Bind | Unbind) -> None:
    """Write the change; Conflict, Refused or UnknownAccount say why not."""
    if isinstance(change, Unbind):
        kept = _bindings(connection, change.key)
        _rebind(connection, ended(kept, change.account, str(change.key), change.at))
        return
    new = change.binding
    if new.account not in memory.accounts:
        raise UnknownAccount(f"there is no account {new.account}")
    _rebind(connection, assigned(_bindings(connection, new.key), new, move=change.move))


def _bindings(connection: sqlite3.Connection, key: PayerKey) -> list[Binding]:
    rows = connection.execute(
        f"SELECT {BINDING_COLUMNS} FROM payer_key"  # noqa: S608 - constant
        " WHERE kind = ? AND value = ? AND pbx = ? ORDER BY valid_from",
        key,
    )
    return [binding_from(row) for row in rows]


def _rebind(connection: sqlite3.Connection, result: Reassignment[Binding]) -> None:
    if result.removed is not None:
        connection.execute(
            "DELETE FROM payer_key WHERE kind = ? AND value = ? AND pbx = ? AND valid_from = ?",
            (*result.removed.key, epoch_us(result.removed.valid_from)),
        )
    rows = [binding_row(binding) for binding in result.added]
    insert_rows(connection, f"INSERT INTO payer_key ({BINDING_COLUMNS})", rows)
