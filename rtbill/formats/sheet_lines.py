"""Which lines of a rate sheet count: those that hold on a day, each once."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

COMMON_COLUMNS = (
    *("prefix", "destination", "connect_fee", "price_per_minute"),
    *("first_increment", "next_increment"),
)
"""Of our own files; every file has them."""


class SheetLine(NamedTuple):
    """One prefix of one row."""

    number: int
    cells: tuple[str, ...]
    """As COMMON_COLUMNS and the columns after them have it."""
    valid_from: date | None


def holding(
    lines: list[SheetLine], today: date, wanted: date | None
) -> tuple[list[SheetLine], date | None, list[str]]:
    """The lines that hold on a day, the newest of each prefix; the day, where all lines name one
    day to come and nobody asked for another; and what was left out.
    """
    days = sorted({line.valid_from for line in lines if line.valid_from is not None})
    if not days:
        return lines, None, []
    common = days[0] if len(days) == 1 and days[0] > today and wanted is None else None
    day = wanted or common or today
    newest: dict[tuple[str, tuple[str, ...]], date] = {}
    later: dict[date, int] = {}
    for line in lines:
        begins = line.valid_from or date.min
        if begins > day:
            later[begins] = later.get(begins, 0) + 1
            continue
        key = (line.cells[0], line.cells[len(COMMON_COLUMNS) :])
        newest[key] = max(begins, newest.get(key, date.min))
    kept = [
        line
        for line in lines
        if newest.get((line.cells[0], line.cells[len(COMMON_COLUMNS) :]))
        == (line.valid_from or date.min)
    ]
    notes = [
        f"{count} rates begin to hold on {begins} and are left out; import the sheet again with "
        f"--from {begins}"
        for begins, count in sorted(later.items())[:5]
    ]
    older = len(lines) - len(kept) - sum(later.values())
    if older:
        notes.append(f"{older} rates are left out because a newer one of their prefix holds")
    return kept, common, notes


def once(lines: list[SheetLine]) -> tuple[list[SheetLine], list[str]]:
    """The lines without those that say the same again."""
    seen: set[tuple[str, ...]] = set()
    kept: list[SheetLine] = []
    again: list[int] = []
    for line in lines:
        if line.cells in seen:
            again.append(line.number)
        else:
            seen.add(line.cells)
            kept.append(line)
    if not again:
        return kept, []
    where = ", ".join(map(str, again[:10])) + (" …" if len(again) > 10 else "")
    return kept, [f"{len(again)} rates say what another line says, and count once: lines {where}"]
