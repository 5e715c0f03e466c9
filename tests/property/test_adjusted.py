"""Prices that a site's hook changed, in any way that it may, against the second opinion."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rtbill import hook
from rtbill.domain.adjustment import Adjustment, Bounds, adjustment_from, adjustment_json
from rtbill.domain.errors import NoRate
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Rounding, Tariff
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from rtbill.rating.hook_answer import checked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.worst import worst_prices
from tests.fakes.hooks import GENEROUS
from tests.property.plan_oracle import OracleCall, OracleChange, OracleCharge, oracle_charge
from tests.property.price_oracle import NoRateThen, oracle_below_s
from tests.property.test_price_plans import DIGITS, Case, calls, cases, ends_at, gross, money
from tests.property.test_terms import CAP_S, HOLIDAYS, talks_us, tariffs

NEEDED = Bounds()


class Change(NamedTuple):
    """What a hook answers, and the same in the second opinion's words."""

    answer: hook.Adjustment
    means: OracleChange

    @property
    def adjustment(self) -> Adjustment | None:
        return checked(self.answer, GENEROUS)

    @property
    def bounds(self) -> Bounds:
        """The least that let it pass."""
        found = self.adjustment
        if found is None:
            return NEEDED
        return Bounds(
            percent_ppm=max(0, found.percent_ppm),
            per_minute_micros=found.per_minute_micros,
            per_call_micros=max(0, found.per_call_micros),
        )


Amounts = st.SearchStrategy[Decimal | int]
USUAL: list[Decimal | int] = [Decimal(0), Decimal("0.05"), Decimal("0.333333"), 0, 1]
USUAL_PERCENTS: list[Decimal | int] = [0, -100, -50, Decimal("33.3333"), Decimal("-0.0001"), 1000]


def amounts(least: str, most: str) -> Amounts:
    return st.sampled_from(USUAL) | st.decimals(least, most, places=6, allow_nan=False)


percents: Amounts = st.sampled_from(USUAL_PERCENTS) | (
    st.decimals(-100, 200, places=4, allow_nan=False)
)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    if draw(st.integers(0, 9)) == 0:
        return Change(hook.Adjustment(reason="Because", is_free=True), OracleChange(is_free=True))
    answer = hook.Adjustment(
        reason="Because",
        percent=draw(percents),
        per_minute=draw(amounts("0", "2")),
        per_call=draw(amounts("-2", "2")),
        charge_max=draw(st.none() | amounts("0", "5")),
    )
    means = OracleChange(
        share=Fraction(answer.percent) / 100,
        per_minute=Fraction(answer.per_minute),
        per_call=Fraction(answer.per_call),
        most=None if answer.charge_max is None else Fraction(answer.charge_max),
    )
    return Change(answer, means)


@st.composite
def some_cases(draw: st.DrawFn) -> Case:
    """Plans, and tariffs without one: by the second opinion a plan that only rounds."""
    if draw(st.booleans()):
        return draw(cases())
    tariff = draw(tariffs())
    plan = PricePlan(
        name="",
        version=0,
        currency="EUR",
        valid_from=tariff.valid_from,
        tariffs=(tariff.name,),
        rounding=tariff.rounding,
    )
    return Case(Offer([RateTable(tariff, HOLIDAYS)]), plan, tariff)


def second_opinion(case: Case, change: Change, asked: Asked, talk_us: int) -> OracleCharge | None:
    call = OracleCall(DIGITS, asked.account, asked.pbx, asked.answered_at)
    talk = timedelta(microseconds=talk_us)
    try:
        return oracle_charge(case.plan, case.begins, call, talk, HOLIDAYS, change.means)
    except NoRateThen:
        return None


def adjusted(case: Case, change: Change) -> AdjustedOffer:
    found = change.adjustment
    assume(found is not None)
    assert found is not None
    return AdjustedOffer(case.offer, found)


@given(some_cases(), changes(), calls, talks_us)
def test_every_adjusted_charge_agrees_with_the_oracle(
    case: Case, change: Change, asked: Asked, talk_us: int
) -> None:
    offer = adjusted(case, change)
    expected = second_opinion(case, change, asked, talk_us)
    if expected is None:
        with pytest.raises(NoRate):
            offer.price(asked, talk_us)
        return
    found = offer.price(asked, talk_us)
    assert Fraction(found.net_micros, 1_000_000) == expected.net
    assert Fraction(found.tax_micros, 1_000_000) == expected.tax
    assert found.adjustment == offer.adjustment


