"""Copies of a list at other prices."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.domain.tariff import Step
from rtbill.rating.markup import marked_up, raised, read_percent
from rtbill.rating.tariff_file import export, read_tariff
from tests.unit.rating.builders import a_rate, some_terms


@pytest.mark.parametrize(
    ("micros", "percent", "after"),
    [
        (100_000, "12.5", 112_500),
        (19_000, "-100", 0),
        (1, "50", 2),
        (1, "49.999999", 1),
        (3, "-50", 2),
        (333_333, "0.0001", 333_333),
        (333_333, "0.0002", 333_334),
    ],
)
def test_prices_are_raised_exactly_and_rounded_half_up(
    micros: int, percent: str, after: int
) -> None:
    assert raised(micros, read_percent(percent)) == after


def test_every_amount_of_the_terms_is_raised_and_nothing_else() -> None:
    terms = some_terms(
        "60/1",
        "0.10",
        "0.20",
        disconnect_fee_micros=1_000_000,
        disconnect_after_s=9,
        charge_min_micros=40_000,
        charge_max_micros=2_000_000,
        charge_max_ends=True,
        recurring_fee_micros=30_000,
        recurring_every_s=60,
        added_s=3,
        free_s=7,
    )
    (rate,) = marked_up([a_rate()], Fraction(0))
    assert rate == a_rate()
    two_steps = (*terms.steps, Step(60, 50_000, 60, 6))

    (found,) = marked_up([replace(a_rate(), terms=replace(terms, steps=two_steps))], Fraction(10))
    assert found.terms == some_terms(
        "60/1",
        "0.11",
        "0.22",
        steps=(Step(0, 110_000, 60, 1), Step(60, 55_000, 60, 6)),
        disconnect_fee_micros=1_100_000,
        disconnect_after_s=9,
        charge_min_micros=44_000,
        charge_max_micros=2_200_000,
        charge_max_ends=True,
        recurring_fee_micros=33_000,
        recurring_every_s=60,
        added_s=3,
        free_s=7,
    )


def test_a_fee_that_comes_to_nothing_leaves_no_seconds_behind() -> None:
    terms = some_terms(
        recurring_fee_micros=1,
        recurring_every_s=60,
        disconnect_fee_micros=1,
        disconnect_after_s=30,
    )
    (found,) = marked_up([replace(a_rate(), terms=terms)], Fraction(-100))

    assert read_tariff(export([found])).rates == (found,)


@pytest.mark.parametrize("text", ["", "x", "1e3", "12,5", "-100.5", "½"])
def test_what_is_no_markup_is_refused(text: str) -> None:
    with pytest.raises(BadRecord, match="markup"):
        read_percent(text)
