"""Runs, what they do to accounts, and newer prices of calls, to rows and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.rated import CallStatus, Position, PricedCall, Repriced
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection, WaitingCall
from rtbill.storage.bulk import Row
from rtbill.storage.draw_rows import draws_from
from rtbill.storage.rows import call_from, price_row

RUN_COLUMNS = (
    "id, kind, state, made_at, made_by, moved_at, selection, prices, newest_call, looked_at, done"
)
DIFFERENCE_COLUMNS = "account, currency, changed, unpriced, old_micros, new_micros, is_done"
RERATED_COLUMNS = (
    "account, call, run, old_micros, reversal, posting, price_micros, currency, tariff,"
    " tariff_version, prefix, destination, billed_s, plan, plan_version, tax_micros, cost_micros,"
    " adjustment, old_bundle_micros, bundle_micros"
)

_POSITION = itemgetter(5, 0)
"""Of what `rerating_queries.priced_page` finds: answer and row."""


def run_row(run: Run) -> Row:
    """As in RUN_COLUMNS."""
    return (
        run.id,
        run.kind.value,
        run.state.value,
        epoch_us(run.made_at),
        run.made_by,
        epoch_us(run.moved_at),
        selection_text(run.selection),
        run.prices,
        run.newest_call,
        run.looked_at,
        run.done,
    )


def run_from(row: Row) -> Run:
    """From RUN_COLUMNS."""
    return Run(
        id=row[0],
        kind=RunKind(row[1]),
        state=RunState(row[2]),
        made_at=from_epoch_us(row[3]),
        made_by=row[4],
        moved_at=from_epoch_us(row[5]),
        selection=selection_from(row[6]),
        prices=row[7],
        newest_call=row[8],
        looked_at=row[9],
        done=row[10],
    )


def selection_text(selection: Selection) -> str:
    """JSON of what is chosen; what is not is left out."""
    written: dict[str, Any] = {
        name: getattr(selection, name)
        for name in selection.__dataclass_fields__
        if getattr(selection, name) is not None
    }
    for name in ("since", "until"):
        if name in written:
            written[name] = epoch_us(written[name])
    return json.dumps(written)


def selection_from(text: str) -> Selection:
    """From its JSON."""
    written: dict[str, Any] = json.loads(text)
    for name in ("since", "until"):
        if name in written:
            written[name] = from_epoch_us(written[name])
    if "reason" in written:
        written["reason"] = CallStatus(written["reason"])
    return Selection(**written)


def difference_row(difference: Difference) -> Row:
    """As in DIFFERENCE_COLUMNS."""
    return (
        difference.account,
        difference.currency,
        difference.changed,
        difference.unpriced,
        difference.old_micros,
        difference.new_micros,
        int(difference.is_done),
    )


def difference_from(row: Row) -> Difference:
    """From DIFFERENCE_COLUMNS."""
    return Difference(
        account=row[0],
        currency=row[1],
        changed=row[2],
        unpriced=row[3],
        old_micros=row[4],
        new_micros=row[5],
        is_done=bool(row[6]),
    )


def rerated_row(
    repriced: Repriced, account: str, run: int, reversal: int | None, posting: int | None
) -> Row:
    """As in RERATED_COLUMNS; the transfers by their ids."""
    call, price = repriced.call, repriced.price
    ids = (account, call.row, run, call.micros, reversal, posting)
    return (*ids, *price_row(price), call.bundle_micros, repriced.bundle_micros)


def priced_calls_from(text: str) -> list[PricedCall]:
    """From what `rerating_queries.priced_page` finds, by answer."""
    return [_priced_call_from(row) for row in sorted(json.loads(text), key=_POSITION)]


def _priced_call_from(row: Sequence[Any]) -> PricedCall:
    row_id, key, pbx, trunk, number, answered_us, ended_us, micros, last_run, *rest = row
    talk_us = max(0, ended_us - answered_us)
    answered_at = from_epoch_us(answered_us)
    told = (row_id, key, pbx, trunk, number, answered_us, answered_at, talk_us, micros, last_run)
    invoiced, debited, revenue, bundle_micros, held, *caller = rest
    return PricedCall(*told, invoiced, debited, revenue, bundle_micros, draws_from(held), *caller)


def waiting_call_from(row: Row) -> WaitingCall:
    """From the columns of `rerating_queries.waiting_page`."""
    return WaitingCall(Position(row[0], row[1]), call_from(row[2:]))
