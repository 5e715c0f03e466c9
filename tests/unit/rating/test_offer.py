"""What an account is offered: one list, or a plan over several; and what the carrier takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rtbill.domain.errors import NoRate
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate, Rounding, Terms
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.unit.rating.builders import (
    NOON,
    a_band,
    a_markup,
    a_plan,
    a_rate,
    a_tariff,
    a_tax,
    some_terms,
)

GERMANY = Asked("+4930123456", NOON)
BERN = Asked("+41315550100", NOON)
MINUTE_US = 60_000_000


def a_list(name: str, *rates: Rate, digits: int = 4) -> RateTable:
    return RateTable(a_tariff(*rates, name=name, digits=digits))


VIP = a_list("vip", a_rate(per_minute="0.01", prefix="49"))
RETAIL = a_list("retail", a_rate(per_minute="0.02", prefix="49"), a_rate(prefix="41"))
CARRIER = a_list("carrier", a_rate(per_minute="0.012", prefix="49"))
AT_COST = a_plan("retail", is_at_cost=True, markups=(a_markup("50"),))


def test_the_first_list_with_a_rate_prices_the_call() -> None:
    offer = Offer([VIP, RETAIL], a_plan("vip", "retail"))

    assert (offer.price(GERMANY, MINUTE_US).tariff, offer.price(GERMANY, MINUTE_US).micros) == (
        "vip",
        10_000,
    )
    assert (offer.price(BERN, MINUTE_US).tariff, offer.price(BERN, MINUTE_US).micros) == (
        "retail",
        60_000,
    )


def test_a_shorter_prefix_in_the_first_list_comes_before_a_longer_one_in_the_second() -> None:
    exact = a_list("exact", a_rate(per_minute="9", prefix="4930"))

    assert Offer([VIP, exact], a_plan()).price(GERMANY, MINUTE_US).micros == 10_000


def test_a_number_in_no_list_names_all_that_were_asked() -> None:
    offer = Offer([VIP, RETAIL], a_plan(is_at_cost=True), CARRIER)

    with pytest.raises(NoRate, match=r"no rate for \+33155501 in carrier or vip or retail"):
        offer.price(Asked("+33155501", NOON), 0)
    with pytest.raises(NoRate):
        offer.affordable_s(Asked("+33155501", NOON), 1_000_000)


def test_the_price_keeps_plan_tariff_tax_and_seconds() -> None:
    plan = a_plan(version=7, markups=(a_markup("50"),), tax=a_tax(), rounding=Rounding(digits=3))

    assert Offer([RETAIL], plan).price(GERMANY, 61_000_000) == Price(
        71_000,  # 2 x 0.02, half as much again: 0.06; tax 0.0114
        "EUR",
        "retail",
        1,
        "49",
        "Destination 49",
        120,
        plan="hall-plan",
        plan_version=7,
        tax_micros=11_000,
        cost_micros=None,
    )


def test_a_plan_takes_the_exact_price_not_the_one_that_the_tariff_rounds() -> None:
    coarse = a_list("retail", a_rate("1/1", "0.10", prefix="49"), digits=0)

    assert Offer([coarse]).price(GERMANY, MINUTE_US).micros == 0
    assert Offer([coarse], a_plan()).price(GERMANY, MINUTE_US).micros == 100_000


# ---------------------------------------------------------------------- the carrier


@pytest.mark.parametrize("plan", [None, a_plan()])
def test_the_carriers_price_stands_beside_ours(plan: PricePlan | None) -> None:
    found = Offer([RETAIL], plan, CARRIER).price(GERMANY, 61_000_000)

    assert (found.micros, found.cost_micros, found.margin_micros) == (40_000, 24_000, 16_000)


def test_margin_is_without_tax_and_may_be_a_loss() -> None:
    dear = a_list("carrier", a_rate(per_minute="0.03", prefix="49"))
    found = Offer([RETAIL], a_plan(tax=a_tax("50")), dear).price(GERMANY, MINUTE_US)

    assert (found.micros, found.net_micros, found.margin_micros) == (30_000, 20_000, -10_000)


@pytest.mark.parametrize("plan", [None, a_plan()])
def test_what_the_carrier_takes_for_a_number_not_on_its_list_is_unknown(
    plan: PricePlan | None,
) -> None:
    found = Offer([RETAIL], plan, CARRIER).price(BERN, MINUTE_US)

    assert (found.micros, found.cost_micros, found.margin_micros) == (60_000, None, None)


@pytest.mark.parametrize("plan", [None, a_plan()])
def test_a_gap_in_the_carriers_list_leaves_the_call_its_price(plan: PricePlan | None) -> None:
    nights = a_list("carrier", a_rate(prefix="49", band=a_band("0-8")))

    assert Offer([RETAIL], plan, nights).price(GERMANY, MINUTE_US).cost_micros is None


def test_a_plan_at_cost_begins_with_the_carriers_price_and_increments() -> None:
    by_second = a_list("carrier", a_rate("1/1", "0.60", prefix="49"))
    found = Offer([RETAIL], AT_COST, by_second).price(GERMANY, 30_000_000)

    assert (found.micros, found.tariff, found.billed_s) == (450_000, "carrier", 30)
    assert (found.cost_micros, found.margin_micros) == (300_000, 150_000)


@pytest.mark.parametrize("carrier", [None, a_list("carrier", a_rate(prefix="41"))])
def test_a_plan_at_cost_asks_its_tariffs_where_the_carrier_says_nothing(
    carrier: RateTable | None,
) -> None:
    found = Offer([RETAIL], AT_COST, carrier).price(GERMANY, MINUTE_US)

    assert (found.micros, found.tariff) == (30_000, "retail")


def test_a_tariff_by_itself_is_never_at_cost() -> None:
    assert Offer([RETAIL], None, CARRIER).all_tables == (RETAIL,)


# ---------------------------------------------------------------------- how long money lasts


def test_money_lasts_as_long_as_the_whole_price_is_within_it() -> None:
    # 0.02 a minute, 50 % more, 20 % tax: 0.036 for each of them, after 0.06 for the call.
    plan = a_plan(markups=(a_markup("50", per_call="0.05"),), tax=a_tax("20"))
    offer = Offer([RETAIL], plan)

    found = [
        offer.affordable_s(GERMANY, money, 600) for money in (95_999, 96_000, 131_999, 132_000)
    ]

    assert found == [0, 60, 60, 120]


def test_the_longest_call_of_the_rate_holds_with_a_plan_too() -> None:
    short = Rate(prefix="49", destination="Germany", terms=some_terms(call_max_s=90))
    table = RateTable(a_tariff(short))

    assert Offer([table], a_plan()).affordable_s(GERMANY, 10**9, 600) == 90
    assert Offer([table]).affordable_s(GERMANY, 10**9, 600) == 90
    assert Offer([table], a_plan()).affordable_s(GERMANY, 10**9, 60) == 60


def test_free_calls_last_without_money_and_a_minimum_does_not_make_them_dear() -> None:
    free = RateTable(a_tariff(Rate(prefix="49", destination="", terms=Terms.per_minute(0, 1, 1))))

    assert Offer([free], a_plan(charge_min_micros=10_000)).affordable_s(GERMANY, 0, 600) == 600
    assert Offer([free], a_plan(markups=(a_markup("900"),))).affordable_s(GERMANY, 0, 600) == 600
    per_call = a_plan(markups=(a_markup(per_call="0.01"),))
    assert Offer([free], per_call).affordable_s(GERMANY, 9_999, 600) == 0


def test_a_plan_in_another_currency_is_a_price_in_it() -> None:
    francs = RateTable(a_tariff(a_rate(prefix="49")))
    plan = a_plan(currency="CHF", valid_from=datetime(2026, 1, 1, tzinfo=UTC))

    assert Offer([francs], plan).currency == "CHF"
    assert Offer([francs]).currency == "EUR"
