"""Declared mappings: every mistake by its place."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.errors import ConfigError
from rtbill.formats.sheet_mapping import Source, read_sheet_mapping

GOOD: dict[str, Any] = {
    "prefix": {"column": "Code"},
    "destination": {"columns": ["Country", "Network"]},
    "price": {"column": "Rate"},
    "increments": {"first": "First", "next": "Next"},
    "columns": {"days": "Days"},
    "constants": {"min_seconds": "30"},
}
OURS = ("days", "hours", "min_seconds")


def problems(**changes: Any) -> list[str]:
    """What is wrong with the good mapping after these changes; None takes a table away."""
    document = {key: value for key, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(ConfigError) as refused:
        read_sheet_mapping(document, OURS)
    return refused.value.problems


def test_columns_and_constants_of_our_own_files_are_filled() -> None:
    mapping = read_sheet_mapping(GOOD, OURS)
    assert mapping.others == {"days": Source("Days"), "min_seconds": Source(None, "30")}
    assert mapping.increments == (Source("First"), Source("Next"))
    assert mapping.connect_fee == Source(None, "0")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"prefix": None}, "prefix.column: is missing: a name of the header row, or a number fro"),
        ({"prefix": {"column": 0}}, "prefix.column: 0 is neither a name of the header row nor a"),
        ({"prefix": {"column": 1, "destinations": "x"}}, "prefix.destinations: stands beside col"),
        ({"prefix": {"column": 1, "dash": "x"}}, "prefix.dash: 'x' is not 'range' or 'blank'"),
        ({"prefix": {"column": 1, "before": "+49"}}, "prefix.before: '+49' is not digits, such a"),
        ({"price": {"column": 1, "unit_s": 7}}, "price.unit_s: 7 s does not divide a day"),
        ({"price": {"column": 1, "divide_by": 0}}, "price.divide_by: 0 is not a whole number fro"),
        ({"price": {"colum": 1}}, "price.colum: is no key here; the keys are column, unit_s, div"),
        ({"increments": {"value": "60"}}, "increments.value: '60' is not like 60/1"),
        ({"increments": {"value": "6/6", "first": 1}}, "increments.value: give one of"),
        ({"increments": None}, "increments.value: give one of"),
        ({"increments": {"first": 1}}, "increments.next: is missing"),
        ({"currency": {"value": "XXX"}}, "currency.value: unknown currency 'XXX'"),
        ({"connect_fee": {"value": "0", "column": 1}}, "connect_fee.value: stands beside column"),
        ({"valid_from": {"column": 1, "format": "%d.%m."}}, "valid_from.format: '%d.%m.' lacks"),
        ({"decimal": ";"}, "decimal: ';' is not '.' or ','"),
        ({"header": False}, "header: is false, but columns are named: 'Code', 'Rate', 'First'"),
        ({"columns": {"price": "x"}}, "columns.price: is no key here; the keys are days, hours"),
        ({"constants": {"days": "mon"}}, "constants.days: stands in [columns] as well"),
        ({"destination": {}}, "destination.columns: is a list of columns"),
        ({"encoding": "hex"}, "encoding: 'hex' is not a text encoding"),
        ({"skip_rows": -1}, "skip_rows: -1 is not a whole number from 0"),
    ],
)
def test_a_mistake_is_named_by_its_place(changes: dict[str, Any], problem: str) -> None:
    assert any(each.startswith(problem) for each in problems(**changes)), problems(**changes)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems(prefix=None, decimal="x", price={"column": True})) == 3
