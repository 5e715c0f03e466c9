"""Prices against the oracle, and laws that hold for every tariff and call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.tariff import Rate, Terms, TimeBand
from rtbill.rating.affordable import affordable_s
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import accrued, price
from tests.property.price_oracle import oracle_affordable_s, oracle_price, oracle_rate
from tests.unit.rating.builders import a_tariff

NUMBER = "+441632960000"
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Africa/Casablanca",
)
CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC),
    datetime(2026, 12, 31, 23, tzinfo=UTC),
)
"""Both clock changes of several zones, and a year's end."""

prices = st.one_of(
    st.integers(0, 3_000_000), st.sampled_from([0, 1, 12_500, 19_000, 60_000, 600_000])
)
increments = st.sampled_from([1, 6, 10, 18, 30, 60, 97, 180])
near_changes = st.builds(
    lambda change, offset_us: change + timedelta(microseconds=offset_us),
    st.sampled_from(CHANGES),
    st.one_of(
        st.integers(-7_200_000_000, 7_200_000_000),
        st.integers(-7200, 7200).map(lambda seconds: seconds * 1_000_000),
        st.integers(-120, 120).map(lambda minutes: minutes * 60_000_000),
    ),
)
any_time = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
instants = st.one_of(near_changes, any_time)
talks_us = st.one_of(
    st.integers(0, 4_000_000_000),
    st.integers(0, 4000).map(lambda seconds: seconds * 1_000_000),
    st.integers(0, 4000).map(lambda seconds: seconds * 1_000_000 + 1),
)


@st.composite
def rate_lists(draw: st.DrawFn) -> tuple[Rate, ...]:
    """Rates of one prefix: one without a band, and up to three bands that do not overlap."""
    cuts = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=4)))
    bands = [
        TimeBand(
            days=draw(st.frozensets(st.integers(0, 6), min_size=1)),
            start_minute=start,
            end_minute=end,
        )
        for start, end in pairwise(cuts)
        if draw(st.booleans())
    ]
    return tuple(
        Rate(
            prefix="44",
            destination="Anywhere",
            terms=Terms.per_minute(draw(prices), draw(increments), draw(increments), draw(prices)),
            band=band,
        )
        for band in [*bands, None]
    )


@st.composite
def tables(draw: st.DrawFn) -> RateTable:
    rates = draw(rate_lists())
    digits = draw(st.integers(0, 6))
    return RateTable(a_tariff(*rates, zone=draw(st.sampled_from(ZONES)), digits=digits))


def micros_of(amount: Decimal) -> int:
    return int(amount.scaleb(6))


@given(tables(), instants, talks_us)
def test_every_price_agrees_with_the_oracle(
    table: RateTable, answered_at: datetime, talk_us: int
) -> None:
    expected = oracle_price(table.tariff, answered_at, timedelta(microseconds=talk_us))
    found = price(table, NUMBER, answered_at, talk_us)
    assert (found.micros, found.billed_s) == (micros_of(expected.amount), expected.billed_s)
    assert found.micros % table.rounding_step == 0
    assert found.billed_s * 1_000_000 >= talk_us


@given(tables(), instants, talks_us, talks_us)
def test_a_longer_call_never_costs_less(
    table: RateTable, answered_at: datetime, talk_us: int, more_us: int
) -> None:
    shorter = price(table, NUMBER, answered_at, talk_us)
    longer = price(table, NUMBER, answered_at, talk_us + more_us)
    assert longer.micros >= shorter.micros
    assert longer.billed_s >= shorter.billed_s


@given(tables(), instants, talks_us)
def test_the_price_is_constant_inside_an_increment(
    table: RateTable, answered_at: datetime, talk_us: int
) -> None:
    found = price(table, NUMBER, answered_at, talk_us)
    assert price(table, NUMBER, answered_at, found.billed_s * 1_000_000) == found


@given(tables(), instants, talks_us, st.integers(1, 60))
def test_looking_at_a_call_in_slices_never_changes_its_price(
    table: RateTable, answered_at: datetime, talk_us: int, slices: int
) -> None:
    seen = [
        accrued(
            table,
            NUMBER,
            answered_at,
            answered_at + timedelta(microseconds=talk_us * number // slices),
        )
        for number in range(1, slices + 1)
    ]
    whole = price(table, NUMBER, answered_at, talk_us).micros
    charged = seen[0] + sum(later - earlier for earlier, later in pairwise(seen))
    assert charged == whole
    assert seen == sorted(seen)


@given(tables(), instants, st.integers(-1_000_000, 60_000_000), st.sampled_from([60, 900, 3000]))
def test_affordable_time_is_the_exact_inverse_of_the_price(
    table: RateTable, answered_at: datetime, money: int, cap_s: int
) -> None:
    seconds = affordable_s(table, NUMBER, answered_at, money, cap_s)
    assert 0 <= seconds <= cap_s
    if seconds:
        assert price(table, NUMBER, answered_at, seconds * 1_000_000).micros <= money
    if seconds < cap_s:
        assert price(table, NUMBER, answered_at, seconds * 1_000_000 + 1).micros > money


@given(tables(), instants, st.integers(0, 3_000_000))
def test_affordable_time_agrees_with_the_oracle(
    table: RateTable, answered_at: datetime, money: int
) -> None:
    expected = oracle_affordable_s(table.tariff, answered_at, Decimal(money).scaleb(-6), 240)
    assert affordable_s(table, NUMBER, answered_at, money, 240) == expected


@given(tables(), instants)
def test_the_rate_of_every_instant_agrees_with_the_local_clock(
    table: RateTable, instant: datetime
) -> None:
    tariff = table.tariff
    week = table.find(NUMBER)
    if isinstance(week, Rate):
        return
    expected = oracle_rate(tariff.rates, tariff.zone, instant)
    microseconds = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    stretch = week.stretch(microseconds)
    assert stretch.rate is expected
    last = instant + timedelta(microseconds=stretch.until_us - microseconds - 1)
    assert oracle_rate(tariff.rates, tariff.zone, last) is expected
