"""Charges by every shape of plan over every shape of tariff against the second opinion."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.errors import NoRate
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, Markup, PricePlan, Tax
from rtbill.domain.tariff import Rounding, Tariff
from rtbill.rating.chain import Asked, largest_net
from rtbill.rating.explain import explain
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.worst import worst_prices
from tests.property.plan_oracle import OracleCall, OracleCharge, oracle_charge
from tests.property.price_oracle import NoRateThen, oracle_rate, oracle_sum
from tests.property.test_price import NUMBER, instants
from tests.property.test_terms import CAP_S, HOLIDAYS, talks_us, tariffs
from tests.unit.rating.builders import YEAR_2026

DIGITS = NUMBER.removeprefix("+")
PREFIXES = [DIGITS[:length] for length in (1, 2, 4, 7)]

shares = st.sampled_from([0, 1, 100_000, 192_500, 333_333, 1_000_000])
amounts = st.sampled_from([0, 0, 1, 4_999, 10_000, 123_456])
prefix_lists = st.lists(st.sampled_from([*PREFIXES, "1", "49"]), max_size=2, unique=True).map(tuple)
some = st.sampled_from([frozenset[str](), frozenset({"room-1", "hall"}), frozenset({"nobody"})])
bounds = st.none() | instants
discounts = st.builds(
    Discount,
    name=st.just("discount"),
    percent_ppm=shares,
    prefixes=prefix_lists,
    accounts=some,
    pbxs=some,
    since=bounds,
    until=bounds,
)
money = st.integers(0, 3_000_000)


@st.composite
def some_markups(draw: st.DrawFn) -> tuple[Markup, ...]:
    """Up to four in any order; each prefix, and none, in one of them at most."""
    places = draw(st.lists(st.sampled_from([*PREFIXES, "49", ""]), max_size=4, unique=True))
    return tuple(
        Markup(
            percent_ppm=draw(st.sampled_from([0, 200_000, 333_333, 5_000_000])),
            per_minute_micros=draw(amounts),
            per_call_micros=draw(amounts),
            prefixes=(place,) if place else (),
        )
        for place in places
    )


plans = st.builds(
    PricePlan,
    name=st.just("plan"),
    version=st.just(1),
    currency=st.just("EUR"),
    valid_from=st.just(YEAR_2026),
    tariffs=st.just(("retail",)),
    is_at_cost=st.booleans(),
    markups=some_markups(),
    discounts=st.lists(discounts, max_size=3).map(tuple),
    charge_min_micros=st.sampled_from([0, 0, 10_000, 500_000]),
    rounding=st.builds(Rounding, st.sampled_from(RoundingMode), st.integers(0, 6)),
    tax=st.none() | st.builds(Tax, st.just("VAT"), shares),
)


class Case(NamedTuple):
    """An offer, and the list that a call's price begins with by the second opinion."""

    offer: Offer
    plan: PricePlan
    begins: Tariff


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A plan over one tariff, or over two of which the first may not have the number; with a
    carrier or without.
    """
    plan, found = draw(plans), draw(tariffs())
    lists, begins = [found], found
    if draw(st.booleans()):
        other = draw(tariffs())
        if draw(st.booleans()):
            begins = other
        else:
            other = _of_prefix(other, "7")
        lists = [other, found]
    carrier = draw(st.none() | tariffs())
    if carrier is not None and plan.is_at_cost:
        if draw(st.booleans()):
            begins = carrier
        else:
            carrier = _of_prefix(carrier, "7")
    tables = [RateTable(each, HOLIDAYS) for each in lists]
    bought = None if carrier is None else RateTable(carrier, HOLIDAYS)
    return Case(Offer(tables, plan, bought), plan, begins)


def _of_prefix(tariff: Tariff, prefix: str) -> Tariff:
    return replace(tariff, rates=tuple(replace(each, prefix=prefix) for each in tariff.rates))


calls = st.builds(
    Asked,
    number=st.just(NUMBER),
    answered_at=instants,
    account=st.sampled_from(["room-1", "room-2", ""]),
    pbx=st.sampled_from(["hall", "annexe", ""]),
)


def second_opinion(case: Case, asked: Asked, talk_us: int) -> OracleCharge | None:
    call = OracleCall(DIGITS, asked.account, asked.pbx, asked.answered_at)
    try:
        return oracle_charge(
            case.plan, case.begins, call, timedelta(microseconds=talk_us), HOLIDAYS
        )
    except NoRateThen:
        return None


def gross(charge: OracleCharge) -> Fraction:
    """Micro-units."""
    return (charge.net + charge.tax) * 1_000_000


@given(cases(), calls, talks_us)
def test_every_charge_agrees_with_the_oracle(case: Case, asked: Asked, talk_us: int) -> None:
    expected = second_opinion(case, asked, talk_us)
    if expected is None:
        with pytest.raises(NoRate):
            case.offer.price(asked, talk_us)
        return
    found = case.offer.price(asked, talk_us)
    assert Fraction(found.net_micros, 1_000_000) == expected.net
    assert Fraction(found.tax_micros, 1_000_000) == expected.tax


@given(cases(), calls, talks_us, talks_us)
def test_a_longer_call_never_costs_less(
    case: Case, asked: Asked, talk_us: int, more_us: int
) -> None:
    try:
        longer = case.offer.price(asked, talk_us + more_us)
    except NoRate:
        return
    shorter = case.offer.price(asked, talk_us)
    assert longer.micros >= shorter.micros
    assert longer.net_micros >= shorter.net_micros


def ends_at(case: Case, asked: Asked, seconds: int) -> bool:
    """Whether the rate, or the cap, ends the call there whatever the money."""
    tariff, at = case.begins, asked.answered_at
    terms = oracle_rate(tariff.rates, tariff.zone, at, HOLIDAYS).terms
    if seconds in (CAP_S, terms.call_max_s):
        return True
    if terms.charge_max_micros is None or not terms.charge_max_ends:
        return False
    total, _ = oracle_sum(tariff, at, timedelta(seconds=seconds + 1), HOLIDAYS)
    return total > terms.charge_max_micros * 86_400


@given(cases(), calls, money)
def test_affordable_time_is_the_last_second_whose_charge_is_within_the_money(
    case: Case, asked: Asked, micros: int
) -> None:
    if second_opinion(case, asked, 0) is None:
        with pytest.raises(NoRate):
            case.offer.affordable_s(asked, micros, CAP_S)
        return
    found_s = case.offer.affordable_s(asked, micros, CAP_S)

    def is_paid(seconds: int) -> bool:
        charge = second_opinion(case, asked, seconds * 1_000_000)
        return charge is not None and gross(charge) <= micros

    if not is_paid(0):
        assert found_s == 0
        return
    assert is_paid(found_s)
    assert not is_paid(found_s + 1) or ends_at(case, asked, found_s)


@given(cases(), calls, talks_us)
def test_the_lines_of_an_explanation_add_up_to_the_charge(
    case: Case, asked: Asked, talk_us: int
) -> None:
    try:
        explained = explain(case.offer, asked, talk_us)
    except NoRate:
        return
    assert explained.price == case.offer.price(asked, talk_us)
    total = sum((line.amount for line in explained.lines), Fraction(0))
    assert total == Fraction(explained.price.micros, 1_000_000)
    tax = sum((line.amount for line in explained.lines if line.kind == "tax"), Fraction(0))
    assert tax == Fraction(explained.price.tax_micros, 1_000_000)


@given(cases(), calls, money)
def test_no_call_costs_more_than_what_the_worst_price_allows_it(
    case: Case, asked: Asked, micros: int
) -> None:
    worst = worst_prices(case.offer, {"home": ["+44"]})
    granted_s = worst.affordable_s("home", micros, CAP_S)
    assert granted_s is not None
    if granted_s == 0:
        return
    for seconds in (1, granted_s):
        expected = second_opinion(case, asked, seconds * 1_000_000)
        assert expected is None or gross(expected) <= micros


@given(plans, money)
def test_the_largest_net_is_the_largest(plan: PricePlan, micros: int) -> None:
    step = 10 ** (6 - plan.rounding.digits)
    share = plan.tax.percent_ppm if plan.tax else 0

    def with_tax(net: int) -> Fraction:
        tax = Fraction(net * share, 1_000_000 * step) + Fraction(1, 2)
        return Fraction(net + tax.__floor__() * step)

    found = largest_net(plan, micros)
    assert found % step == 0
    assert with_tax(found) <= micros < with_tax(found + step)
