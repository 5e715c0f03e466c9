"""Patterns of extensions: which numbers fit."""

from __future__ import annotations

import re

import pytest

from rtbill.domain.extension_pattern import as_expression, matches


@pytest.mark.parametrize(
    ("pattern", "number"),
    [("1xxx", "1001"), ("*9x", "*97"), ("1*", "1*"), ("1***", "1***"), ("#1", "#1"), ("x", "0")],
)
def test_x_is_any_digit_and_all_else_is_itself(pattern: str, number: str) -> None:
    assert matches(number, ["9", pattern])
    assert re.fullmatch(as_expression(pattern), number)


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        *(("1xxx", number) for number in ("10011", "100", "1xxx", "100a", "100\u0663", "1001\n")),
        *(("1*", number) for number in ("1", "11", "1**")),
    ],
)
def test_no_other_number_fits(pattern: str, number: str) -> None:
    assert not matches(number, ["9", pattern])


def test_without_a_pattern_nothing_fits() -> None:
    assert not matches("1001", [])
