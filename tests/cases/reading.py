"""Case files: a tariff, a call, and what the call must cost, with where that is known from.

    {"schema": "anchors-cases/1", "cases": [{"id": "cgr-001", "kind": "cost", "source": {…},
     "tariff": {…}, "call": {…}, "expect": {"cost": "2701", …}}, …]}

The shape of `tariff` is that of the program the case comes from. `anchors-oracle/1` is one tariff
with many calls; its rows become cases `oracle-cost-0`, `oracle-max-0` and so on, counted from 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
"""A JSON object; numbers with a point are Decimal."""
_ORACLE_DIGITS = 5
"""Decimals of an increment, as the oracle's program was set up."""


class BadCaseFile(Exception):
    """The file cannot be read as cases; one sentence that names the place."""


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A tariff that many cases have in common; the same only if the same object."""

    tariff: Record


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One case as its file has it."""

    id: str
    kind: str
    tariff: Record
    calls: Sequence[Record]
    """Nearly always one."""
    expect: Record
    balances: Sequence[Record] = ()
    increment_digits: int | None = None
    """Decimals to which the surveyed program rounds every increment; None for none."""


def read_cases(path: Path) -> list[Case]:
    """Every case of a file in its order; BadCaseFile when it holds none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise BadCaseFile(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadCaseFile(f"{path} is not JSON: {error}") from error
    schema = str(document.get("schema")) if isinstance(document, dict) else ""
    if schema not in _READERS:
        raise BadCaseFile(f"{path} has the schema {schema!r}; {' and '.join(_READERS)} are read")
    found: list[Case] = []
    try:
        found.extend(_READERS[schema](document))
    except KeyError as error:
        raise BadCaseFile(f"{path}: case {len(found)} has no {error.args[0]!r}") from error
    if not found:
        raise BadCaseFile(f"{path} holds no case")
    return found


def _cases(document: Record) -> Iterator[Case]:
    for record in document.get("cases", ()):
        call = record["call"]
        model = record.get("rounding_model", {})
        yield Case(
            id=record["id"],
            kind=record["kind"],
            tariff=record["tariff"] or {},
            calls=call if isinstance(call, list) else [call],
            expect=record["expect"],
            balances=record.get("balances", ()),
            increment_digits=model.get("increment_decimals"),
        )


def _rows(document: Record) -> Iterator[Case]:
    """The calls of an oracle file."""
    tariff = {"shared": Shared(document["tariff"])}
    for place, row in enumerate(document["cost_rows"]):
        yield Case(
            id=f"oracle-cost-{place}",
            kind="cost",
            tariff=tariff,
            calls=[_call_of(row, row["usage"])],
            expect={
                "cost": row["cgrates_cost"],
                "exact_cost": row["exact_cost"],
                "prefix": row["prefix"],
            },
            increment_digits=_ORACLE_DIGITS,
        )
    for place, row in enumerate(document["max_usage_rows"]):
        yield Case(
            id=f"oracle-max-{place}",
            kind="max_usage",
            tariff=tariff,
            calls=[_call_of(row, row["asked"])],
            expect={
                "max_usage": row["exact_max_usage"],
                "cgrates_max_usage": row["cgrates_max_usage"],
            },
            balances=[{"id": "money", "type": "money", "value": row["balance"]}],
            increment_digits=_ORACLE_DIGITS,
        )


def _call_of(row: Record, usage: int) -> Record:
    return {"destination": row["dest"], "start": row["start"], "usage": usage}


_READERS: Mapping[str, Callable[[Record], Iterator[Case]]] = {
    "anchors-cases/1": _cases,
    "anchors-oracle/1": _rows,
}
"""By schema."""
