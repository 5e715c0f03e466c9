"""Codes, PINs and trunks in an accounts file: columns `code`, `pin` and `trunk`, each of the row's
account, person and days. A PIN never stands in a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import combinations

from rtbill.domain.csv_rows import Problem
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.origin import CODE
from rtbill.domain.payer_key import Binding, KeyKind, PayerKey
from rtbill.domain.pins import Pins

KEY_COLUMNS = ("code", "pin", "trunk")


def read_bindings(
    cells: Mapping[str, str],
    pins: Pins,
    dates: tuple[datetime, datetime | None],
    texts: list[str],
) -> list[Binding]:
    """The keys of a row that hold between these instants; what is wrong is added to the texts."""
    found = []
    for column in KEY_COLUMNS:
        if not cells.get(column):
            continue
        try:
            key = _key(KeyKind(column), cells, pins)
        except (BadRecord, Refused) as wrong:
            texts.append(f"{column}: {wrong}")
            continue
        since, until = dates
        found.append(
            Binding(
                account=cells["account"],
                key=key,
                valid_from=since,
                valid_until=until,
                person=cells["person"] or None,
            )
        )
    return found


def _key(kind: KeyKind, cells: Mapping[str, str], pins: Pins) -> PayerKey:
    value = cells[kind.value]
    if kind is KeyKind.PIN:
        return pins.key(value)
    if kind is KeyKind.TRUNK:
        if not cells["pbx"]:
            raise BadRecord("is given, but no pbx")
        return PayerKey(kind, value, cells["pbx"])
    if not CODE.fullmatch(value):
        raise BadRecord(f"{value!r} is no account code: 1 to 24 digits, letters, * and #")
    return PayerKey(kind, value)


def bound_twice(bound: Sequence[tuple[int, Binding]]) -> list[Problem]:
    """Rows that claim the same key at the same time; each problem names both lines."""
    by_key: dict[PayerKey, list[tuple[int, Binding]]] = {}
    for line, binding in bound:
        by_key.setdefault(binding.key, []).append((line, binding))
    return [
        Problem(line, f"{key} stands for an account already at that time in line {earlier}")
        for key, rows in by_key.items()
        for (earlier, one), (line, other) in combinations(rows, 2)
        if one.overlaps(other)
    ]


def key_cells(binding: Binding) -> dict[str, str]:
    """The cells of an export; nothing of a PIN, which nobody knows any more."""
    key = binding.key
    if key.kind is KeyKind.PIN:
        return {}
    cells = {key.kind.value: key.value}
    return cells | {"pbx": key.pbx} if key.pbx else cells
