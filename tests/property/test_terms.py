"""Prices of every shape of terms and bands against the second opinion."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rtbill.domain.errors import NoRate
from rtbill.domain.money import RoundingMode
from rtbill.domain.tariff import Counting, OnHolidays, Rate, Rounding, Step, Tariff, Terms, TimeBand
from rtbill.rating.affordable import affordable_s
from rtbill.rating.bands import clash
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from rtbill.rating.longest import Ceiling, below_ceiling_s, longest_s
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.price import price
from rtbill.rating.worst import worst_prices
from tests.property.price_oracle import (
    NoRateThen,
    OracleAnswer,
    oracle_affordable_s,
    oracle_below_s,
    oracle_price,
)
from tests.property.test_price import NUMBER, ZONES, instants, prices
from tests.unit.rating.builders import YEAR_2026

HOLIDAYS = {"site": frozenset({date(2026, 3, 29), date(2026, 10, 25), date(2027, 1, 1)})}
CAP_S = 120

lengths = st.sampled_from([1, 6, 10, 18, 30, 60, 97, 180])
units = st.sampled_from([1, 6, 10, 30, 60, 60, 60, 3600])
seconds = st.sampled_from([0, 0, 0, 1, 5, 30, 60, 61, 200])
talks_us = st.one_of(
    st.integers(0, 700_000_000),
    st.integers(0, 700).map(lambda each: each * 1_000_000),
    st.integers(0, 700).map(lambda each: each * 1_000_000 + 1),
)


@st.composite
def some_terms(draw: st.DrawFn) -> Terms:
    """Up to four steps, and each of the other fields in about half of the cases."""
    begins = [0, *sorted(draw(st.sets(st.integers(1, 300), max_size=3)))]
    steps = tuple(Step(each, draw(prices), draw(units), draw(lengths)) for each in begins)
    least = draw(st.sampled_from([0, 0, 0, 50_000, 700_000]))
    most = draw(st.sampled_from([None, None, 0, 300_000, 2_000_000]))
    return Terms(
        steps=steps,
        first_increment_s=draw(st.sampled_from([0, 0, 1, 30, 60, 97])),
        connect_fee_micros=draw(st.sampled_from([0, 0, 15_000, 123_456])),
        counting=draw(st.sampled_from(Counting)),
        free_s=draw(seconds),
        billable_min_s=draw(seconds),
        grace_s=draw(seconds),
        charge_min_micros=least,
        charge_max_micros=None if most is None else most + least,
        disconnect_fee_micros=draw(st.sampled_from([0, 0, 30_000])),
        disconnect_after_s=draw(seconds),
        charge_max_ends=draw(st.booleans()) if most is not None else False,
        recurring_fee_micros=draw(st.sampled_from([0, 0, 10_000, 123_456])),
        recurring_every_s=draw(lengths),
        added_s=draw(seconds),
        call_max_s=draw(st.sampled_from([None, None, 100])),
    )


@st.composite
def some_bands(draw: st.DrawFn) -> TimeBand:
    start, end = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=2)))
    on_holidays = draw(st.sampled_from(OnHolidays))
    few = st.one_of(st.just(frozenset[int]()), st.frozensets(st.integers(1, 12), min_size=3))
    return TimeBand(
        days=draw(st.frozensets(st.integers(0, 6), min_size=3)),
        start_minute=start,
        end_minute=end,
        months=draw(few),
        month_days=draw(st.one_of(st.just(frozenset[int]()), st.just(frozenset(range(20, 32))))),
        years=draw(st.sampled_from([frozenset[int](), frozenset({2026}), frozenset({2027, 2028})])),
        on_holidays=on_holidays,
        calendar="" if on_holidays is OnHolidays.ALSO else "site",
        priority=draw(st.integers(0, 2)),
    )


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Rates of one prefix whose bands may meet at different priorities; mostly one always holds."""
    bands = draw(st.lists(some_bands(), max_size=3).filter(lambda each: clash(each) is None))
    always: list[TimeBand | None] = [None] if not bands or draw(st.integers(0, 4)) else []
    rates = tuple(
        Rate(prefix="44", destination="Anywhere", terms=draw(some_terms()), band=band)
        for band in [*bands, *always]
    )
    return Tariff(
        name="retail",
        version=1,
        currency="EUR",
        zone=draw(st.sampled_from(ZONES)),
        valid_from=YEAR_2026,
        rates=rates,
        rounding=Rounding(
            draw(st.sampled_from(RoundingMode)),
            draw(st.integers(0, 6)),
            draw(st.sampled_from([None, None, 4, 5])),
        ),
        splits_increments=draw(st.booleans()),
    )


def second_opinion(tariff: Tariff, answered_at: datetime, talk_us: int) -> OracleAnswer | None:
    try:
        return oracle_price(tariff, answered_at, timedelta(microseconds=talk_us), HOLIDAYS)
    except NoRateThen:
        return None


