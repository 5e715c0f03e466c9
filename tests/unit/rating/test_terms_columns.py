"""The columns that say what a call costs: every one of them, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.tariff import Counting, Step, Terms
from rtbill.rating.tariff_file import rate_text
from rtbill.rating.terms_columns import MORE_COLUMNS, terms_cells
from tests.unit.rating.builders import a_rate, some_terms
from tests.unit.rating.tariff_lines import problems, rates

PLAIN_TERMS = Terms.per_minute(60_000, 60, 1)


def terms(**cells: str) -> Terms:
    (rate,) = rates(cells)
    return rate.terms


def mistakes(**cells: str) -> list[str]:
    found = problems(cells)
    assert all(text.startswith("line 2: ") for text in found)
    return [text.removeprefix("line 2: ") for text in found]


def test_columns_left_empty_say_nothing() -> None:
    assert terms(**dict.fromkeys(MORE_COLUMNS, "")) == PLAIN_TERMS
    assert PLAIN_TERMS.is_plain


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"counting": "from_zero"}, {"counting": Counting.FROM_ZERO}),
        ({"counting": "AFTER_FIRST"}, {}),
        ({"free_seconds": "10"}, {"free_s": 10}),
        ({"free_seconds": "0"}, {}),
        ({"min_seconds": "30"}, {"billable_min_s": 30}),
        ({"grace_seconds": "3"}, {"grace_s": 3}),
        ({"min_charge": "0.05"}, {"charge_min_micros": 50_000}),
        ({"max_charge": "2.5"}, {"charge_max_micros": 2_500_000}),
        ({"max_charge": "0"}, {"charge_max_micros": 0}),
        ({"min_charge": "1", "max_charge": "1"}, {"charge_min_micros": 10**6}),
        ({"disconnect_fee": "0.000001"}, {"disconnect_fee_micros": 1}),
        (
            {"disconnect_fee": "0.1", "disconnect_after": "60"},
            {"disconnect_fee_micros": 100_000, "disconnect_after_s": 60},
        ),
        ({"max_charge": "2", "at_max_charge": "free"}, {"charge_max_ends": False}),
        ({"max_charge": "2", "at_max_charge": "Ends"}, {"charge_max_ends": True}),
        (
            {"recurring_fee": "0.01", "recurring_every": "60"},
            {"recurring_fee_micros": 10_000, "recurring_every_s": 60},
        ),
        ({"added_seconds": "3"}, {"added_s": 3}),
        ({"max_duration": "3600"}, {"call_max_s": 3600}),
        ({"max_duration": "86400"}, {"call_max_s": 86_400}),
    ],
)
def test_each_column_says_one_thing(cells: dict[str, str], expected: dict[str, Any]) -> None:
    read = terms(**cells)
    named = {name: getattr(read, name) for name in expected}
    assert named == expected


def test_a_price_may_be_for_another_unit_than_the_minute() -> None:
    assert terms(unit="1", price_per_minute="0.001").steps == (Step(0, 1_000, 1, 1),)
    assert terms(unit="3600").steps == (Step(0, 60_000, 3600, 1),)


def test_steps_follow_the_price_that_every_line_has() -> None:
    assert terms(steps="60:0.05/60/1 900:0.02/30/6").steps == (
        Step(0, 60_000, 60, 1),
        Step(60, 50_000, 60, 1),
        Step(900, 20_000, 30, 6),
    )


def test_with_semicolons_prices_of_steps_and_fees_may_have_a_decimal_comma() -> None:
    (rate,) = rates(
        {"price_per_minute": "0,06", "steps": "60:0,05/60/1", "min_charge": "0,10"}, delimiter=";"
    )
    assert rate.terms.steps[1].price_micros == 50_000
    assert rate.terms.charge_min_micros == 100_000


@pytest.mark.parametrize(
    "column",
    [
        "connect_fee",
        "price_per_minute",
        "min_charge",
        "max_charge",
        "disconnect_fee",
        "recurring_fee",
    ],
)
def test_no_amount_is_negative_too_large_or_anything_but_an_amount(column: str) -> None:
    assert mistakes(**{column: "-0.01"}) == [f"{column} -0.01 is negative"]
    assert mistakes(**{column: "1000000.01"}) == [f"{column} 1000000.01 is above 1000000"]
    assert mistakes(**{column: "1e3"}) == [f"{column} '1e3' is not an amount; write it like 12.50"]
    assert mistakes(**{column: "0.0000001"}) == [
        f"{column} '0.0000001' is not a whole number of millionths of the currency unit"
    ]
    assert mistakes(**{column: "0,05"}) == [
        f"{column} '0,05' is not an amount; write it like 12.50"
    ]


@pytest.mark.parametrize(
    ("column", "least"),
    [
        ("first_increment", 1),
        ("next_increment", 1),
        ("unit", 1),
        ("free_seconds", 0),
        ("min_seconds", 0),
        ("grace_seconds", 0),
        ("disconnect_after", 0),
        ("recurring_every", 1),
        ("added_seconds", 0),
        ("max_duration", 1),
    ],
)
@pytest.mark.parametrize("cell", ["-1", "1.5", "1e2", "86401", "9999999", "\u0663", "1 0"])
def test_seconds_are_whole_and_no_more_than_a_day(column: str, least: int, cell: str) -> None:
    assert mistakes(**{column: cell}) == [
        f"{column} {cell!r} is not a whole number of seconds from {least} to 86400"
    ]


@pytest.mark.parametrize(
    "column", ["first_increment", "next_increment", "unit", "recurring_every", "max_duration"]
)
def test_seconds_of_which_there_must_be_one_are_not_zero(column: str) -> None:
    assert mistakes(**{column: "0"}) == [
        f"{column} '0' is not a whole number of seconds from 1 to 86400"
    ]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"price_per_minute": ""}, "price_per_minute is empty; write 0 for free"),
        ({"connect_fee": ""}, "connect_fee is empty; write 0 for free"),
        (
            {"first_increment": ""},
            "first_increment '' is not a whole number of seconds from 1 to 86400",
        ),
        ({"unit": "7"}, "unit of 7 s does not divide a day; write 60 for prices a minute"),
        (
            {"steps": "60:0.05/7/1"},
            "steps: a unit of 7 s does not divide a day; write 60 for prices a minute",
        ),
        (
            {"steps": "60:0.05/0/1"},
            "steps: a unit of 0 s does not divide a day; write 60 for prices a minute",
        ),
        ({"steps": "60:0.05/60/0"}, "steps: an increment of 0 s is not from 1 to 86400"),
        ({"steps": "60:0.05/60/86401"}, "steps: an increment of 86401 s is not from 1 to 86400"),
        (
            {"steps": "900:0.02/60/6 60:0.05/60/1"},
            "steps: each must begin later than the one before",
        ),
        (
            {"steps": "60:0.05/60/1 60:0.02/60/1"},
            "steps: each must begin later than the one before",
        ),
        ({"steps": "0:0.05/60/1"}, "steps: each must begin later than the one before"),
        ({"steps": "60:1.2.3/60/1"}, "steps '1.2.3' is not an amount; write it like 12.50"),
        ({"steps": "60:0,05/60/1"}, "steps '0,05' is not an amount; write it like 12.50"),
        ({"steps": "60:2000000/60/1"}, "steps 2000000 is above 1000000"),
        (
            {"steps": "60:-0.05/60/1"},
            "steps: '60:-0.05/60/1' is not like 60:0.05/60/1 (from second 60 on 0.05 for 60 s, "
            "by 1 s)",
        ),
        (
            {"steps": "60:0.05"},
            "steps: '60:0.05' is not like 60:0.05/60/1 (from second 60 on 0.05 for 60 s, by 1 s)",
        ),
        ({"counting": "sometimes"}, "counting 'sometimes' is not after_first or from_zero"),
        ({"min_charge": "1", "max_charge": "0.99"}, "max_charge is below min_charge"),
        ({"disconnect_after": "60"}, "disconnect_after has no disconnect_fee"),
        ({"recurring_every": "60"}, "recurring_every has no recurring_fee"),
        (
            {"recurring_fee": "0.01"},
            "recurring_fee has no recurring_every; write for how many seconds it is",
        ),
        ({"at_max_charge": "ends"}, "at_max_charge has no max_charge"),
        ({"at_max_charge": "stops"}, "at_max_charge 'stops' is not free or ends"),
        (
            {"connect_fee": "0.05", "max_charge": "0.109999", "at_max_charge": "ends"},
            "max_charge 0.109999 does not pay a second, and where it ends the call none is "
            "possible",
        ),
    ],
)
def test_a_mistake_is_named_with_its_column(cells: dict[str, str], text: str) -> None:
    assert mistakes(**cells) == [text]


def test_every_mistake_of_a_line_is_named_at_once() -> None:
    found = mistakes(price_per_minute="x", unit="0", counting="x", grace_seconds="x", steps="x")
    assert [text.split()[0] for text in found] == [
        "counting",
        "grace_seconds",
        "price_per_minute",
        "steps:",
        "unit",
    ]


def test_an_increment_left_open_is_written_as_that_of_the_price() -> None:
    cells = terms_cells(some_terms("60/6", first_increment_s=0))
    assert (cells["first_increment"], cells["next_increment"]) == ("6", "6")


def test_terms_are_told_with_all_that_there_is_to_them() -> None:
    everything = some_terms(
        "60/6",
        "0.06",
        "0.05",
        counting=Counting.FROM_ZERO,
        free_s=10,
        charge_max_micros=0,
        charge_max_ends=True,
        recurring_fee_micros=10_000,
        recurring_every_s=60,
        added_s=3,
        call_max_s=3600,
    )
    rate = a_rate(prefix="41")
    told = rate_text(type(rate)(prefix="41", destination="Swiss", terms=everything))
    assert told == (
        "41 Swiss 0.06/min 60/6 + 0.05, counting from_zero, free_seconds 10, max_charge 0.00, "
        "at_max_charge ends, recurring_fee 0.01, recurring_every 60, added_seconds 3, "
        "max_duration 3600"
    )
    (hourly,) = rates({"unit": "3600", "steps": "60:0.5/1/1"})
    assert rate_text(hourly) == "49 Germany 0.06/3600 s 60/1, steps 60:0.50/1/1"
