"""Limits are crossed once, downwards."""

from __future__ import annotations

import pytest

from balance.thresholds import fell_below, is_exhausted, told
from rtbill.domain.account import AccountKind
from rtbill.domain.money import parse_micros
from tests.fakes.builders import a_state, an_account


@pytest.mark.parametrize(
    ("before", "after", "is_crossing"),
    [
        ("1.50", "0.99", True),
        ("1.00", "0.99", True),
        ("1.50", "1.00", False),
        ("0.99", "0.50", False),
        ("0.50", "1.50", False),
    ],
)
def test_only_the_movement_that_passes_the_threshold_counts(
    before: str,
    after: str,
    is_crossing: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert fell_below(a_state(before), a_state(after), 1_000_000) is is_crossing


def test_a_balance_that_swings_about_the_threshold_is_told_once() -> None:
    state, heard = a_state("1.50"), 0
    for balance in ("0.99", "1.05", "0.98", "1.09", "0.97"):
        after = told(state, state._replace(balance_micros=parse_micros(balance)), 1_000_000)
        heard += after.is_told_low and not state.is_told_low
        state = after
    assert heard == 1


def test_a_tenth_above_the_threshold_it_is_told_again_the_next_time() -> None:
    state = a_state("0.99")._replace(is_told_low=True)
    state = told(state, state._replace(balance_micros=1_100_000), 1_000_000)
    assert not state.is_told_low
    state = told(state, state._replace(balance_micros=999_999), 1_000_000)
    assert state.is_told_low


def test_the_credit_limit_counts_as_money() -> None:
    account = an_account(kind=AccountKind.POSTPAID, limit="50.00")

    assert not is_exhausted(a_state("-49.98", account), 10_000)
    assert is_exhausted(a_state("-49.995", account), 10_000)


def test_exactly_the_smallest_amount_is_not_exhausted() -> None:
    assert not is_exhausted(a_state("0.01"), 10_000)
    assert is_exhausted(a_state("0.009999"), 10_000)
