"""Which calls of a slice are still to do, asked of the tables before the slice is decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from rtbill.domain.errors import Conflict
from rtbill.domain.ledger import Transfer, TransferKind
from rtbill.domain.rated import Facts, Repriced
from rtbill.domain.rerating import RunState
from rtbill.ports import Repricing
from rtbill.storage.bulk import Row, select_by_keys
from rtbill.storage.rerating_rows import rerated_row

_LAST_RUNS = "SELECT call, max(run) FROM rerated_call WHERE call"
_RUN = """
    SELECT state, coalesce(is_done, 0) FROM rerating
    LEFT JOIN rerating_account ON run = id AND account = ? WHERE id = ?
"""


def still_to_do(connection: sqlite3.Connection, repricing: Repricing) -> list[Repriced] | None:
    """Calls that this run has not done; None when the account's part is done altogether.

    Conflict when the run is not under way, or a call has another price than the slice says.
    """
    found = connection.execute(_RUN, (repricing.account, repricing.run)).fetchone()
    state = None if found is None else RunState(found[0])
    check_under_way(repricing.run, state)
    if found[1]:
        return None
    rows = [each.call.row for each in repricing.calls]
    last_runs: dict[int, int] = dict(select_by_keys(connection, _LAST_RUNS, rows, "GROUP BY call"))
    return undone(repricing, last_runs)


def check_under_way(run: int, state: RunState | None) -> None:
    """Conflict unless the run is."""
    if state is not RunState.UNDER_WAY:
        raise Conflict(f"run {run} is {state or 'unknown'}, not under way")


def undone(repricing: Repricing, last_runs: Mapping[int, int]) -> list[Repriced]:
    """The calls of the slice but those whose last run is this one already; Conflict when the last
    run of one is not the one that the slice knows of.
    """
    left = []
    for each in repricing.calls:
        last = last_runs.get(each.call.row)
        if last == repricing.run:
            continue
        if last != each.call.last_run:
            raise Conflict(
                f"call {each.call.key} got another price in run {last}; make a new dry run"
            )
        left.append(each)
    return left


def rerated_rows(facts: Facts, run: int, ids: Mapping[str, int]) -> Iterator[Row]:
    """One row for each call; `ids` are the transfers' by key."""
    reversals: dict[str, int] = {}
    postings: dict[str, int] = {}
    for transfer in facts.transfers:
        assert transfer.call is not None
        side = reversals if _is_reversal(transfer) else postings
        side[transfer.call] = ids[transfer.key]
    for each in facts.repriced:
        key = each.call.key
        yield rerated_row(each, run, reversals.get(key), postings.get(key))


def _is_reversal(transfer: Transfer) -> bool:
    return transfer.kind is TransferKind.REVERSAL
