"""Which list prices a call: account before class, trunk, exchange and site."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import NoRate
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import NOWHERE, Assignment, Place
from tests.fakes.builders import (
    SWITZERLAND,
    a_directory,
    a_rate,
    a_state,
    a_tariff,
    an_account,
    an_assessor,
    at,
)
from tests.unit.rating.builders import a_markup, a_plan

GSM, VOIP = Place("hall", "gsm"), Place("hall", "voip")
HALL = Place("hall")
WHOLE = Assignment(
    default="of-site",
    by_class={"student": "of-class"},
    by_pbx={"hall": "of-exchange"},
    by_trunk={GSM: "of-trunk"},
    carriers={GSM: "wholesale"},
    trunks=(GSM, VOIP, Place("annexe", "gsm")),
)
NOON = at("12:00:00")


@pytest.mark.parametrize(
    ("tariff", "account_class", "place", "expected"),
    [
        ("own", "student", GSM, "own"),
        ("", "student", GSM, "of-class"),
        ("", "standard", GSM, "of-trunk"),
        ("", "standard", VOIP, "of-exchange"),
        ("", "standard", HALL, "of-exchange"),
        ("", "standard", Place("annexe", "gsm"), "of-site"),
        ("", "standard", NOWHERE, "of-site"),
        ("", "student", NOWHERE, "of-class"),
    ],
)
def test_the_closest_that_says_something_counts(
    tariff: str, account_class: str, place: Place, expected: str
) -> None:
    account = an_account(tariff=tariff, account_class=account_class)

    assert WHOLE.price_list(account, place) == expected


def test_the_carriers_list_is_the_trunks() -> None:
    assert [WHOLE.carrier_list(each) for each in (GSM, VOIP, NOWHERE)] == ["wholesale", "", ""]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (GSM, (GSM,)),
        (HALL, (GSM, VOIP)),
        (Place("attic"), (Place("attic"),)),
        (NOWHERE, (NOWHERE,)),
    ],
)
def test_a_call_without_a_trunk_yet_may_take_any_of_its_exchange(
    place: Place, expected: tuple[Place, ...]
) -> None:
    assert WHOLE.places(place) == expected


# ---------------------------------------------------------------------- before the trunk is known

CHEAP, DEAR = (
    a_tariff(a_rate("1/1", "0.06"), name="cheap"),
    a_tariff(a_rate("1/1", "0.60"), name="dear"),
)
FRENCH = a_tariff(a_rate(prefix="33"), name="french")


def an_assessor_with(by_trunk: dict[Place, str], default: str = "french") -> Assessor:
    return an_assessor(
        a_directory([a_state()]),
        CHEAP,
        DEAR,
        FRENCH,
        plans=[a_plan("cheap", name="at-plan", markups=(a_markup("100"),))],
        assignment=Assignment(default=default, by_trunk=by_trunk, trunks=(GSM, VOIP)),
    )


def seconds(assessor: Assessor, place: Place = HALL) -> int:
    """How long 0.12 last; a cent a second is 12."""
    called = assessor.classify(SWITZERLAND)
    return assessor.pricing(an_account(), called, NOON, place).affordable_s(120_000, 3600)


def test_the_dearest_trunk_limits_a_call_until_it_is_known() -> None:
    assessor = an_assessor_with({GSM: "dear", VOIP: "at-plan"})

    assert seconds(assessor) == 12
    assert seconds(assessor, GSM) == 12
    assert seconds(assessor, VOIP) == 60


def test_a_site_list_that_no_trunk_uses_refuses_no_call() -> None:
    assessor = an_assessor_with({GSM: "cheap", VOIP: "cheap"})

    assert seconds(assessor) == 120
    assessor.pricing(an_account(), assessor.classify(SWITZERLAND), NOON, HALL)


@pytest.mark.parametrize("other", ["french", "nobody"])
def test_a_trunk_without_a_rate_does_not_count_while_another_has_one(other: str) -> None:
    assessor = an_assessor_with({GSM: "dear", VOIP: other})

    assert seconds(assessor) == 12
    assessor.pricing(an_account(), assessor.classify(SWITZERLAND), NOON, HALL)
    with pytest.raises(NoRate):
        seconds(assessor, VOIP)


@pytest.mark.parametrize("lists", [{}, {GSM: "nobody", VOIP: "nobody"}])
def test_a_call_that_no_trunk_has_a_rate_for_has_no_price(lists: dict[Place, str]) -> None:
    assessor = an_assessor_with(lists)

    with pytest.raises(NoRate):
        seconds(assessor)
    with pytest.raises(NoRate):
        assessor.pricing(an_account(), assessor.classify(SWITZERLAND), NOON, HALL)


def test_lists_that_agree_are_one_offer() -> None:
    assessor = an_assessor_with({GSM: "cheap", VOIP: "cheap"})

    assert len(assessor.offers.possible(an_account(), NOON, HALL)) == 1


def test_a_plan_in_another_currency_than_the_account_prices_nothing() -> None:
    assessor = an_assessor_with({GSM: "at-plan"})
    swiss = an_account(currency="CHF")

    with pytest.raises(NoRate, match="tariff at-plan is in EUR, account room-1 in CHF"):
        assessor.price(swiss, assessor.classify(SWITZERLAND), NOON, 0, GSM)
