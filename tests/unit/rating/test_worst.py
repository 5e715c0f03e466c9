"""The worst price of a class of destinations, by cases reckoned by hand."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Rate, Step, TimeBand
from rtbill.rating import worst as worst_module
from rtbill.rating.course import Course, courses
from rtbill.rating.offer import Offer
from rtbill.rating.worst import OTHER, worst_prices, worst_prices_in_steps
from tests.unit.rating.builders import (
    a_band,
    a_discount,
    a_markup,
    a_plan,
    a_rate,
    a_table,
    a_tax,
    some_terms,
)

CLASSES = {"home": ["+49"], "europe": ["+43", "+41"]}


def seconds(name: str, euros: str, *rates: Rate) -> int | None:
    """How long the class may be called with this money."""
    micros = round(float(euros) * 1_000_000)
    return worst_prices(Offer([a_table(*rates)]), CLASSES).affordable_s(name, micros, 14_400)


def course(rate: Rate) -> Course:
    """The only one of a rate."""
    [found] = courses(a_table(rate), [rate])
    return found


def test_the_dearest_rate_of_the_class_counts() -> None:
    rates = [
        a_rate("60/60", price, prefix=prefix)
        for prefix, price in [("4930", "0.02"), ("4915", "0.20"), ("43", "0.50")]
    ]

    assert seconds("home", "1.00", *rates) == 300
    assert seconds("europe", "1.00", *rates) == 120


@pytest.mark.parametrize(
    ("euros", "expected"), [("0.79", 0), ("0.80", 60), ("0.8149", 61), ("0.82", 62)]
)
def test_connect_fee_and_first_increment_come_before_the_first_second(
    euros: str, expected: int
) -> None:
    assert seconds("home", euros, a_rate("60/1", "0.60", "0.20", prefix="49")) == expected


def test_which_rate_is_the_dearest_depends_on_how_long_the_call_lasts() -> None:
    by_fee = a_rate("1/1", "0.06", "0.50", prefix="4930")
    by_minute = a_rate("1/1", "0.60", "0", prefix="4940")

    assert seconds("home", "0.51", by_fee, by_minute) == 10  # the fee leaves a cent
    assert seconds("home", "1.00", by_fee, by_minute) == 100  # here the minute is dearer


def test_every_band_counts_whatever_the_hour_is_now() -> None:
    night = a_rate("60/60", "0.10", prefix="49", band=a_band("0-8"))
    day = a_rate("60/60", "0.50", prefix="49", band=a_band("8-24"))

    assert seconds("home", "1.00", night, day) == 120


def test_a_call_may_begin_in_one_band_and_pay_the_increment_of_the_next() -> None:
    fine = a_rate("1/1", "0.60", prefix="49", band=a_band("0-8"))
    coarse = a_rate("60/60", "0.60", prefix="49", band=a_band("8-24"))

    # 40 s by the second cost 0.40; the increment after them may be a minute for 0.60.
    assert seconds("home", "1.00", fine, coarse) == 41
    assert seconds("home", "0.60", fine, coarse) == 1


def test_a_rate_for_a_shorter_prefix_covers_numbers_of_the_class() -> None:
    rates = [a_rate("60/60", "1.00", prefix="4"), a_rate("60/60", "0.10", prefix="4930")]

    assert seconds("home", "1.00", *rates) == 60
    assert seconds("europe", "1.00", *rates) == 60


def test_a_shorter_prefix_does_not_count_where_a_longer_one_has_the_whole_class() -> None:
    rates = [a_rate("60/60", "1.00", prefix="4"), a_rate("60/60", "0.10", prefix="49")]

    assert seconds("home", "1.00", *rates) == 600


def test_what_no_class_names_is_other() -> None:
    rates = [a_rate("60/60", "2.00", prefix="881"), a_rate("60/60", "0.10", prefix="49")]

    assert seconds(OTHER, "2.00", *rates) == 60


def test_a_class_within_another_has_its_own_numbers() -> None:
    classes = {"home": ["+49"], "mobile": ["+4915"]}
    rates = [a_rate("60/60", "0.10", prefix="49"), a_rate("60/60", "0.50", prefix="4915")]
    worst = worst_prices(Offer([a_table(*rates)]), classes)

    assert worst.affordable_s("home", 1_000_000, 14_400) == 600
    assert worst.affordable_s("mobile", 1_000_000, 14_400) == 120


def test_a_class_without_any_rate_has_no_answer() -> None:
    assert seconds("europe", "5.00", a_rate(prefix="49")) is None
    assert seconds("unheard-of", "5.00", a_rate(prefix="49")) is None


@pytest.mark.parametrize("euros", ["0", "-5.00"])
def test_no_money_buys_free_calls_only(euros: str) -> None:
    assert seconds("home", euros, a_rate("60/60", "0.10", prefix="49")) == 0
    assert seconds("home", euros, a_rate("60/60", "0", prefix="49")) == 14_400


def test_the_rounding_of_the_price_is_the_rounding_of_the_bill() -> None:
    table = a_table(a_rate("1/1", "0.60", prefix="49"), digits=2)

    assert worst_prices(Offer([table]), CLASSES).affordable_s("home", 10_000, 60) == 1
    assert worst_prices(Offer([table]), CLASSES).affordable_s("home", 14_999, 60) == 1


def test_a_course_that_costs_less_at_every_length_is_covered() -> None:
    dear = course(a_rate("60/60", "0.60", "0.10"))
    others = [
        a_rate("60/60", "0.50", "0.10"),
        a_rate("90/60", "0.40"),
        a_rate("60/60", "0.50", "0.50"),
        a_rate("60/1", "0.01"),
        a_rate("60/1", "0.60", "0.09"),  # after the first minute it may be a second dearer
        a_rate("60/1", "0.61"),
    ]

    covered = [dear.covers(course(other)) for other in others]
    assert covered == [True, True, False, True, True, False]


def test_a_course_that_is_free_after_the_first_increment_lasts_for_ever() -> None:
    assert Course(60, 100, 60, 0).affordable_s(100, 14_400) == 14_400
    assert Course(60, 100, 60, 0).affordable_s(99, 14_400) == 0


# ---------------------------------------------------------------------- being answered


def first(name: str, *rates: Rate, plan: PricePlan | None = None) -> int | None:
    """What an answer costs at most, in micro-units."""
    return worst_prices(Offer([a_table(*rates)], plan), CLASSES).first_micros(name)


def test_an_answer_costs_the_dearest_connect_fee_and_first_increment_together() -> None:
    rates = [
        a_rate("60/60", "0.60", "0.20", prefix="4930"),  # 0.80
        a_rate("30/1", "1.00", "0.40", prefix="4915"),  # 0.90
        a_rate("1/1", "9.00", "0.70", prefix="4916"),  # 0.85
    ]

    assert first("home", *rates) == 900_000
    assert first("europe", *rates) is None


def test_an_answer_that_costs_nothing_risks_nothing() -> None:
    assert first("home", a_rate("60/60", "0", prefix="49")) == 0


def test_an_answer_costs_markup_least_charge_and_tax_too() -> None:
    rate = a_rate("60/60", "0.16", prefix="49")
    # 20 % and 0.02 more: 0.212; with a quarter of tax 0.265.
    marked_up = a_plan(markups=(a_markup("20", per_minute="0.02"),), tax=a_tax("25"))
    assert first("home", rate, plan=marked_up) == 265_000
    assert first("home", rate, plan=a_plan(charge_min_micros=500_000)) == 500_000


# ---------------------------------------------------------------------- with a price plan


def by_plan(plan: PricePlan, euros: str, *rates: Rate) -> int | None:
    """How long home may be called with this money."""
    micros = round(float(euros) * 1_000_000)
    worst = worst_prices(Offer([a_table(*rates)], plan), CLASSES)
    return worst.affordable_s("home", micros, 14_400)


@pytest.mark.parametrize(("euros", "expected"), [("0.2649", 0), ("0.265", 60), ("0.53", 120)])
def test_a_plan_prices_every_increment_with_markup_and_tax(euros: str, expected: int) -> None:
    # 0.16 a minute, 20 % and 0.02 more: 0.212; with a quarter of tax 0.265.
    plan = a_plan(markups=(a_markup("20", per_minute="0.02"),), tax=a_tax("25"))

    assert by_plan(plan, euros, a_rate("60/60", "0.16", prefix="49")) == expected


def test_the_dearest_markup_counts_and_no_discount() -> None:
    plan = a_plan(markups=(a_markup("10"), a_markup("100", prefixes="41")))

    assert by_plan(plan, "1.00", a_rate("60/60", "0.10", prefix="49")) == 300


def test_the_minimum_is_due_before_the_first_second_but_not_of_free_calls() -> None:
    plan = a_plan(charge_min_micros=50_000)

    assert by_plan(plan, "0.04", a_rate("1/1", "0.06", prefix="49")) == 0
    assert by_plan(plan, "0.05", a_rate("1/1", "0.06", prefix="49")) == 50
    assert by_plan(plan, "0", a_rate("1/1", "0", prefix="49")) == 14_400


def test_every_list_of_a_plan_counts_and_the_carriers_where_it_is_at_cost() -> None:
    vip, retail = a_table(a_rate(prefix="4930")), a_table(a_rate(per_minute="0.50", prefix="49"))
    carrier = a_table(a_rate(per_minute="1.00", prefix="49"))

    def paid(*, is_at_cost: bool) -> int | None:
        offer = Offer([vip, retail], a_plan(is_at_cost=is_at_cost), carrier)
        return worst_prices(offer, CLASSES).affordable_s("home", 1_000_000, 14_400)

    assert (paid(is_at_cost=False), paid(is_at_cost=True)) == (120, 60)


# ---------------------------------------------------------------------- whatever the money


def with_terms(prefix: str = "49", *, band: TimeBand | None = None, **more: Any) -> Rate:
    """A cent a second."""
    terms = some_terms("1/1", "0.60", **more)
    return Rate(prefix=prefix, destination="Anywhere", terms=terms, band=band)


def longest(*rates: Rate, ceiling: int | None = None, plan: PricePlan | None = None) -> int | None:
    """How long home may be called."""
    worst = worst_prices(Offer([a_table(*rates)], plan), CLASSES)
    return worst.longest_s("home", 14_400, ceiling)


def test_least_seconds_are_billed_in_whole_increments_beyond_the_talk() -> None:
    # Two increments of 180 s are due at the answer: 3.60.
    least = with_terms(steps=(Step(0, 600_000, 60, 180),), first_increment_s=0, billable_min_s=200)
    worst = worst_prices(Offer([a_table(least)]), CLASSES)

    assert worst.affordable_s("home", 3_000_000, 14_400) == 0


def test_the_first_rate_of_the_class_that_ends_calls_ends_them_all() -> None:
    ending = with_terms("4930", charge_max_micros=1_000_000, charge_max_ends=True)

    assert longest(with_terms()) == 14_400
    assert longest(with_terms(), with_terms("4930", call_max_s=600)) == 600
    assert longest(with_terms("33", call_max_s=600)) is None
    assert longest(with_terms(), ending) == 100


def test_a_class_is_dear_when_one_of_its_rates_is_in_any_band() -> None:
    night = with_terms(steps=(Step(0, 900_000, 60, 1),), band=a_band("0-8"))

    assert longest(with_terms(), ceiling=600_000) == 14_400
    assert longest(with_terms(), ceiling=599_999) == 0
    assert longest(with_terms(), night, ceiling=600_000) == 0
    assert longest(with_terms(), with_terms("33", added_s=1), ceiling=600_000) == 14_400


def test_a_class_may_be_called_until_a_step_that_is_dear() -> None:
    steps = (Step(0, 600_000, 60, 1), Step(120, 900_000, 60, 1))

    assert longest(with_terms(steps=steps), ceiling=600_000) == 120
    assert longest(with_terms(steps=steps, added_s=3), ceiling=600_000) == 117
    assert longest(with_terms(steps=steps, billable_min_s=121), ceiling=600_000) == 0


def test_the_ceiling_is_met_by_the_dearest_markup_with_tax_and_recurring_fees() -> None:
    # 0.60 and 0.02 for the fee, half as much again and 0.07: 1.00; with a quarter of tax 1.25.
    plan = a_plan(
        markups=(a_markup("50"), a_markup(per_minute="0.07", prefixes="41")),
        discounts=(a_discount("50"),),
        tax=a_tax("25"),
    )
    rate = with_terms(recurring_fee_micros=10_000, recurring_every_s=30)

    assert longest(rate, plan=plan, ceiling=1_250_000) == 14_400
    assert longest(rate, plan=plan, ceiling=1_249_999) == 0


# ---------------------------------------------------------------------- in steps


def many_rates(count: int) -> list[Rate]:
    """One for each prefix of its own, all different, the dearest last but one."""
    cents = [*range(1, count - 1), 2 * count, count]
    return [
        a_rate("60/60", f"{cent / 100:.2f}", prefix=f"43{number:05}")
        for number, cent in enumerate(cents)
    ]


def test_a_long_list_is_reckoned_in_steps_and_others_get_their_turn() -> None:
    offer = Offer([a_table(*many_rates(1000))])
    steps = worst_prices_in_steps(offer, CLASSES)
    turns: list[None] = []

    def reckon() -> Generator[None, None, None]:
        made.append((yield from steps))

    made: list[worst_module.WorstPrices] = []
    turns += reckon()
    [found] = made
    assert len(turns) >= 1000 // worst_module.RATES_A_STEP
    assert found.affordable_s("europe", 40_000_000, 14_400) == 120  # 20.00 a minute
    assert found.affordable_s("home", 40_000_000, 14_400) is None


def test_few_courses_are_kept_on_the_way_and_the_dearest_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worst_module, "COURSES_MAX", 3)
    rates = many_rates(50)

    for ordered in (rates, rates[::-1]):
        found = worst_prices(Offer([a_table(*ordered)]), CLASSES)
        assert found.affordable_s("europe", 3_000_000, 14_400) == 180  # 1.00 a minute
