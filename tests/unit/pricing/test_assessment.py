"""Who pays a call, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rtbill.domain.account import HOUSE, SUSPENSE
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.rated import CallStatus, NumberKind, RatedCall
from rtbill.domain.trunk_numbers import NumberForm, TrunkNumbers
from rtbill.pricing.assignment import Assignment, Place
from tests.fakes.books import a_record
from tests.fakes.builders import (
    SWITZERLAND,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_account,
    an_assessor,
    at,
)

MOVED = "2026-10-15"
"""On this day extension 1001 goes from room-1 to room-2."""
DIRECTORY = a_directory(
    [
        a_state(account=an_account("room-1")),
        a_state(account=an_account("room-2")),
        a_state(account=an_account("swiss", currency="CHF")),
        a_state(account=an_account("guest", tariff="dear")),
    ],
    [
        a_membership("room-1", "1001", until=MOVED, person="Kim Lee"),
        a_membership("room-2", "1001", since=MOVED, person="Ash Roy"),
        a_membership("swiss", "1002"),
        a_membership("guest", "1003"),
        a_membership("room-1", "1004", since="2026-02-01", until="2026-03-01"),
    ],
)
ASSESSOR = an_assessor(DIRECTORY, a_tariff(), a_tariff(a_rate(per_minute="6.00"), name="dear"))


def a_call_of(
    payer: str | None = "1001",
    dialled: str | None = SWITZERLAND,
    since: str = "2026-10-05T12:00",
    talk_s: float = 90,
) -> CallRecord:
    answered_at = at(since)
    ended_at = answered_at + timedelta(seconds=talk_s)
    return a_record(answered_at=answered_at, ended_at=ended_at, payer=payer, dialled=dialled)


def assessed(record: CallRecord) -> RatedCall:
    return ASSESSOR.assess(record)


def test_a_call_is_priced_by_the_sites_tariff() -> None:
    call = assessed(a_call_of())

    assert call.status is CallStatus.RATED
    assert call.price is not None
    assert (call.price.micros, call.price.currency, call.price.billed_s) == (900_000, "EUR", 90)
    assert call.number == "+41315550100"


def test_an_account_with_a_tariff_of_its_own_is_priced_by_that() -> None:
    call = assessed(a_call_of(payer="1003"))

    assert call.price is not None
    assert (call.price.tariff, call.price.micros) == ("dear", 9_000_000)


@pytest.mark.parametrize(
    ("answered", "account", "person"),
    [
        ("2026-10-14T23:59:59", "room-1", "Kim Lee"),
        ("2026-10-15T00:00:00", "room-2", "Ash Roy"),
    ],
)
def test_an_extension_that_moves_mid_month_bills_the_holder_at_answer_time(
    answered: str, account: str, person: str
) -> None:
    call = assessed(a_call_of(since=answered, talk_s=3600))

    assert (call.account, call.person) == (account, person)


def test_a_call_of_an_unknown_payer_goes_to_suspense() -> None:
    assert assessed(a_call_of(payer=None)).account == SUSPENSE


def test_a_call_of_an_extension_nobody_holds_goes_to_the_house() -> None:
    assert assessed(a_call_of(payer="1999")).account == HOUSE


@pytest.mark.parametrize("day", ["2026-01-31T12:00", "2026-03-01T00:00"])
def test_a_call_before_check_in_or_after_check_out_goes_to_the_house(day: str) -> None:
    assert assessed(a_call_of(payer="1004", since=day)).account == HOUSE


def test_the_same_number_on_another_exchange_is_another_extension() -> None:
    record = a_call_of()

    call = assessed(record._replace(id=record.id._replace(pbx="annexe")))

    assert call.account == HOUSE


@pytest.mark.parametrize(
    ("dialled", "why"),
    [
        ("0033155501000", "no rate"),
        (None, "named no number"),
        ("4711", "no area code"),
        ("hello", "not a telephone number"),
    ],
)
def test_a_number_without_a_rate_is_never_free(dialled: str | None, why: str) -> None:
    call = assessed(a_call_of(dialled=dialled))

    assert call.status is CallStatus.UNRATED
    assert call.price is None
    assert why in call.note


def test_a_tariff_in_another_currency_prices_nothing_and_says_what_to_do() -> None:
    call = assessed(a_call_of(payer="1002"))

    assert call.status is CallStatus.UNRATED
    assert "tariff retail is in EUR, account swiss in CHF" in call.note
    assert "give the account a tariff in its currency" in call.note


@pytest.mark.parametrize("payer", ["1001", None, "1999"])
@pytest.mark.parametrize(
    ("dialled", "kind"),
    [
        ("112", NumberKind.EMERGENCY),
        ("110", NumberKind.EMERGENCY),
        ("08001234567", NumberKind.FREEPHONE),
        ("116123", NumberKind.FREEPHONE),
        ("0080012345678", NumberKind.FREEPHONE),
    ],
)
def test_emergency_and_free_phone_calls_are_free_without_a_price(
    payer: str | None, dialled: str, kind: NumberKind
) -> None:
    call = assessed(a_call_of(payer=payer, dialled=dialled))

    assert (call.status, call.kind, call.price) == (CallStatus.FREE, kind, None)


def test_an_emergency_call_in_doubt_is_not_in_doubt_about_its_price() -> None:
    record = a_call_of(dialled="112")._replace(outcome=Outcome.UNCONFIRMED)

    assert assessed(record).status is CallStatus.FREE


def test_an_unanswered_call_costs_nothing_not_even_the_connect_fee() -> None:
    record = a_record(answered_at=None)

    call = assessed(record)

    assert (call.status, call.price) == (CallStatus.UNANSWERED, None)


def test_a_call_in_doubt_has_no_price_but_its_evidence() -> None:
    record = a_call_of()._replace(outcome=Outcome.UNCONFIRMED, evidence="the link was lost")

    call = assessed(record)

    assert (call.status, call.price, call.note) == (
        CallStatus.UNCONFIRMED,
        None,
        "the link was lost",
    )


def test_a_recovered_call_is_priced_like_any_other() -> None:
    record = a_call_of()._replace(outcome=Outcome.RECOVERED)

    assert assessed(record).status is CallStatus.RATED


def test_a_talk_of_more_than_a_day_waits_for_a_person() -> None:
    start = at("12:00:00")
    record = a_record()._replace(
        answered_at=start, ended_at=start + timedelta(hours=25), outcome=Outcome.ENDED
    )
    call = an_assessor(DIRECTORY).assess(record)
    assert (call.status, call.price) == (CallStatus.UNCONFIRMED, None)
    assert "clock" in call.note


# ---------------------------------------------------------------------- by trunk


def test_a_number_is_read_as_its_trunk_has_it() -> None:
    rules = {
        Place("hotel", "carrier"): TrunkNumbers(access_digits=3, form=NumberForm.INTERNATIONAL)
    }
    assessor = an_assessor(
        DIRECTORY, a_tariff(), assignment=Assignment(default="retail", numbers=rules)
    )
    record = a_call_of(dialled="77741315550100")

    on_trunk = assessor.assess(record)
    elsewhere = assessor.assess(record._replace(trunk="other"))

    assert (on_trunk.number, on_trunk.status) == ("+41315550100", CallStatus.RATED)
    assert elsewhere.number is None


@pytest.mark.parametrize(
    ("account", "trunk", "per_minute"),
    [
        ("guest", "carrier", "6.00"),  # the account names its tariff itself
        ("room-1", "carrier", "3.00"),
        ("room-1", "other", "2.00"),
    ],
)
def test_the_closest_that_names_a_price_list_decides(
    account: str, trunk: str, per_minute: str
) -> None:
    tariffs = [
        a_tariff(a_rate("60/60", price), name=name)
        for name, price in [("dear", "6.00"), ("by-trunk", "3.00"), ("by-pbx", "2.00")]
    ]
    assignment = Assignment(
        default="retail",
        by_trunk={Place("hotel", "carrier"): "by-trunk"},
        by_pbx={"hotel": "by-pbx"},
    )
    assessor = an_assessor(DIRECTORY, *tariffs, assignment=assignment)
    payer = "1003" if account == "guest" else "1001"

    found = assessor.assess(a_call_of(payer, talk_s=60)._replace(trunk=trunk))

    assert found.account == account
    assert found.price is not None
    assert found.price.micros == round(float(per_minute) * 1_000_000)


def test_what_the_carrier_takes_stands_beside_the_price() -> None:
    carrier = a_tariff(a_rate("1/1", "0.12"), name="carrier-list")
    assignment = Assignment(default="retail", carriers={Place("hotel", "carrier"): "carrier-list"})
    assessor = an_assessor(DIRECTORY, a_tariff(), carrier, assignment=assignment)

    found = assessor.assess(a_call_of(talk_s=90))

    assert found.price is not None
    assert (found.price.micros, found.price.cost_micros) == (900_000, 180_000)


def test_while_the_trunk_is_not_known_the_dearest_of_the_exchange_limits_the_call() -> None:
    tariffs = [
        a_tariff(a_rate("60/60", price), name=name)
        for name, price in [("retail", "0.60"), ("by-trunk", "3.00")]
    ]
    premium, other = Place("hotel", "premium"), Place("hotel", "a")
    assignment = Assignment(
        default="retail", by_trunk={premium: "by-trunk"}, trunks=(premium, other)
    )
    assessor = an_assessor(DIRECTORY, *tariffs, assignment=assignment)
    account = an_account("room-1")
    called = assessor.classify(SWITZERLAND)
    seconds = {
        place: assessor.pricing(account, called, at("2026-10-05T12:00"), place).affordable_s(
            6_000_000, 3600
        )
        for place in (Place("hotel"), premium, other, Place("inn"))
    }
    assert list(seconds.values()) == [120, 120, 600, 600]
