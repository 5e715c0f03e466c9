"""Pages of calls that a run is about; each page begins where the one before it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rtbill.domain.call import epoch_us
from rtbill.domain.rated import Position
from rtbill.domain.rerating import Run, Selection
from rtbill.storage.draw_rows import HELD_DRAWS
from rtbill.storage.rows import CALL_SELECTED

# ruff: noqa: S608 - the only names put into these texts are constants
_PRICED = """
    SELECT json_group_array(json_array(
        row, call.key, pbx, trunk, number, began_at, ended_at, price_micros, run, invoiced,
        debit.key, debit.credit, bundle_micros, CAST(held AS TEXT), payer, dialled, person
    ))
    FROM (
        SELECT id AS row, key, pbx, trunk, number, began_at, ended_at, price_micros, run, invoiced,
            bundle_micros,
            CASE WHEN EXISTS (SELECT 1 FROM allowance_account WHERE account = ?)
                THEN {held} END AS held,
            payer, dialled, person,
            CASE WHEN run IS NULL THEN 'call:' || key
                ELSE 'rerate:' || run || ':' || account || ':' || key END AS debit_key
        FROM priced_call
        WHERE account = ? AND status = 'rated' AND id <= ?
            AND coalesce(settled_at, 0) <= ? {terms}
            AND (began_at, id) > (?, ?)
        ORDER BY began_at, id LIMIT ?
    ) AS call LEFT JOIN transfer AS debit ON debit.key = debit_key AND debit.kind = 'call'
"""
"""A page in one row: each row costs a hand-over of the interpreter's lock, and while calls are
billed beside it that costs more than the row.
"""
_WAITING = f"""
    SELECT began_at, id, {CALL_SELECTED} FROM priced_call
    WHERE status IN ('unrated', 'unconfirmed') {{terms}} AND (began_at, id) > (?, ?)
    ORDER BY began_at, id LIMIT ?
"""
Query = tuple[str, list[Any]]


def priced_page(account: str, run: Run, after: Position, limit: int) -> Query:
    """Rated calls as in `rerating_rows.priced_calls_from`, those that were rated when the run was
    made.
    """
    terms, values = _terms(run.selection)
    pinned = [account, account, run.newest_call, epoch_us(run.made_at)]
    return _PRICED.format(terms=terms, held=HELD_DRAWS), [*pinned, *values, *after, limit]


def waiting_page(wanted: Selection, after: Position, limit: int) -> Query:
    """Waiting calls as in `rerating_rows.waiting_call_from`."""
    terms, values = _terms(wanted)
    if wanted.account is not None:
        terms += " AND account = ?"
        values.append(wanted.account)
    return _WAITING.format(terms=terms), [*values, *after, limit]


def _terms(wanted: Selection) -> Query:
    """Conditions beyond the account's."""
    prefix = wanted.number_prefix
    terms: list[tuple[str, list[Any]]] = [
        ("began_at >= ?", [_us(wanted.since)]),
        ("began_at < ?", [_us(wanted.until)]),
        ("pbx = ?", [wanted.pbx]),
        ("trunk = ?", [wanted.trunk]),
        ("in_trunk = ?", [wanted.in_trunk]),
        ("cause = ?", [wanted.cause]),
        ("substr(number, 1, length(?)) = ?", [prefix, prefix]),
        ("lower(destination) = lower(?)", [wanted.destination]),
        ("? IN (tariff, plan)", [wanted.tariff]),
        ("status = ?", [wanted.reason and wanted.reason.value]),
    ]
    asked = [(term, values) for term, values in terms if values[0] is not None]
    where = "".join(f" AND {term}" for term, _ in asked)
    return where, [value for _, values in asked for value in values]


def _us(instant: datetime | None) -> int | None:
    return None if instant is None else epoch_us(instant)
