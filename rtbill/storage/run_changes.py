"""Runs and invoices, written inside the open transaction."""

from __future__ import annotations

import sqlite3

from rtbill.domain.call import epoch_us
from rtbill.domain.changes import AddRun, MarkInvoiced, MoveRun
from rtbill.domain.errors import Conflict, Refused
from rtbill.domain.rerating import RUN_MOVES, RunKind, RunState
from rtbill.storage.bulk import insert_rows
from rtbill.storage.rerating_rows import DIFFERENCE_COLUMNS, RUN_COLUMNS, difference_row, run_row


def change_runs(connection: sqlite3.Connection, change: MarkInvoiced | AddRun | MoveRun) -> None:
    """Write the change; Conflict or Refused where it does not fit what is there."""
    match change:
        case MarkInvoiced():
            _mark_invoiced(connection, change)
        case AddRun():
            _add_run(connection, change)
        case MoveRun():
            _move_run(connection, change)


def _add_run(connection: sqlite3.Connection, change: AddRun) -> None:
    """Conflict when its id is not the next."""
    run = change.run
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM rerating").fetchone()[0]
    if run.id != newest + 1:
        raise Conflict(f"run {newest + 1} is next, not {run.id}")
    insert_rows(connection, f"INSERT INTO rerating ({RUN_COLUMNS})", [run_row(run)])
    rows = [(run.id, *difference_row(each)) for each in change.differences]
    insert_rows(connection, f"INSERT INTO rerating_account (run, {DIFFERENCE_COLUMNS})", rows)


def _move_run(connection: sqlite3.Connection, change: MoveRun) -> None:
    """Refused when there is no such run, Conflict when it cannot become this."""
    found = connection.execute(
        "SELECT kind, state FROM rerating WHERE id = ?", (change.run,)
    ).fetchone()
    if found is None:
        raise Refused(f"there is no run {change.run}")
    kind, state = RunKind(found[0]), RunState(found[1])
    left = connection.execute(
        "SELECT count(*) FROM rerating_account WHERE run = ? AND changed > 0 AND NOT is_done",
        (change.run,),
    ).fetchone()[0]
    check_move(change, kind, state, left)
    other = connection.execute(
        "SELECT id FROM rerating WHERE state = 'under way' AND id <> ?", (change.run,)
    ).fetchone()
    if change.state is RunState.UNDER_WAY and other is not None:
        raise Conflict(f"run {other[0]} is not finished; finish or drop it first")
    connection.execute(
        "UPDATE rerating SET state = ?, moved_at = ? WHERE id = ?",
        (change.state.value, epoch_us(change.at), change.run),
    )


def check_move(change: MoveRun, kind: RunKind, state: RunState, accounts_left: int) -> None:
    """Conflict when a run at this state cannot become what the change says."""
    if change.state not in RUN_MOVES[state]:
        raise Conflict(f"run {change.run} is {state}; it cannot become {change.state}")
    if change.state is RunState.DONE and kind is RunKind.RERATE and accounts_left:
        raise Conflict(f"run {change.run} has {accounts_left} accounts left to do")


def _mark_invoiced(connection: sqlite3.Connection, change: MarkInvoiced) -> None:
    """Refused when a call is unknown or waits, Conflict when another invoice charges it."""
    for key in change.calls:
        found = connection.execute(
            "SELECT status, invoiced FROM call WHERE key = ?", (key,)
        ).fetchone()
        check_invoiced(key, change.invoice, *(found or (None, None)))
        if found[1] is None:
            connection.execute("UPDATE call SET invoiced = ? WHERE key = ?", (change.invoice, key))


def check_invoiced(key: str, invoice: str, status: str | None, invoiced: str | None) -> None:
    """Raises when the call cannot be charged by this invoice."""
    if status is None:
        raise Refused(f"there is no call {key}")
    if status != "rated":
        raise Refused(f"call {key} is {status}; only a rated call is invoiced")
    if invoiced not in (None, invoice):
        raise Conflict(f"call {key} is charged by invoice {invoiced} already")
