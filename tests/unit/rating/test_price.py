"""Increments, connect fee, bands inside a call, one rounding."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from rtbill.domain.errors import NoRate
from rtbill.domain.money import decimal_text, parse_micros
from rtbill.domain.tariff import Rate
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import accrued, price
from tests.unit.rating.builders import (
    NOON,
    WEEKDAYS,
    a_band,
    a_rate,
    a_table,
    some_terms,
    utc,
)

NUMBER = "+441632960000"


def cost(table: RateTable, talk_s: float, answered_at: datetime = NOON) -> str:
    talk_us = round(talk_s * 1_000_000)
    return decimal_text(price(table, NUMBER, answered_at, talk_us).micros)


@pytest.mark.parametrize(
    ("increments", "talk_us", "billed_s"),
    [
        ("60/60", 1, 60),
        ("60/60", 60_000_000, 60),
        ("60/60", 60_000_001, 120),
        ("60/60", 120_000_000, 120),
        ("60/1", 59_999_999, 60),
        ("60/1", 60_000_001, 61),
        ("60/1", 61_000_000, 61),
        ("1/1", 1_000_001, 2),
        ("30/6", 30_000_001, 36),
        ("30/6", 42_000_000, 42),
        ("60/60", 0, 60),
    ],
)
def test_talk_is_billed_in_whole_increments(increments: str, talk_us: int, billed_s: int) -> None:
    assert price(a_table(a_rate(increments)), NUMBER, NOON, talk_us).billed_s == billed_s


def test_the_shortest_answered_call_costs_connect_fee_and_first_increment() -> None:
    table = a_table(a_rate("60/1", per_minute="0.12", connect="0.05"))
    assert cost(table, 0.000001) == "0.17"
    assert cost(table, 0) == "0.17"


def test_a_price_says_why() -> None:
    table = a_table(a_rate("60/1", per_minute="0.12", connect="0.05"))
    found = price(table, NUMBER, NOON, 75_000_000)
    assert (found.prefix, found.destination, found.billed_s) == ("44", "Destination 44", 75)
    assert (found.tariff, found.tariff_version, found.currency) == ("retail", 1, "EUR")
    assert found.micros == 200_000


def test_the_sum_is_rounded_once_half_up() -> None:
    # 61 s at 0.0125 a minute are 0.012708333...; 36 s at 0.0125 are exactly 0.0075
    assert cost(a_table(a_rate("1/1", per_minute="0.0125")), 61) == "0.0127"
    assert cost(a_table(a_rate("1/1", per_minute="0.0125"), digits=2), 36) == "0.01"
    assert cost(a_table(a_rate("1/1", per_minute="0.0025"), digits=4), 6) == "0.0003"
    assert cost(a_table(a_rate("1/1", per_minute="0.0025"), digits=6), 6) == "0.00025"
    assert cost(a_table(a_rate("1/1", per_minute="60"), digits=0), 1) == "1.00"


def test_a_connect_fee_finer_than_the_rounding_is_not_rounded_by_itself() -> None:
    table = a_table(a_rate("1/1", per_minute="0.0024", connect="0.00003"))
    # 0.00003 + 0.00002 = 0.00005, half up; either alone would round to nothing
    assert cost(table, 0.5) == "0.0001"
    assert cost(table, 0.0) == "0.0001"


def test_the_increment_in_progress_belongs_to_the_band_in_which_it_began() -> None:
    day = a_rate("60/60", per_minute="0.60", band=a_band("8-18"))
    table = a_table(day, a_rate("60/60", per_minute="0.06"))
    # answered 30 s before 18:00: the first minute is dear, the second cheap
    assert cost(table, 60, utc("2026-05-13T17:59:30")) == "0.60"
    assert cost(table, 61, utc("2026-05-13T17:59:30")) == "0.66"
    # answered at the switch itself, or a minute before it to the microsecond
    assert cost(table, 60, utc("2026-05-13T18:00:00")) == "0.06"
    assert cost(table, 61, utc("2026-05-13T17:59:00")) == "0.66"
    assert cost(table, 61, utc("2026-05-13T17:58:59.999999")) == "1.20"


def test_connect_fee_and_first_increment_are_those_of_the_answer() -> None:
    day = a_rate("60/60", per_minute="0.60", connect="1", band=a_band("8-18"))
    night = a_rate("30/6", per_minute="0.06", connect="2")
    table = a_table(day, night)
    found = price(table, NUMBER, utc("2026-05-13T17:59:50"), 61_000_000)
    assert (decimal_text(found.micros), found.billed_s) == ("1.606", 66)
    assert found.destination == "Destination 44"


def test_a_call_over_a_weekend_sees_every_switch() -> None:
    day = a_rate("1/1", per_minute="0.60", band=a_band("8-18", WEEKDAYS))
    table = a_table(day, a_rate("1/1", per_minute="0.06"), zone="Europe/Berlin")
    # Friday 17:00 to Monday 09:00 local: 1 h dear, 62 h cheap, 1 h dear
    assert cost(table, 64 * 3600, utc("2026-05-15T15:00")) == decimal_text(
        2 * 60 * 600_000 + 62 * 60 * 60_000
    )


def test_a_time_without_a_rate_leaves_the_price_unknown() -> None:
    table = a_table(a_rate("60/60", band=a_band("8-18")))
    assert cost(table, 60, utc("2026-05-13T17:59:30")) == "0.06"
    with pytest.raises(NoRate, match=r"\+441632960000"):
        cost(table, 61, utc("2026-05-13T17:59:30"))
    with pytest.raises(NoRate):
        cost(table, 1, utc("2026-05-13T18:00"))


def test_the_live_view_shows_what_the_call_would_cost_if_it_ended_now() -> None:
    table = a_table(a_rate("60/1", per_minute="0.60", connect="0.10"))
    assert accrued(table, NUMBER, NOON, NOON) == 700_000
    assert accrued(table, NUMBER, NOON, NOON + timedelta(seconds=61)) == 710_000
    assert accrued(table, NUMBER, NOON, NOON - timedelta(seconds=5)) == 700_000


@pytest.mark.parametrize(
    ("source", "increments", "per_minute", "connect", "digits", "talk_s", "expected", "billed_s"),
    [
        ("ASTPP calc_cost", "30/6", "0.6", "0.05", 4, 10, "0.35", 30),
        ("Kazoo hon_util_tests", "60/60", "0.01", "0.5", 4, 60, "0.51", 60),
        ("Kazoo calculate_call", "60/60", "0.01", "0", 4, 1, "0.01", 60),
        ("Kazoo calculate_call", "30/6", "0.01", "0", 4, 31, "0.006", 36),
        ("Kazoo calculate_call", "30/6", "0.01", "0", 4, 36, "0.006", 36),
        ("Kazoo calculate_call", "30/6", "0.015", "0.05", 4, 125, "0.0815", 126),
        ("Freeside rate_prefix", "6/6", "0.05", "0", 2, 31, "0.03", 36),
        ("Freeside rate_prefix, per call", "1/1", "0", "0.25", 2, 500, "0.25", 500),
        ("Freeside rate_prefix, half a cent up", "6/6", "0.05", "0", 2, 6, "0.01", 6),
        ("Freeside rate_prefix, connection", "60/60", "0.05", "0.10", 2, 30, "0.15", 60),
        ("Yeti interval_billing", "60/60", "0.6", "0", 4, 1, "0.60", 60),
        ("mod_nibblebill, per second", "1/1", "0.6", "0", 4, 30, "0.30", 30),
        ("mod_nibblebill, increment 60", "60/60", "0.6", "0", 4, 1, "0.60", 60),
        ("CGRateS 30/6 reports", "30/6", "0.006", "0", 4, 32, "0.0036", 36),
        ("CGRateS 30/6 reports", "30/6", "0.006", "0", 4, 57, "0.006", 60),
        ("CGRateS 30/6 reports", "30/6", "0.006", "0", 4, 75, "0.0078", 78),
        ("CGRateS per-call charge", "1/1", "0", "0.1", 4, 645, "0.10", 645),
        # MagnusBilling counts increments from the answer (36 s); here they follow the first
        ("MagnusBilling, read as 30/18", "30/18", "0.6", "0", 4, 31, "0.48", 48),
    ],
)
def test_cases_published_by_other_billing_systems(
    source: str,
    increments: str,
    per_minute: str,
    connect: str,
    digits: int,
    talk_s: int,
    expected: str,
    billed_s: int,
) -> None:
    table = a_table(a_rate(increments, per_minute, connect), digits=digits)
    found = price(table, NUMBER, NOON, talk_s * 1_000_000)
    assert found.micros == parse_micros(expected), source
    assert found.billed_s == billed_s, source


def evening_table() -> RateTable:
    """The EVENING plan of CGRateS' engine/calldesc_test.go."""
    return a_table(
        a_rate("1/1", per_minute="60", connect="1", band=a_band("0-18", WEEKDAYS)),
        a_rate("1/1", per_minute="30"),
    )


