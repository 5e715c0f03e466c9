"""What an order about a tariff may say, checked; and what it changes for all rates at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import RoundingMode
from rtbill.domain.tariff import Rounding, Tariff

Arguments = Mapping[str, Any]
LINES_MAX = 1_000_000
_DIGITS_MAX = 6
_EXACT = "exact"


def line_numbers(arguments: Arguments) -> list[int] | None:
    """Where each line stood in the sheet that the text was made of: from runs of lines that follow
    one another, each its first number and how many there are.
    """
    runs = arguments.get("lines")
    if runs is None:
        return None
    found: list[int] = []
    for run in runs if isinstance(runs, list) else [None]:
        match run:
            case [int(first), int(count)] if first > 0 and 0 < count <= LINES_MAX - len(found):
                found += range(first, first + count)
            case _:
                raise BadRecord(f"lines: {run!r} is not the first line of a run and their number")
    return found


def runs_of(lines: Sequence[int]) -> list[list[int]]:
    """The runs of such numbers."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == sum(runs[-1]):
            runs[-1][1] += 1
        else:
            runs.append([line, 1])
    return runs


def whole_number(arguments: Arguments, name: str, otherwise: int) -> int | None:
    """A whole number; None for `all`."""
    value = arguments.get(name, otherwise)
    if value == "all":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRecord(f"{name} {value!r} is not a whole number from 0")
    return value


def rounding(before: Rounding, arguments: Arguments) -> Rounding:
    """As before, but for what the arguments say; BadRecord names one that cannot be meant."""
    found = before
    mode = arguments.get("rounding")
    if mode is not None:
        if mode not in list(RoundingMode):
            raise BadRecord(f"rounding {mode!r} is not one of: {', '.join(RoundingMode)}")
        found = replace(found, mode=RoundingMode(mode))
    digits = arguments.get("digits")
    if digits is not None:
        found = replace(found, digits=_digits("digits", digits))
    of_increments = arguments.get("increment_digits")
    if of_increments is not None:
        is_exact = of_increments == _EXACT
        kept = None if is_exact else _digits("increment_digits", of_increments)
        found = replace(found, increment_digits=kept)
    return found


def _digits(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _DIGITS_MAX:
        return value
    exact = f", or {_EXACT}" if name == "increment_digits" else ""
    raise BadRecord(f"{name} {value!r} is not a whole number from 0 to {_DIGITS_MAX}{exact}")


def flag(arguments: Arguments, name: str) -> bool | None:
    value = arguments.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise BadRecord(f"{name} {value!r} is neither true nor false")


def changes(before: Tariff, after: Tariff) -> list[str]:
    """What holds for all rates and becomes another: `rounding half_up -> up`."""
    return [
        f"{name} {old} -> {new}"
        for (name, old), new in zip(_terms(before).items(), _terms(after).values(), strict=True)
        if old != new
    ]


def _terms(tariff: Tariff) -> dict[str, str]:
    of_increments = tariff.rounding.increment_digits
    return {
        "currency": tariff.currency,
        "zone": tariff.zone,
        "rounding": str(tariff.rounding.mode),
        "digits": str(tariff.rounding.digits),
        "increment digits": _EXACT if of_increments is None else str(of_increments),
        "split increments": "yes" if tariff.splits_increments else "no",
    }
