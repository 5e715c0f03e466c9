"""How long calls last that bundles pay, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rtbill.domain.money import parse_micros
from rtbill.domain.tariff import Rate
from rtbill.rating.bundle_time import affordable_with, longest_with
from rtbill.rating.bundles import Share
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.unit.rating.builders import NOON, a_band, a_rate, a_table, some_terms, utc
from tests.unit.rating.bundle_builders import credit, minutes, share

ASKED = Asked("+441632960000", NOON, "room-1")
MINUTE = a_table(a_rate("60/60", "0.60", connect="0.10"))
"""0.60 a minute, and 0.10 to be connected."""
CAP_S = 4 * 3600


def lasts(amount: str, *shares: Share, table: RateTable = MINUTE) -> int:
    return affordable_with(Offer([table]), ASKED, parse_micros(amount), CAP_S, shares)


def ends(*shares: Share, table: RateTable, at: datetime = NOON) -> int | None:
    return longest_with(Offer([table]), ASKED._replace(answered_at=at), shares)


def ending_at(amount: str, per_minute: str, connect: str = "0", band: str = "") -> Rate:
    """A rate by the minute whose calls end where they would cost more."""
    terms = some_terms(
        "60/60", per_minute, connect, charge_max_micros=parse_micros(amount), charge_max_ends=True
    )
    return replace(a_rate(band=a_band(band) if band else None), terms=terms)


def test_money_lasts_until_the_seconds_and_what_it_pays_beyond_are_over() -> None:
    assert lasts("0", share(minutes(90))) == 90
    assert lasts("0.59", share(minutes(90))) == 90
    assert lasts("0.60", share(minutes(90))) == 150
    assert lasts("0.10", share(minutes(90)), share(credit("0.50"))) == 150


def test_without_the_money_for_the_connect_fee_the_seconds_are_of_no_use() -> None:
    bundle = minutes(90, covers_fees=False)
    assert lasts("0.09", share(bundle)) == 0
    assert lasts("0.10", share(bundle)) == 90


def test_a_rate_that_ends_calls_ends_those_of_bundles_too() -> None:
    table = a_table(replace(a_rate(), terms=some_terms(call_max_s=45)))
    assert lasts("0", share(minutes()), table=table) == 45


def test_an_exclusive_bundle_is_not_helped_out_by_the_accounts_money() -> None:
    bundle = credit("1", is_exclusive=True)
    assert lasts("20", share(bundle)) == 60
    assert lasts("20", share(bundle, left=0)) == 0
    assert lasts("20", share(minutes(30)), share(bundle)) == 90


def test_without_bundles_the_end_is_the_rates() -> None:
    assert ends(table=a_table(ending_at("1.20", "0.60"))) == 120
    assert ends(share(minutes(), left=0), table=a_table(ending_at("1.20", "0.60"))) == 120
    assert ends(share(credit()), table=a_table(ending_at("1.20", "0.60"))) == 120


def test_a_greatest_charge_is_reached_by_talk_alone_that_no_seconds_pay() -> None:
    table = a_table(ending_at("1.20", "0.60", connect="0.10"))
    assert ends(table=table) == 60  # 0.10 and 0.60; a second minute would make it 1.30
    assert ends(share(minutes(90)), table=table) == 210  # the rest owes no connect fee
    assert lasts("20", share(minutes(90)), table=table) == 210


def test_the_longest_call_counts_from_the_answer_also_where_a_greatest_charge_comes_later() -> None:
    rate = ending_at("1.20", "0.60")
    table = a_table(replace(rate, terms=replace(rate.terms, call_max_s=150)))
    assert ends(table=table) == 120
    assert ends(share(minutes(20)), table=table) == 140
    assert ends(share(minutes(90)), table=table) == 150


def test_a_bundle_never_ends_a_call_that_would_go_on_without_it() -> None:
    dear_hours = ending_at("0.60", "6", band="13-18")
    before_one = utc("2026-05-13T12:58:30")

    assert ends(share(minutes(90)), table=a_table(a_rate(), dear_hours), at=before_one) is None
    # Whole it is two minutes of 0.30; from 13:00 on nothing more would be covered.
    table = a_table(ending_at("0.60", "0.30"), dear_hours)
    assert ends(share(minutes(90)), table=table, at=before_one) == 120
    assert ends(share(minutes(150)), table=table, at=before_one) == 150


def test_the_rest_goes_on_where_its_own_rate_ends_no_calls() -> None:
    table = a_table(ending_at("0.60", "0.60"), a_rate(band=a_band("13-18")))
    before_one = utc("2026-05-13T12:59:00")
    assert ends(share(minutes(30)), table=table, at=before_one) == 90
    assert ends(share(minutes(60)), table=table, at=before_one) is None


def test_a_time_without_a_rate_ends_what_a_greatest_charge_would() -> None:
    table = a_table(ending_at("0.60", "0.60", band="8-13"))
    assert ends(share(minutes(90)), table=table, at=utc("2026-05-13T12:59:00")) == 90
