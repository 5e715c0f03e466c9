"""Prices that a hook changed, each reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from rtbill.domain.adjustment import Adjustment, Bounds
from rtbill.domain.money import RoundingMode, parse_micros
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Rate, Rounding
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.bundle_time import affordable_with, below_ceiling_with
from rtbill.rating.bundles import price_with
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.worst import worst_prices
from tests.fakes.hooks import some_bounds
from tests.unit.rating.builders import (
    NOON,
    a_band,
    a_discount,
    a_markup,
    a_plan,
    a_rate,
    a_tariff,
    a_tax,
    some_terms,
)
from tests.unit.rating.bundle_builders import credit, minutes, share

CALL = Asked("+441234567", NOON)
MINUTE_US = 60_000_000
TABLE = RateTable(a_tariff(a_rate("60/60", "0.06", "0.02")))
"""0.08 for the first minute, 0.06 for each further."""
PLAN = a_plan(
    "retail",
    markups=(a_markup("50"),),
    discounts=(a_discount("10"),),
    charge_min_micros=20_000,
    tax=a_tax(),
)
"""0.08 and a half is 0.12, less a tenth 0.108; 19 % of it 0.0205."""


def an_adjustment(**fields: Any) -> Adjustment:
    return Adjustment(**({"reason": "Because"} | fields))


def adjusted(offer: Offer, seconds: int = 60, **fields: Any) -> tuple[int, int]:
    """Price and tax."""
    found = AdjustedOffer(offer, an_adjustment(**fields)).price(CALL, seconds * 1_000_000)
    return found.micros, found.tax_micros


@pytest.mark.parametrize(
    ("fields", "micros"),
    [
        ({"percent_ppm": 250_000}, 100_000),
        ({"percent_ppm": -250_000}, 60_000),
        ({"percent_ppm": -1_000_000}, 0),
        ({"per_minute_micros": 5_000}, 85_000),
        ({"per_call_micros": 5_000}, 85_000),
        ({"per_call_micros": -30_000}, 50_000),
        ({"per_call_micros": -90_000}, 0),
        ({"charge_max_micros": 70_000}, 70_000),
        ({"charge_max_micros": 90_000}, 80_000),
        ({"percent_ppm": 1_000_000, "charge_max_micros": 150_000}, 150_000),
        ({"percent_ppm": -500_000, "per_call_micros": 1_234}, 41_200),  # four decimals, half up
        ({"is_free": True}, 0),
    ],
)
def test_a_tariff_without_a_plan_is_adjusted_and_rounded_as_it_says(
    fields: dict[str, Any], micros: int
) -> None:
    assert adjusted(Offer([TABLE]), **fields) == (micros, 0)


@pytest.mark.parametrize(
    ("fields", "net", "tax"),
    [
        ({"percent_ppm": -500_000}, 54_000, 10_300),  # 0.06 less a tenth
        ({"per_call_micros": 100_000}, 198_000, 37_600),  # 0.22 less a tenth
        ({"charge_max_micros": 100_000}, 90_000, 17_100),
        ({"charge_max_micros": 10_000}, 20_000, 3_800),  # 0.009 is below the plan's least charge
        ({"is_free": True}, 0, 0),  # which a free call does not owe
        ({"per_call_micros": -120_000}, 0, 0),
    ],
)
def test_a_plans_discount_minimum_and_tax_come_after_the_hook(
    fields: dict[str, Any], net: int, tax: int
) -> None:
    assert adjusted(Offer([TABLE], PLAN), **fields) == (net + tax, tax)


def test_a_call_that_is_not_billed_at_all_owes_no_addition_of_a_hook() -> None:
    grace = RateTable(a_tariff(replace(a_rate(), terms=some_terms(grace_s=5))))

    assert adjusted(Offer([grace]), 5, per_call_micros=100_000) == (0, 0)
    assert adjusted(Offer([grace]), 6, per_call_micros=100_000) == (160_000, 0)


def test_the_price_keeps_the_adjustment_and_all_that_the_tariff_says() -> None:
    carrier = RateTable(a_tariff(a_rate("60/60", "0.03"), name="wholesale"))
    offer = Offer([TABLE], PLAN, carrier)
    half = an_adjustment(percent_ppm=-500_000)

    found = AdjustedOffer(offer, half).price(CALL, MINUTE_US)

    expected = offer.price(CALL, MINUTE_US)._replace(
        micros=64_300, tax_micros=10_300, adjustment=half
    )
    assert found == expected
    assert (found.plan, found.prefix, found.cost_micros) == ("hall-plan", "44", 30_000)


def test_time_is_bought_at_the_adjusted_price() -> None:
    half = AdjustedOffer(Offer([TABLE]), an_adjustment(percent_ppm=-500_000))

    # 0.04, then 0.03 a minute: 0.10 pays three minutes.
    assert half.affordable_s(CALL, 100_000, 3600) == 180
    assert half.affordable_s(CALL, 99_999, 3600) == 120
    assert half.affordable_s(CALL, 39_999, 3600) == 0


def test_what_is_free_or_capped_may_last_as_long_as_any_call() -> None:
    free = AdjustedOffer(Offer([TABLE]), an_adjustment(is_free=True))
    capped = AdjustedOffer(Offer([TABLE]), an_adjustment(charge_max_micros=500_000))
    short = RateTable(a_tariff(replace(a_rate(), terms=some_terms(call_max_s=300))))

    assert free.affordable_s(CALL, 0, 3600) == 3600
    assert capped.affordable_s(CALL, 500_000, 3600) == 3600
    assert capped.affordable_s(CALL, 499_999, 3600) == 420
    adjusted_short = AdjustedOffer(Offer([short]), an_adjustment(is_free=True))
    assert adjusted_short.affordable_s(CALL, 0, 3600) == 300


def test_an_explanation_shows_the_reason_and_adds_up() -> None:
    change = an_adjustment(
        reason="Night guest",
        price_list="night",
        percent_ppm=-100_000,
        per_minute_micros=10_000,
        charge_max_micros=parse_micros("0.115"),
    )

    explained = explain(Offer([TABLE], PLAN), CALL, MINUTE_US, adjustment=change)

    assert [(line.text, line.amount) for line in explained.lines] == [
        ("connect fee", Fraction("0.02")),
        ("from 0 s (Wed 12:00:00): 1 x 60 s at 0.06/min", Fraction("0.06")),
        ("markup 50 %", Fraction("0.04")),
        (
            "site: Night guest (price list night, -10 % + 0.01/min, no more than 0.115)",
            Fraction("-0.005"),  # 0.12 less a tenth and 0.01 more is 0.118
        ),
        ("discount Christmas 10 %", Fraction("-0.0115")),
        ("tax VAT 19 %", Fraction("0.0197")),
    ]
    assert explained.price.micros == 123_200


def test_a_change_that_makes_no_difference_is_explained_all_the_same() -> None:
    change = an_adjustment(charge_max_micros=5_000_000)

    lines = explain(Offer([TABLE]), CALL, MINUTE_US, adjustment=change).lines

    assert [(line.kind, line.amount) for line in lines][-1] == ("adjustment", Fraction(0))
    assert lines[-1].text == "site: Because (no more than 5.00)"


def test_a_tariff_that_rounds_up_rounds_the_adjusted_price_up() -> None:
    coarse = replace(a_tariff(a_rate()), rounding=Rounding(RoundingMode.UP, 2))

    assert adjusted(Offer([RateTable(coarse)]), percent_ppm=-490_000) == (40_000, 0)  # 0.0306


@pytest.mark.parametrize(
    ("bounds", "seconds"),
    [
        (some_bounds(), 60),  # 0.08, then 0.06 a minute: 0.14 would be the second
        (some_bounds("25"), 60),  # 0.10
        (some_bounds("75.01"), 0),  # 0.140008
        (some_bounds(per_minute="0.0599"), 60),  # 0.1399
        (some_bounds(per_minute="0.06"), 0),  # 0.14
        (some_bounds(per_call="0.059949"), 60),  # rounded 0.1399
        (some_bounds(per_call="0.05995"), 0),  # rounded 0.14
    ],
)
def test_the_worst_price_is_as_dear_as_a_hook_may_make_it(bounds: Any, seconds: int) -> None:
    worst = worst_prices(Offer([TABLE]), {"home": ["+44"]}, bounds)

    assert worst.affordable_s("home", 139_999, 14_400) == seconds


# ---------------------------------------------------------------------- the highest price a minute


def below_s(offer: Offer, ceiling: str, **fields: Any) -> int:
    """Of ten minutes."""
    changed = AdjustedOffer(offer, an_adjustment(**fields))
    return changed.below_ceiling_s(CALL, parse_micros(ceiling), 600)


@pytest.mark.parametrize(
    ("fields", "dearest"),
    [
        ({"percent_ppm": 500_000}, "0.09"),
        ({"percent_ppm": -500_000}, "0.03"),
        ({"per_minute_micros": 10_000}, "0.07"),
        ({"percent_ppm": -500_000, "per_minute_micros": 10_000}, "0.04"),
        ({"per_call_micros": 5_000_000}, "0.06"),
        ({"per_call_micros": -5_000_000}, "0.06"),
        ({"charge_max_micros": 10_000}, "0.06"),
        ({"percent_ppm": -1_000_000}, "0"),
        ({"is_free": True}, "0"),
        ({"percent_ppm": 500_000, "charge_max_micros": 0}, "0"),
    ],
)
def test_a_ceiling_judges_the_adjusted_price_a_minute_without_what_is_due_once(
    fields: dict[str, Any], dearest: str
) -> None:
    assert below_s(Offer([TABLE]), dearest, **fields) == 600
    if dearest != "0":
        a_little_less = str(Decimal(dearest) - Decimal("0.000001"))
        assert below_s(Offer([TABLE]), a_little_less, **fields) == 0


def test_a_ceiling_judges_markup_adjustment_discount_and_tax_in_this_order() -> None:
    # 0.06 and a half is 0.09; a third more and 0.03 are 0.15; less a tenth 0.135; taxed 0.16065.
    fields = {"percent_ppm": 333_333, "per_minute_micros": 30_000}
    exact = Fraction("0.09") * Fraction("1.333333") + Fraction("0.03")
    assert exact * Fraction("0.9") * Fraction("1.19") < Fraction("0.16065")

    assert below_s(Offer([TABLE], PLAN), "0.16065", **fields) == 600
    assert below_s(Offer([TABLE], PLAN), "0.160649", **fields) == 0


@pytest.mark.parametrize(
    ("plan", "bounds", "dearest"),
    [
        (None, some_bounds(), "0.06"),
        (None, some_bounds("50", "0.01", "5"), "0.10"),
        (PLAN, some_bounds(), "0.1071"),  # 0.09 taxed; no discount is counted on
        (PLAN, some_bounds("100", "0.02"), "0.238"),  # 0.18 and 0.02, taxed
    ],
)
def test_while_rtbill_is_silent_the_dearest_minute_is_one_that_a_hook_made_dear(
    plan: PricePlan | None, bounds: Bounds, dearest: str
) -> None:
    worst, micros = (
        worst_prices(Offer([TABLE], plan), {"home": ["+44"]}, bounds),
        parse_micros(dearest),
    )

    assert worst.longest_s("home", 600, micros) == 600
    assert worst.longest_s("home", 600, micros - 1) == 0


def test_no_hook_moves_where_the_rate_ends_a_call() -> None:
    terms = some_terms("60/1", "0.60", charge_max_micros=1_000_000, charge_max_ends=True)
    offer = Offer([RateTable(a_tariff(Rate(prefix="44", destination="UK", terms=terms)))])
    half = AdjustedOffer(offer, an_adjustment(percent_ppm=-500_000))

    assert (offer.longest_s(CALL), half.longest_s(CALL)) == (100, 100)
    assert half.affordable_s(CALL, 10_000_000) == 100


# ---------------------------------------------------------------------- beside bundles

BUNDLED = RateTable(a_tariff(a_rate("60/60", "0.60", "0.10")))


@pytest.mark.parametrize(
    ("fields", "due", "taken_s"),
    [
        ({"percent_ppm": -500_000}, "0.35", 60),  # of fee and second minute
        ({"per_call_micros": 50_000}, "0.75", 60),
        ({"per_minute_micros": 50_000}, "0.75", 60),  # of the minute that is billed
        ({"charge_max_micros": 200_000}, "0.20", 60),
        ({"is_free": True}, "0", 0),
    ],
)
def test_what_bundles_leave_to_pay_is_adjusted_and_a_free_call_takes_nothing_of_them(
    fields: dict[str, Any], due: str, taken_s: int
) -> None:
    offer = AdjustedOffer(Offer([BUNDLED]), an_adjustment(**fields))
    found = price_with(offer, CALL, 61_000_000, [share(minutes(60, covers_fees=False))])

    assert found.price.micros == parse_micros(due)
    assert sum(draw.amount for draw in found.draws) == taken_s
    assert found.price.adjustment == offer.adjustment


def test_money_buys_time_at_the_adjusted_price_beyond_a_bundle() -> None:
    half = AdjustedOffer(Offer([BUNDLED]), an_adjustment(percent_ppm=-500_000))
    shares = [share(minutes(60)), share(credit("0.20"))]

    # Two minutes at 0.30: 0.20 of the credit and 0.40 of the account.
    assert affordable_with(half, CALL, parse_micros("0.40"), 600, shares) == 180
    assert affordable_with(half, CALL, parse_micros("0.399999"), 600, shares) == 120
    assert below_ceiling_with(half, CALL, parse_micros("0.30"), 600, shares) == 600
    assert below_ceiling_with(half, CALL, parse_micros("0.299999"), 600, shares) == 60


def test_the_lines_of_a_bundled_call_tell_what_the_hook_changed() -> None:
    change = an_adjustment(percent_ppm=-500_000)
    shares = [share(minutes(60, covers_fees=False)), share(credit("0.25"))]

    found = explain(Offer([BUNDLED]), CALL, 61_000_000, shares, change)

    assert [(line.text, line.amount) for line in found.lines] == [
        ("60 s of minutes (0 s left)", 0),
        ("connect fee", Fraction("0.10")),
        ("from 60 s (Wed 12:01:00): 1 x 60 s at 0.60/min", Fraction("0.60")),
        ("site: Because (-50 %)", Fraction("-0.35")),
    ]
    assert (found.price.micros, found.debit_micros) == (350_000, 100_000)


def test_what_the_hook_changed_comes_before_what_keeps_a_call_from_being_dearer() -> None:
    """A minute of 0.30, of which seconds pay the half before 13:00, where it is 0.60."""
    dear = RateTable(
        a_tariff(a_rate(per_minute="0.30"), a_rate(per_minute="0.60", band=a_band("13-18")))
    )
    asked = CALL._replace(answered_at=CALL.answered_at + timedelta(seconds=3_570))
    half = an_adjustment(percent_ppm=-500_000)

    found = explain(Offer([dear]), asked, 60_000_000, [share(minutes(30))], half)

    assert [(line.kind, line.amount) for line in found.lines] == [
        ("bundle", 0),
        ("increments", Fraction("0.60")),
        ("adjustment", Fraction("-0.30")),
        ("bundle_limit", Fraction("-0.15")),
    ]
    assert found.price.micros == 150_000
