"""What calls take of bundles, to rows and back."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rtbill.domain.bundle import Draw, PoolKey, PostedDraw, Unit
from rtbill.domain.call import from_epoch_us
from rtbill.storage.bulk import Row

DRAW_COLUMNS = "call, run, allowance, period, unit, amount, posted_at"
HELD_DRAWS = """
    (SELECT json_group_array(json_array(allowance, period, unit, amount)) FROM (
        SELECT allowance, period, unit, sum(amount) AS amount FROM draw WHERE draw.call = key
        GROUP BY allowance, period HAVING sum(amount) <> 0 ORDER BY max(draw.id)
    ))
"""
"""An expression on a call's `key`: what it holds now, in the order of use."""
NO_DRAWS = "[]"


def draw_rows(
    call: str, run: int | None, draws: Iterable[Draw], posted_at_us: int, sign: int = 1
) -> list[Row]:
    """As in DRAW_COLUMNS; with sign -1 they are given back."""
    return [
        (call, run, *draw.pool, draw.unit.value, sign * draw.amount, posted_at_us) for draw in draws
    ]


def draws_from(text: str | None) -> tuple[Draw, ...]:
    """From HELD_DRAWS."""
    if text is None or text == NO_DRAWS:
        return ()
    return tuple(
        Draw(PoolKey(allowance, period), Unit(unit), amount)
        for allowance, period, unit, amount in json.loads(text)
    )


def posted_draw_from(row: Row) -> PostedDraw:
    """From DRAW_COLUMNS."""
    draw = Draw(PoolKey(row[2], row[3]), Unit(row[4]), row[5])
    return PostedDraw(row[0], draw, from_epoch_us(row[6]))
