"""How long the money lasts."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import NoRate
from rtbill.domain.money import parse_micros
from rtbill.rating.affordable import affordable_s
from tests.unit.rating.builders import NOON, a_band, a_rate, a_table, utc

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