@pytest.mark.parametrize(
    ("case", "answered", "talk_s", "expected"),
    [
        ("cgr-001: switch at 18:00 on a Thursday", "2012-02-02T17:30", 3600, "2701"),
        ("cgr-011: midnight, no second connect fee", "2012-02-07T23:50", 2400, "2100"),
        ("cgr-012: evening", "2012-02-08T23:50", 30, "15"),
        ("cgr-013: long evening call", "2012-02-08T22:50", 3621, "1810.5"),
    ],
)
def test_cases_of_a_time_of_day_tariff(
    case: str, answered: str, talk_s: int, expected: str
) -> None:
    found = price(evening_table(), NUMBER, utc(answered), talk_s * 1_000_000).micros
    assert found == parse_micros(expected), case


def test_autumn_change_in_new_york_bills_the_repeated_hour_at_its_own_band() -> None:
    # 01:30 EDT; clocks go back at 06:00 UTC; local 02:00 EST is 07:00 UTC: 90 min + 30 min
    table = a_table(
        a_rate("1/1", per_minute="0.06", band=a_band("0-2")),
        a_rate("1/1", per_minute="0.6"),
        zone="America/New_York",
    )
    assert cost(table, 7200, utc("2026-11-01T05:30")) == "23.40"


def test_spring_change_in_berlin_switches_at_an_hour_that_does_not_exist() -> None:
    # 01:50 CET; local 02:00 never comes, 03:00 CEST does at 01:00 UTC: 10 min + 10 min
    table = a_table(
        a_rate("1/1", per_minute="0.06", band=a_band("0-2")),
        a_rate("1/1", per_minute="0.6"),
        zone="Europe/Berlin",
    )
    assert cost(table, 1200, utc("2026-03-29T00:50")) == "6.60"


