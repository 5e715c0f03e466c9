"""Which calls of a slice are still to do, asked of the tables before the slice is decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import Conflict
from rtbill.domain.ledger import TransferKind
from rtbill.domain.rated import Facts, Repriced
from rtbill.domain.rerating import RunState
from rtbill.domain.work import Repricing
from rtbill.storage.bulk import Row
from rtbill.storage.memory import Side
from rtbill.storage.rerating_rows import rerated_row

_LAST_RUNS = """
    SELECT call, max(run) FROM rerated_call WHERE account = ? AND call BETWEEN ? AND ?
    GROUP BY call
"""
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
    bounds = (repricing.account, min(rows, default=0), max(rows, default=0))
    return undone(repricing, dict(connection.execute(_LAST_RUNS, bounds)))


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


class RepricingRows(NamedTuple):
    """What a slice writes."""

    transfers: list[Row]
    """Id and posting time, then as in TRANSFER_COLUMNS; the ids in a row."""
    calls: list[Row]
    """As in RERATED_COLUMNS."""
    own_sides: list[tuple[Side, int, int]]
    """Of each of the biller's own balances: by how much it rises, by how many transfers."""


def repricing_rows(facts: Facts, run: int, first_id: int, posted_at_us: int) -> RepricingRows:
    """The rows of a slice: hundreds at once, so everything is gone through once."""
    rows: list[Row] = []
    reversals: dict[str | None, int] = {}
    postings: dict[str | None, int] = {}
    sides: dict[Side, list[int]] = {}
    event_us = epoch_us(facts.transfers[0].event_at) if facts.transfers else 0
    for number, transfer in enumerate(facts.transfers, start=first_id):
        key, debit, credit, micros, currency, kind, _, account, *rest = transfer
        told = (key, debit, credit, micros, currency, kind.value, event_us, account)
        rows.append((number, posted_at_us, *told, *rest))
        is_debit = account == debit
        side = (credit if is_debit else debit, currency)
        moved = sides.setdefault(side, [0, 0])
        moved[0] += micros if is_debit else -micros
        moved[1] += 1
        ids = reversals if kind is TransferKind.REVERSAL else postings
        ids[transfer.call] = number
    account = facts.state.account.id
    calls = [
        rerated_row(each, account, run, reversals.get(each.call.key), postings.get(each.call.key))
        for each in facts.repriced
    ]
    return RepricingRows(
        rows, calls, [(side, micros, count) for side, (micros, count) in sides.items()]
    )