@given(some_cases(), changes(), calls, talks_us, talks_us)
def test_no_hook_makes_a_longer_call_cheaper_or_a_price_negative(
    case: Case, change: Change, asked: Asked, talk_us: int, more_us: int
) -> None:
    offer = adjusted(case, change)
    try:
        longer = offer.price(asked, talk_us + more_us)
    except NoRate:
        return
    shorter = offer.price(asked, talk_us)
    assert longer.micros >= shorter.micros >= 0
    assert longer.net_micros >= shorter.net_micros >= 0


@given(some_cases(), changes(), calls, money)
def test_affordable_time_is_the_exact_inverse_of_the_adjusted_price(
    case: Case, change: Change, asked: Asked, micros: int
) -> None:
    offer = adjusted(case, change)
    if second_opinion(case, change, asked, 0) is None:
        with pytest.raises(NoRate):
            offer.affordable_s(asked, micros, CAP_S)
        return
    found_s = offer.affordable_s(asked, micros, CAP_S)

    def is_paid(seconds: int) -> bool:
        charge = second_opinion(case, change, asked, seconds * 1_000_000)
        return charge is not None and gross(charge) <= micros

    if not is_paid(0):
        assert found_s == 0
        return
    assert is_paid(found_s)
    assert not is_paid(found_s + 1) or ends_at(case, asked, found_s)


@given(some_cases(), changes(), calls, talks_us)
def test_the_lines_of_an_adjusted_price_add_up(
    case: Case, change: Change, asked: Asked, talk_us: int
) -> None:
    offer = adjusted(case, change)
    try:
        explained = explain(case.offer, asked, talk_us, adjustment=offer.adjustment)
    except NoRate:
        return
    assert explained.price == offer.price(asked, talk_us)
    total = sum((line.amount for line in explained.lines), Fraction(0))
    assert total == Fraction(explained.price.micros, 1_000_000)


@given(some_cases(), changes(), calls, money)
def test_no_adjusted_call_costs_more_than_the_worst_price_within_the_hooks_bounds(
    case: Case, change: Change, asked: Asked, micros: int
) -> None:
    worst = worst_prices(case.offer, {"home": ["+44"]}, change.bounds)
    granted_s = worst.affordable_s("home", micros, CAP_S)
    assert granted_s is not None
    if granted_s == 0:
        return
    for seconds in (1, granted_s):
        expected = second_opinion(case, change, asked, seconds * 1_000_000)
        assert expected is None or gross(expected) <= micros


@given(tariffs(), changes(), calls, money)
def test_the_time_below_a_ceiling_is_that_of_the_adjusted_price_a_minute(
    tariff: Tariff, change: Change, asked: Asked, ceiling_micros: int
) -> None:
    # Grace would hide increments that are due, and a price that is rounded is another price.
    tariff = replace(
        tariff,
        rounding=Rounding(),
        rates=tuple(replace(rate, terms=replace(rate.terms, grace_s=0)) for rate in tariff.rates),
    )
    found, means = change.adjustment, change.means
    assume(found is not None)
    assert found is not None

    def pays(minute: Fraction) -> Fraction:
        if means.is_free or means.most == 0:
            return Fraction(0)
        return minute * (1 + means.share) + means.per_minute * 1_000_000

    offer = Offer([RateTable(tariff, HOLIDAYS)])
    try:
        expected = oracle_below_s(tariff, asked.answered_at, ceiling_micros, CAP_S, HOLIDAYS, pays)
    except NoRateThen:
        with pytest.raises(NoRate):
            AdjustedOffer(offer, found).below_ceiling_s(asked, ceiling_micros, CAP_S)
        return
    adjusted_offer = AdjustedOffer(offer, found)
    assert adjusted_offer.below_ceiling_s(asked, ceiling_micros, CAP_S) == expected


@given(some_cases(), changes(), calls, money)
def test_no_adjusted_call_ends_before_its_worst_bound_within_the_hooks_bounds(
    case: Case, change: Change, asked: Asked, ceiling_micros: int
) -> None:
    offer = adjusted(case, change)
    worst = worst_prices(case.offer, {"home": ["+44"]}, change.bounds)
    granted_s = worst.longest_s("home", CAP_S, ceiling_micros)
    assert granted_s is not None
    try:
        below_s = offer.below_ceiling_s(asked, ceiling_micros, CAP_S)
        ends_s = offer.longest_s(asked)
    except NoRate:
        return
    assert granted_s <= min(below_s, CAP_S if ends_s is None else ends_s)


@given(changes())
def test_what_the_books_keep_is_what_was_answered(change: Change) -> None:
    found = change.adjustment
    assume(found is not None)
    assert found is not None
    assert adjustment_from(adjustment_json(found)) == found
    assert checked(replace(change.answer), change.bounds) == found