def a_list(increments: str, per_minute: str = "0.06", **more: Any) -> RateTable:
    terms = some_terms(increments, per_minute, **more)
    return a_table(Rate(prefix="44", destination="Anywhere", terms=terms), digits=6)


@pytest.mark.parametrize(
    ("talk_s", "expected"),
    [(0, "0.001"), (59.999999, "0.06"), (60, "0.07"), (60.000001, "0.071"), (125, "0.145")],
)
def test_a_recurring_fee_is_due_when_its_span_is_full(talk_s: float, expected: str) -> None:
    table = a_list("1/1", recurring_fee_micros=10_000, recurring_every_s=60)
    assert cost(table, talk_s) == expected


def test_a_recurring_fee_counts_the_free_seconds_and_not_a_call_in_grace() -> None:
    fee: dict[str, Any] = {"recurring_fee_micros": 10_000, "recurring_every_s": 30}
    assert cost(a_list("60/60", free_s=60, **fee), 60) == "0.02"
    assert cost(a_list("60/60", grace_s=60, **fee), 60) == "0.00"


def test_fees_are_kept_within_the_greatest_charge() -> None:
    table = a_list(
        "60/60", recurring_fee_micros=10_000, recurring_every_s=1, charge_max_micros=500_000
    )
    assert (cost(table, 10), cost(table, 60)) == ("0.16", "0.50")


@pytest.mark.parametrize(
    ("talk_s", "expected"),
    [(0, "0.06"), (57, "0.06"), (57.000001, "0.12"), (58, "0.12"), (117, "0.12"), (118, "0.18")],
)
def test_added_seconds_are_billed_after_the_talk(talk_s: float, expected: str) -> None:
    assert cost(a_list("60/60", added_s=3), talk_s) == expected


def test_added_seconds_may_come_beyond_the_free_ones_and_make_a_span_full() -> None:
    table = a_list("60/60", free_s=60, added_s=3)
    assert (cost(table, 57), cost(table, 57.000001)) == ("0.00", "0.06")
    fee = a_list("1/1", "0", added_s=3, recurring_fee_micros=10_000, recurring_every_s=60)
    assert (cost(fee, 56.999999), cost(fee, 57)) == ("0.00", "0.01")


def test_grace_and_the_disconnect_fee_ask_for_the_talk_itself() -> None:
    table = a_list(
        "60/60", added_s=3, grace_s=10, disconnect_fee_micros=100_000, disconnect_after_s=30
    )
    assert [cost(table, talk_s) for talk_s in (10, 11, 29, 30)] == ["0.00", "0.06", "0.06", "0.16"]


def test_what_added_seconds_make_due_is_priced_by_the_band_at_that_time() -> None:
    day = Rate(
        prefix="44",
        destination="Day",
        terms=some_terms("60/60", "0.60", added_s=30),
        band=a_band("8-18"),
    )
    table = a_table(day, a_rate("60/60", "0.06"))
    answered_at = utc("2026-05-13T17:59:00")
    # 40 s are 70: the second minute begins at 18:00:00.
    assert (cost(table, 30, answered_at), cost(table, 40, answered_at)) == ("0.60", "0.66")


def test_a_greatest_charge_that_ends_the_call_does_not_lower_its_price() -> None:
    limits: dict[str, Any] = {"charge_max_micros": 1_000_000}
    assert cost(a_list("60/60", "0.60", **limits), 600) == "1.00"
    assert cost(a_list("60/60", "0.60", charge_max_ends=True, **limits), 600) == "6.00"