@given(tariffs(), instants, talks_us)
def test_every_price_agrees_with_the_oracle(
    tariff: Tariff, answered_at: datetime, talk_us: int
) -> None:
    table = RateTable(tariff, HOLIDAYS)
    expected = second_opinion(tariff, answered_at, talk_us)
    if expected is None:
        with pytest.raises(NoRate):
            price(table, NUMBER, answered_at, talk_us)
        return
    found = price(table, NUMBER, answered_at, talk_us)
    assert found.micros == int(expected.amount.scaleb(6))
    assert found.billed_s == expected.billed_s


@given(tariffs(), instants, talks_us, talks_us)
def test_a_longer_call_never_costs_less(
    tariff: Tariff, answered_at: datetime, talk_us: int, more_us: int
) -> None:
    table = RateTable(tariff, HOLIDAYS)
    try:
        longer = price(table, NUMBER, answered_at, talk_us + more_us)
    except NoRate:
        return
    assert longer.micros >= price(table, NUMBER, answered_at, talk_us).micros


@given(tariffs(), instants, st.integers(0, 3_000_000))
def test_affordable_time_agrees_with_the_oracle(
    tariff: Tariff, answered_at: datetime, money: int
) -> None:
    table = RateTable(tariff, HOLIDAYS)
    if second_opinion(tariff, answered_at, 0) is None:
        with pytest.raises(NoRate):
            affordable_s(table, NUMBER, answered_at, money, CAP_S)
        return
    expected = oracle_affordable_s(tariff, answered_at, Decimal(money).scaleb(-6), CAP_S, HOLIDAYS)
    assert affordable_s(table, NUMBER, answered_at, money, CAP_S) == expected


@given(tariffs(), instants, st.integers(0, 3_000_000))
def test_no_call_costs_more_than_what_the_worst_price_allows_it(
    tariff: Tariff, answered_at: datetime, money: int
) -> None:
    table = RateTable(tariff, HOLIDAYS)
    granted_s = worst_prices(Offer([table]), {"home": ["+44"]}).affordable_s("home", money, CAP_S)
    assert granted_s is not None
    if granted_s == 0:
        return
    expected = second_opinion(tariff, answered_at, granted_s * 1_000_000)
    assert expected is None or int(expected.amount.scaleb(6)) <= money


@given(tariffs(), instants)
def test_the_longest_call_agrees_with_the_oracle(tariff: Tariff, answered_at: datetime) -> None:
    assume(any(rate.band is None for rate in tariff.rates))
    found = longest_s(RateTable(tariff, HOLIDAYS), NUMBER, answered_at)
    expected = oracle_affordable_s(tariff, answered_at, Decimal(10**9), CAP_S, HOLIDAYS)
    assert min(CAP_S, CAP_S if found is None else found) == expected


@given(tariffs(), instants, st.integers(0, 3_000_000))
def test_the_time_below_a_ceiling_agrees_with_the_oracle(
    tariff: Tariff, answered_at: datetime, ceiling_micros: int
) -> None:
    # Grace would hide increments that are due, and a price that is rounded is another price.
    tariff = replace(
        tariff,
        rounding=Rounding(),
        rates=tuple(replace(rate, terms=replace(rate.terms, grace_s=0)) for rate in tariff.rates),
    )
    table, ceiling = RateTable(tariff, HOLIDAYS), Ceiling(ceiling_micros)
    if second_opinion(tariff, answered_at, 0) is None:
        with pytest.raises(NoRate):
            below_ceiling_s(table, NUMBER, answered_at, ceiling, CAP_S)
        return
    expected = oracle_below_s(tariff, answered_at, ceiling_micros, CAP_S, HOLIDAYS)
    assert below_ceiling_s(table, NUMBER, answered_at, ceiling, CAP_S) == expected
    worst = worst_prices(Offer([table]), {"home": ["+44"]})
    granted_s = worst.longest_s("home", CAP_S, ceiling_micros)
    assert granted_s is not None
    assert granted_s <= expected


@given(tariffs(), instants, talks_us)
def test_the_lines_of_an_explanation_add_up_to_the_price(
    tariff: Tariff, answered_at: datetime, talk_us: int
) -> None:
    table = RateTable(tariff, HOLIDAYS)
    try:
        explained = explain(Offer([table]), Asked(NUMBER, answered_at), talk_us)
    except NoRate:
        return
    assert explained.price == price(table, NUMBER, answered_at, talk_us)
    total = sum((line.amount for line in explained.lines), Fraction(0))
    assert total == Fraction(explained.price.micros, 1_000_000)
    parts = [line.increments for line in explained.lines if line.increments]
    assert math.ceil(sum(part.count * part.length_s for part in parts)) == explained.price.billed_s
