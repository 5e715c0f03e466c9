"""Holds as rows: every step, and what is open now."""

from __future__ import annotations

from rtbill.domain.call import CallId, epoch_us, from_epoch_us
from rtbill.domain.hold import Hold, HoldEvent
from rtbill.storage.bulk import Row

HOLD_EVENT_COLUMNS = "step, at, hold, account, call, micros, granted_s, is_final, opened_at"
OPEN_HOLD_COLUMNS = "key, account, call, micros, granted_s, is_final, opened_at"


def hold_event_row(event: HoldEvent, hold: Row) -> Row:
    """As in HOLD_EVENT_COLUMNS; `hold` is what it is afterwards, as in OPEN_HOLD_COLUMNS."""
    return (event.step.value, epoch_us(event.at), *hold)


def open_hold_row(hold: Hold) -> Row:
    """As in OPEN_HOLD_COLUMNS."""
    return (
        hold.key,
        hold.account,
        None if hold.call is None else str(hold.call),
        hold.micros,
        hold.granted_s,
        int(hold.is_final),
        epoch_us(hold.opened_at),
    )


def open_hold_from(row: Row) -> Hold:
    """From OPEN_HOLD_COLUMNS."""
    return Hold(
        key=row[0],
        account=row[1],
        call=None if row[2] is None else CallId(*row[2].split("/", 1)),
        micros=row[3],
        granted_s=row[4],
        is_final=bool(row[5]),
        opened_at=from_epoch_us(row[6]),
    )
