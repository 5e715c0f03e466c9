"""Each link of the chain from rates to charges, reckoned by hand, then all together."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from rtbill.domain.money import RoundingMode, parse_micros
from rtbill.domain.price_plan import Discount, Markup, PricePlan, markup_text, percent_text
from rtbill.domain.tariff import Rounding
from rtbill.rating import chain
from rtbill.rating.chain import Asked, Sum
from rtbill.rating.charging import Charger
from tests.unit.rating.builders import NOON, a_discount, a_markup, a_plan, a_tax

GERMANY = "+4930123456"
MICROSECOND = timedelta(microseconds=1)


def charged(
    plan: PricePlan, base: str = "1.00", *, billed_s: float = 60, **facts: Any
) -> tuple[int, int]:
    """Net and tax in micro-units of a call that comes to so much by the tariff."""
    values: dict[str, Any] = {"number": GERMANY, "answered_at": NOON, "account": "room-1"}
    asked = Asked(**(values | {"pbx": "hall"} | facts))
    return Charger(plan).charge(asked, parse_micros(base), 1, round(billed_s * 1_000_000))


def net(plan: PricePlan, base: str = "1.00", **facts: Any) -> int:
    """The same of a plan without tax."""
    micros, tax = charged(plan, base, **facts)
    assert tax == 0
    return micros


def rounded(mode: RoundingMode, digits: int) -> PricePlan:
    return a_plan(rounding=Rounding(mode, digits))


def test_a_plan_that_says_nothing_charges_what_the_tariff_says() -> None:
    assert net(a_plan(), "1.2345") == 1_234_500


# ---------------------------------------------------------------------- markup


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (a_markup("20"), 1_200_000),
        (a_markup("19.25"), 1_192_500),
        (a_markup(per_minute="0.01"), 1_015_000),  # 90 s
        (a_markup(per_call="0.05"), 1_050_000),
        (a_markup("20", "0.01", "0.05"), 1_265_000),  # the percentage is of the tariff's price
    ],
)
def test_a_markup_is_added_to_the_price_of_the_tariff(markup: Markup, expected: int) -> None:
    assert net(a_plan(markups=(markup,)), "1.00", billed_s=90) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+41315550100", 1_100_000),
        ("+4930123456", 1_200_000),
        ("+4915112345", 1_300_000),
        ("+4916012345", 1_300_000),
        ("+4", 1_100_000),
    ],
)
def test_the_markup_of_the_longest_prefix_counts_alone(number: str, expected: int) -> None:
    markups = (a_markup("20", prefixes="49"), a_markup("10"), a_markup("30", prefixes="4915 4916"))

    assert net(a_plan(markups=markups), number=number) == expected
    assert net(a_plan(markups=markups[::-1]), number=number) == expected


def test_a_number_that_no_markup_names_has_none() -> None:
    assert net(a_plan(markups=(a_markup("20", prefixes="41"),))) == 1_000_000


def test_a_call_that_is_not_billed_at_all_has_no_markup() -> None:
    plan = a_plan(markups=(a_markup("20", "0.01", "0.05"),))

    assert net(plan, "0", billed_s=0) == 0
    assert net(plan, "0", billed_s=60) == 60_000  # a price of zero is a price
    assert net(plan, "0.10", billed_s=0) == 170_000  # a fee covers the seconds


# ---------------------------------------------------------------------- discounts


def test_discounts_come_one_after_the_other_after_the_markup() -> None:
    plan = a_plan(
        markups=(a_markup("50"),), discounts=(a_discount("10"), a_discount("20", "Loyal"))
    )

    assert net(plan) == 1_080_000  # 1.50, less 0.15, less a fifth of 1.35


def test_a_discount_of_all_leaves_nothing_not_even_the_minimum() -> None:
    assert net(a_plan(discounts=(a_discount("100"),), charge_min_micros=50_000)) == 0


@pytest.mark.parametrize(
    ("discount", "other"),
    [
        (a_discount(prefixes=("41", "49")), {"number": "+43123"}),
        (a_discount(accounts=frozenset({"room-1", "room-9"})), {"account": "room-2"}),
        (a_discount(accounts=frozenset({"room-1"})), {"account": ""}),
        (a_discount(pbxs=frozenset({"hall"})), {"pbx": "annexe"}),
        (a_discount(pbxs=frozenset({"hall"})), {"pbx": ""}),
        (a_discount(since=NOON), {"answered_at": NOON - MICROSECOND}),
        (a_discount(until=NOON + MICROSECOND), {"answered_at": NOON + MICROSECOND}),
    ],
)
def test_a_discount_is_given_where_its_condition_holds_and_not_beside_it(
    discount: Discount, other: dict[str, Any]
) -> None:
    plan = a_plan(discounts=(discount,))

    assert net(plan) == 900_000
    assert net(plan, **other) == 1_000_000


def test_a_discount_needs_all_its_conditions() -> None:
    plan = a_plan(discounts=(a_discount(prefixes=("49",), pbxs=frozenset({"hall"})),))

    assert net(plan) == 900_000
    assert net(plan, number="+41315550100") == 1_000_000
    assert net(plan, pbx="annexe") == 1_000_000


# ---------------------------------------------------------------------- minimum, rounding, tax


@pytest.mark.parametrize(
    ("base", "expected"),
    [("0", 0), ("0.000001", 50_000), ("0.0499", 50_000), ("0.05", 50_000), ("0.0501", 50_100)],
)
def test_the_minimum_is_of_a_call_that_costs_anything(base: str, expected: int) -> None:
    assert net(a_plan(charge_min_micros=50_000), base) == expected


def test_the_minimum_comes_after_the_discounts() -> None:
    plan = a_plan(discounts=(a_discount("50"),), charge_min_micros=50_000)

    assert net(plan, "0.08") == 50_000


@pytest.mark.parametrize(
    ("mode", "below", "half", "above"),
    [
        (RoundingMode.HALF_UP, 120_000, 130_000, 130_000),
        (RoundingMode.HALF_EVEN, 120_000, 120_000, 130_000),
        (RoundingMode.UP, 130_000, 130_000, 130_000),
        (RoundingMode.DOWN, 120_000, 120_000, 120_000),
    ],
)
def test_the_price_is_rounded_once_as_the_plan_says(
    mode: RoundingMode, below: int, half: int, above: int
) -> None:
    plan = rounded(mode, 2)

    found = [net(plan, base) for base in ("0.124999", "0.125", "0.125001")]

    assert found == [below, half, above]


def test_half_even_rounds_the_half_of_an_odd_digit_up() -> None:
    assert net(rounded(RoundingMode.HALF_EVEN, 2), "0.135") == 140_000


@pytest.mark.parametrize(("digits", "expected"), [(0, 0), (3, 123_000), (6, 123_459)])
def test_digits_are_those_of_the_plan(digits: int, expected: int) -> None:
    plan = a_plan(rounding=Rounding(RoundingMode.HALF_UP, digits), markups=(a_markup("10"),))

    assert net(plan, "0.112235") == expected  # 0.1234585


def test_an_exact_third_is_not_rounded_before_the_end() -> None:
    asked = Asked(GERMANY, NOON)
    plan = a_plan(discounts=(a_discount("50"),), rounding=Rounding(digits=2))

    net, _ = Charger(plan).charge(asked, 100_000, 3, 0)  # half of a third of a tenth

    assert net == 20_000


@pytest.mark.parametrize(
    ("base", "digits", "expected"),
    [
        ("1.00", 2, (1_000_000, 190_000)),
        ("0.50", 2, (500_000, 100_000)),  # 0.095 goes up
        ("0.4999", 4, (499_900, 95_000)),  # 0.094981
        ("0.004", 2, (0, 0)),
    ],
)
def test_tax_is_added_to_the_rounded_price_and_rounded_half_up_to_its_digits(
    base: str, digits: int, expected: tuple[int, int]
) -> None:
    plan = a_plan(tax=a_tax(), rounding=Rounding(digits=digits))

    assert charged(plan, base) == expected


def test_tax_goes_half_up_whatever_way_the_price_goes() -> None:
    plan = a_plan(tax=a_tax(), rounding=Rounding(RoundingMode.DOWN, 2))

    assert charged(plan, "0.509") == (500_000, 100_000)


# ---------------------------------------------------------------------- all together

WHOLE = a_plan(
    markups=(a_markup("20", "0.01", "0.02"),),
    discounts=(a_discount("10"), a_discount("5", "Loyal", accounts=frozenset({"room-1"}))),
    charge_min_micros=100_000,
    rounding=Rounding(RoundingMode.UP, 2),
    tax=a_tax("7"),
)


def test_all_links_in_their_order() -> None:
    # 0.3333 + 0.06666 + 0.015 + 0.02 = 0.43496; less 10 % 0.391464; less 5 % 0.3718908; up 0.38;
    # 7 % of it 0.0266, 0.03.
    assert charged(WHOLE, "0.3333", billed_s=90) == (380_000, 30_000)
    assert charged(WHOLE, "0.3333", billed_s=90, account="room-2") == (400_000, 30_000)


def test_the_links_say_what_each_made_of_the_amount_before() -> None:
    asked = Asked(GERMANY, NOON, "room-1", "hall")
    found = list(chain.links(WHOLE, asked, Sum(333_300, 1), 90_000_000))

    assert [(each.kind, each.name) for each in found] == [
        ("markup", "20 % + 0.01/min + 0.02 a call"),
        ("discount", "Christmas 10 %"),
        ("discount", "Loyal 5 %"),
        ("rounding", "up 2"),
        ("tax", "VAT 7 %"),
    ]
    after = [Fraction(each.after.parts, each.after.per_micro) for each in found]
    assert after == [434_960, 391_464, Fraction("371890.8"), 380_000, 410_000]
    befores = [Fraction(each.before.parts, each.before.per_micro) for each in found]
    assert befores == [333_300, *after[:-1]]


def test_the_minimum_is_a_link_where_it_counts() -> None:
    kinds = [each.kind for each in chain.links(WHOLE, Asked(GERMANY, NOON), Sum(1, 1), 1_000_000)]
    assert kinds == ["markup", "discount", "minimum", "tax"]


def test_links_that_change_nothing_are_left_out() -> None:
    plan = a_plan(markups=(a_markup("20", prefixes="41"),), tax=a_tax("0"))

    assert list(chain.links(plan, Asked(GERMANY, NOON), Sum(1_000_000, 1), 0)) == []


# ---------------------------------------------------------------------- the way back


@pytest.mark.parametrize("digits", range(7))
@pytest.mark.parametrize("percent", ["0", "0.0001", "7", "19", "100"])
def test_the_largest_net_is_within_the_money_and_a_step_more_is_not(
    digits: int, percent: str
) -> None:
    plan = a_plan(tax=a_tax(percent), rounding=Rounding(digits=digits))
    step = 10 ** (6 - digits)

    def gross(net_micros: int) -> int:
        return sum(charged(plan, f"{net_micros // 1_000_000}.{net_micros % 1_000_000:06d}"))

    for money in (0, 1, 49_999, 50_000, 1_190_000, 1_189_999, 2_345_678, 9_000_001):
        found = chain.largest_net(plan, money)
        assert found % step == 0
        assert gross(found) <= money < gross(found + step)


def test_no_money_pays_nothing() -> None:
    assert chain.largest_net(a_plan(tax=a_tax()), -5_000_000) == 0


def test_percentages_and_markups_are_told_as_people_write_them() -> None:
    assert [percent_text(each) for each in (190_000, 192_500, 1, 1_000_000)] == [
        "19 %",
        "19.25 %",
        "0.0001 %",
        "100 %",
    ]
    assert markup_text(a_markup("20")) == "20 %"
    assert markup_text(a_markup(per_minute="0.005", per_call="0.1")) == "0.005/min + 0.10 a call"
