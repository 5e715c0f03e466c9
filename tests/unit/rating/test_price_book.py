"""Which version of which plan and tariff is offered when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rtbill.domain.errors import NoRate
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Tariff
from rtbill.rating.price_book import PriceBook
from tests.unit.rating.builders import NOON, a_plan, a_rate, a_tariff, utc

MAY, JUNE, JULY = utc("2026-05-01"), utc("2026-06-01"), utc("2026-07-01")
MICROSECOND = timedelta(microseconds=1)
RETAIL = a_tariff(a_rate(prefix="49"))
VIP = a_tariff(a_rate(prefix="49"), name="vip", valid_from=JUNE)
CARRIER = a_tariff(a_rate(prefix="49"), name="carrier")


def in_chf(tariff: Tariff) -> Tariff:
    return replace(tariff, currency="CHF")


def a_book(*plans: PricePlan, tariffs: tuple[Tariff, ...] = (RETAIL, VIP, CARRIER)) -> PriceBook:
    return PriceBook(tariffs, plans=plans)


def test_a_name_is_a_plan_or_a_tariff() -> None:
    book = a_book(a_plan())

    assert book.offer("retail", NOON).plan is None
    assert book.offer("hall-plan", NOON).plan == a_plan()
    assert [book.knows(name) for name in ("retail", "hall-plan", "nobody")] == [True, True, False]
    assert book.plan_names == ("hall-plan",)


def test_a_name_that_is_neither_is_named() -> None:
    with pytest.raises(NoRate, match="there is no tariff or price plan 'nobody'"):
        a_book().offer("nobody", NOON)


@pytest.mark.parametrize(
    ("at", "version"),
    [(MAY, 1), (JULY - MICROSECOND, 1), (JULY, 3), (JULY + timedelta(days=99), 3)],
)
def test_the_version_that_took_effect_last_holds_and_of_two_at_once_the_higher(
    at: datetime, version: int
) -> None:
    book = a_book(
        a_plan(version=3, valid_from=JULY),
        a_plan(version=1, valid_from=MAY),
        a_plan(version=2, valid_from=JULY),
    )

    plan = book.offer("hall-plan", at).plan
    assert plan is not None
    assert plan.version == version
    assert [each.version for each in book.plan_versions("hall-plan")] == [1, 2, 3]


def test_a_plan_to_come_prices_nothing_yet() -> None:
    with pytest.raises(NoRate, match="price plan 'hall-plan' is not yet in force at 2026-05-13"):
        a_book(a_plan(valid_from=JUNE)).offer("hall-plan", NOON)


def test_a_tariff_to_come_is_not_asked_before_it_is_in_force() -> None:
    book = a_book(a_plan("vip", "retail"))

    names = [
        [table.tariff.name for table in book.offer("hall-plan", at).tables] for at in (NOON, JUNE)
    ]
    assert names == [["retail"], ["vip", "retail"]]


def test_a_plan_none_of_whose_tariffs_is_in_force_says_so() -> None:
    with pytest.raises(NoRate, match="price plan hall-plan: no vip is in force at 2026-05-13"):
        a_book(a_plan("vip")).offer("hall-plan", NOON)


def test_a_plan_over_a_tariff_that_is_not_there_prices_nothing_by_the_others() -> None:
    with pytest.raises(NoRate, match="there is no tariff 'lost'"):
        a_book(a_plan("lost", "retail")).offer("hall-plan", NOON)


def test_currencies_are_never_mixed() -> None:
    book = a_book(a_plan("retail"), tariffs=(in_chf(RETAIL),))

    with pytest.raises(NoRate, match="hall-plan is in EUR, its tariff retail in CHF"):
        book.offer("hall-plan", NOON)


def test_each_version_of_a_tariff_is_asked_in_its_time() -> None:
    later = replace(RETAIL, version=2, valid_from=JUNE)
    book = a_book(a_plan(), tariffs=(RETAIL, later))

    versions = [book.offer("hall-plan", at).tables[0].tariff.version for at in (NOON, JUNE)]
    assert versions == [1, 2]


@pytest.mark.parametrize(
    ("name", "tariffs"),
    [
        ("", (RETAIL, CARRIER)),
        ("lost", (RETAIL, CARRIER)),
        ("carrier", (RETAIL, in_chf(CARRIER))),
        ("carrier", (RETAIL, replace(CARRIER, valid_from=JUNE))),
    ],
)
def test_a_carriers_list_that_says_nothing_here_stops_no_call(
    name: str, tariffs: tuple[Tariff, ...]
) -> None:
    assert a_book(tariffs=tariffs).offer("retail", NOON, name).carrier is None


def test_a_carriers_list_goes_with_a_plan_in_its_currency() -> None:
    carrier = a_book(a_plan()).offer("hall-plan", NOON, "carrier").carrier
    assert carrier is not None
    assert carrier.tariff is CARRIER


def test_the_same_question_has_the_same_offer_and_another_one_another() -> None:
    book = a_book(a_plan("vip", "retail"), a_plan(version=2, valid_from=JULY))

    def offer(name: str = "hall-plan", at: datetime = NOON, carrier: str = "") -> object:
        return book.offer(name, at, carrier)

    assert offer() is offer(at=NOON + MICROSECOND)
    others = [offer("retail"), offer(at=JUNE), offer(at=JULY), offer(carrier="carrier")]
    assert len({id(each) for each in [offer(), *others]}) == 5


def test_offers_that_differ_in_the_carrier_alone_price_alike_unless_at_cost() -> None:
    book = a_book(a_plan(), a_plan(is_at_cost=True, name="cost-plan"))

    def terms(name: str, carrier: str) -> tuple[int, ...]:
        return book.offer(name, NOON, carrier).terms

    assert terms("hall-plan", "") == terms("hall-plan", "carrier")
    assert terms("cost-plan", "") != terms("cost-plan", "carrier")
