"""How long a call may last whatever the money."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from rtbill.domain.errors import NoRate
from rtbill.domain.tariff import Rate, Step
from rtbill.rating.chain import Asked
from rtbill.rating.longest import Ceiling, below_ceiling_s, longest_s
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.unit.rating.builders import (
    NOON,
    a_band,
    a_discount,
    a_markup,
    a_plan,
    a_rate,
    a_table,
    a_tax,
    some_terms,
    utc,
)

NUMBER = "+441632960000"
EVENING = utc("2026-05-13T17:59:30")


def a_list(increments: str = "60/60", per_minute: str = "0.60", **more: Any) -> RateTable:
    terms = some_terms(increments, per_minute, **more)
    return a_table(Rate(prefix="44", destination="Anywhere", terms=terms))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (a_list(), None),
        (a_list(call_max_s=600), 600),
        (a_list(call_max_s=86_400), 86_400),
        (a_list(charge_max_micros=1_000_000), None),
        (a_list(charge_max_micros=1_000_000, charge_max_ends=True), 60),
        (a_list("60/1", charge_max_micros=1_000_000, charge_max_ends=True), 100),
        (a_list("60/1", charge_max_micros=1_000_000, charge_max_ends=True, call_max_s=90), 90),
        (a_list(per_minute="0", charge_max_micros=0, charge_max_ends=True), None),
        (
            a_list(
                "1/1",
                "0",
                charge_max_micros=29_999,
                charge_max_ends=True,
                recurring_fee_micros=10_000,
                recurring_every_s=30,
            ),
            89,
        ),
    ],
)
def test_a_rate_ends_a_call_by_its_length_or_its_greatest_charge(
    table: RateTable, expected: int | None
) -> None:
    assert longest_s(table, NUMBER, NOON) == expected


def test_a_greatest_charge_is_spent_faster_in_a_dearer_band() -> None:
    terms = some_terms("1/1", "0.06", charge_max_micros=60_000, charge_max_ends=True)
    day = Rate(prefix="44", destination="Day", terms=terms, band=a_band("8-18"))
    table = a_table(day, a_rate("1/1", "0.60"))

    assert longest_s(table, NUMBER, NOON) == 60
    assert longest_s(table, NUMBER, EVENING) == 33  # 30 s 0.03, then 3 x 0.01


def test_markup_and_tax_do_not_count_against_the_greatest_charge() -> None:
    table = a_list("60/1", charge_max_micros=1_000_000, charge_max_ends=True)
    plan = a_plan(markups=(a_markup("100"),), tax=a_tax("25"))

    assert Offer([table], plan).longest_s(Asked(NUMBER, NOON)) == 100
    assert Offer([table], plan).affordable_s(Asked(NUMBER, NOON), 10**9) == 100


@pytest.mark.parametrize(("ceiling", "expected"), [(599_999, 0), (600_000, 1000)])
def test_a_price_at_the_ceiling_is_not_above_it(ceiling: int, expected: int) -> None:
    assert below_ceiling_s(a_list(), NUMBER, NOON, Ceiling(ceiling), 1000) == expected


def test_a_price_is_compared_by_the_minute_whatever_its_unit() -> None:
    hourly = a_list(steps=(Step(0, 36_000_000, 3600, 60),), first_increment_s=0)

    assert below_ceiling_s(hourly, NUMBER, NOON, Ceiling(600_000), 1000) == 1000
    assert below_ceiling_s(hourly, NUMBER, NOON, Ceiling(599_999), 1000) == 0


def test_fees_that_are_due_once_do_not_count_and_a_recurring_one_does() -> None:
    once = a_list(connect_fee_micros=5_000_000, disconnect_fee_micros=5_000_000)
    assert below_ceiling_s(once, NUMBER, NOON, Ceiling(600_000), 1000) == 1000

    again = a_list(recurring_fee_micros=50_000, recurring_every_s=30)  # 0.10 a minute
    assert below_ceiling_s(again, NUMBER, NOON, Ceiling(700_000), 1000) == 1000
    assert below_ceiling_s(again, NUMBER, NOON, Ceiling(699_999), 1000) == 0


def test_a_call_is_ended_when_the_last_increment_before_a_dearer_band_is_full() -> None:
    table = a_table(a_rate("60/60", "0.60"), a_rate("60/60", "0.06", band=a_band("8-18")))

    # The minute that began at 17:59:30 keeps its price to its end.
    assert below_ceiling_s(table, NUMBER, EVENING, Ceiling(100_000)) == 60
    by_the_second = a_table(a_rate("1/1", "0.60"), a_rate("1/1", "0.06", band=a_band("8-18")))
    assert below_ceiling_s(by_the_second, NUMBER, EVENING, Ceiling(100_000)) == 30


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, 120), ({"free_s": 30}, 150), ({"added_s": 30}, 90), ({"billable_min_s": 121}, 0)],
)
def test_a_later_step_that_is_dearer_ends_the_call(more: dict[str, Any], expected: int) -> None:
    steps = (Step(0, 60_000, 60, 60), Step(120, 600_000, 60, 60))
    table = a_list(steps=steps, first_increment_s=0, **more)

    assert below_ceiling_s(table, NUMBER, NOON, Ceiling(100_000)) == expected


def test_the_ceiling_is_of_what_the_account_pays() -> None:
    # 0.60, half as much again and 0.10: 1.00; less a tenth 0.90; a quarter of tax: 1.125.
    plan = a_plan(
        markups=(a_markup("50", per_minute="0.10", per_call="9"),),
        discounts=(a_discount("10", accounts=frozenset({"loyal"})),),
        tax=a_tax("25"),
    )
    offer = Offer([a_list()], plan)

    def below_s(account: str, ceiling: int) -> int:
        return offer.below_ceiling_s(Asked(NUMBER, NOON, account), ceiling, 600)

    assert (below_s("loyal", 1_125_000), below_s("loyal", 1_124_999)) == (600, 0)
    assert (below_s("other", 1_250_000), below_s("other", 1_249_999)) == (600, 0)


def test_a_time_without_a_rate_is_no_dear_one_but_none_at_the_answer_is_told() -> None:
    table = a_table(a_rate("60/60", "0.06", band=a_band("8-18")))

    assert below_ceiling_s(table, NUMBER, EVENING, Ceiling(60_000), 600) == 600
    with pytest.raises(NoRate):
        below_ceiling_s(table, NUMBER, utc("2026-05-13T19:00:00"), Ceiling(60_000), 600)
    with pytest.raises(NoRate):
        longest_s(table, NUMBER, utc("2026-05-13T19:00:00"))


def test_a_ceiling_is_exact() -> None:
    ceiling = Ceiling(1_000_000, Fraction(1, 3))

    assert not ceiling.is_exceeded_by(Fraction(3_000_000))
    assert ceiling.is_exceeded_by(Fraction(3_000_000) + Fraction(1, 10**9))
