"""How long the money lasts."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.errors import NoRate
from rtbill.domain.money import parse_micros
from rtbill.domain.tariff import Rate
from rtbill.rating.affordable import affordable_s
from rtbill.rating.lookup import RateTable
from tests.unit.rating.builders import NOON, a_band, a_rate, a_table, some_terms, utc

NUMBER = "+441632960000"


@pytest.mark.parametrize(
    ("money", "seconds"),
    [
        ("0.0999", 0),
        ("0.1599", 0),
        ("0.16", 60),
        ("0.219999", 60),
        ("0.22", 120),
        ("-1", 0),
        ("0", 0),
    ],
)
def test_money_buys_connect_fee_and_whole_increments(money: str, seconds: int) -> None:
    table = a_table(a_rate("60/60", per_minute="0.06", connect="0.10"))
    assert affordable_s(table, NUMBER, NOON, parse_micros(money)) == seconds


def test_a_rounded_price_decides_not_the_exact_sum() -> None:
    # 1 s at 0.0125 a minute is 0.000208333, billed as 0.0002
    table = a_table(a_rate("1/1", per_minute="0.0125"))
    assert affordable_s(table, NUMBER, NOON, 200) == 1
    assert affordable_s(table, NUMBER, NOON, 199) == 0


def test_a_sum_exactly_between_two_prices_counts_as_the_dearer() -> None:
    # 6 s at 0.0025 a minute are exactly 0.00025, billed as 0.0003
    table = a_table(a_rate("1/1", per_minute="0.0025"))
    assert affordable_s(table, NUMBER, NOON, 200) == 5
    assert affordable_s(table, NUMBER, NOON, 300) == 8


def test_a_long_call_is_capped() -> None:
    table = a_table(a_rate("60/60", per_minute="0.01"))
    assert affordable_s(table, NUMBER, NOON, parse_micros("1000")) == 4 * 3600
    assert affordable_s(table, NUMBER, NOON, parse_micros("1000"), cap_s=90) == 90


def test_a_free_destination_is_capped_and_needs_no_money_but_no_debt_either() -> None:
    table = a_table(a_rate("60/60", per_minute="0"))
    assert affordable_s(table, NUMBER, NOON, 0, cap_s=600) == 600
    assert affordable_s(table, NUMBER, NOON, -1, cap_s=600) == 0


def test_money_lasts_longer_after_the_evening_band_begins() -> None:
    day = a_rate("60/60", per_minute="0.60", band=a_band("8-18"))
    table = a_table(day, a_rate("60/60", per_minute="0.06"))
    assert affordable_s(table, NUMBER, utc("2026-05-13T17:58:30"), parse_micros("1.32")) == 240
    assert affordable_s(table, NUMBER, utc("2026-05-13T12:00:00"), parse_micros("1.32")) == 120


def test_a_call_may_last_until_a_time_without_a_rate() -> None:
    table = a_table(a_rate("60/60", band=a_band("8-18")))
    assert affordable_s(table, NUMBER, utc("2026-05-13T17:57:30"), parse_micros("9")) == 180
    with pytest.raises(NoRate):
        affordable_s(table, NUMBER, utc("2026-05-13T18:00"), parse_micros("9"))


def test_an_unknown_destination_has_no_rate() -> None:
    with pytest.raises(NoRate):
        affordable_s(a_table(a_rate()), "+33123456789", NOON, parse_micros("9"))


def a_list(increments: str, per_minute: str = "0.06", **more: Any) -> RateTable:
    terms = some_terms(increments, per_minute, **more)
    return a_table(Rate(prefix="44", destination="Anywhere", terms=terms), digits=6)


@pytest.mark.parametrize(("money", "seconds"), [(59_999, 59), (69_999, 59), (70_000, 60)])
def test_a_span_is_not_made_full_when_its_fee_cannot_be_paid(money: int, seconds: int) -> None:
    table = a_list("1/1", recurring_fee_micros=10_000, recurring_every_s=60)
    assert affordable_s(table, NUMBER, NOON, money) == seconds


@pytest.mark.parametrize(("money", "seconds"), [(59_999, 0), (60_000, 57), (120_000, 117)])
def test_added_seconds_shorten_what_money_buys(money: int, seconds: int) -> None:
    assert affordable_s(a_list("60/60", added_s=3), NUMBER, NOON, money) == seconds


@pytest.mark.parametrize(
    ("most", "money", "seconds"),
    [(1_000_000, 10**9, 60), (1_200_000, 10**9, 120), (1_200_000, 1_000_000, 60)],
)
def test_a_greatest_charge_ends_the_call_where_no_further_increment_is_covered(
    most: int, money: int, seconds: int
) -> None:
    table = a_list("60/60", "0.60", charge_max_micros=most, charge_max_ends=True)
    assert affordable_s(table, NUMBER, NOON, money) == seconds
