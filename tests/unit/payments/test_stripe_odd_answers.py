"""Answers that make no sense settle nothing, and say what is odd about them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.payment import (
    Created,
    DeclineClass,
    Declined,
    GatewayEvent,
    Refund,
    SetUp,
)
from simulator.card_behaviour import CARDS
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice

DAY = timedelta(days=1)
SET_UP = SetUp(
    reference="7001",
    account="room-1",
    customer="",
    email="",
    return_url="http://127.0.0.1/",
    mandate="1",
)


def change(office: StripeOffice, path: str, method: str = "POST", **changes: Any) -> None:
    office.provider.plan_fault("change", path, method=method, changes=changes)


def refuse(
    office: StripeOffice, path: str, status: int, method: str = "POST", **error: Any
) -> None:
    office.provider.plan_fault("refuse", path, method=method, status=status, changes=error)


# -- creating


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "succeeded", "amount_received": 1000}, "it is 'succeeded' already"),
        ({"status": "requires_capture"}, "'requires_capture' at Stripe, where rtbill brings none"),
        ({"status": None}, "where rtbill brings none"),
        ({"status": ["succeeded"]}, "where rtbill brings none"),
        ({"id": None}, "without an id"),
        ({"metadata": None}, "bears the reference ''"),
        ({"metadata": {"rtbill_top_up": "7"}}, "bears the reference '7'"),
        ({"amount": "1000"}, "is no money"),
        ({"currency": "xxx"}, "is no money"),
    ],
)
async def test_a_created_intent_that_makes_no_sense_is_in_doubt(
    office: StripeOffice, changes: dict[str, Any], said: str
) -> None:
    change(office, "payment_intents", **changes)
    with pytest.raises(OutcomeUnknown, match=said):
        await office.gateway.create(office.a_charge())


@pytest.mark.parametrize("code", ["amount_too_small", "amount_too_large"])
async def test_an_amount_outside_stripes_bounds_is_refused_and_no_fault_of_the_site(
    office: StripeOffice, code: str
) -> None:
    refuse(office, "payment_intents", 400, code=code, message="Amount must be at least 0.50 EUR")
    with pytest.raises(Refused, match=r"10\.00 EUR: Amount must be at least 0\.50 EUR"):
        await office.gateway.create(office.a_charge())


async def test_a_card_may_be_declined_at_the_creation_already(office: StripeOffice) -> None:
    refuse(office, "payment_intents", 402, type="card_error", decline_code="expired_card")
    declined = await office.gateway.create(office.a_charge())
    assert declined == Declined("", DeclineClass.CARD, "expired_card", "Refused by order")


@pytest.mark.parametrize("status", [401, 403, 400, 404])
async def test_a_refused_creation_is_our_fault(office: StripeOffice, status: int) -> None:
    refuse(office, "payment_intents", status)
    declined = await office.gateway.create(office.a_charge())
    assert isinstance(declined, Declined)
    assert declined.decline is DeclineClass.OURS


@pytest.mark.parametrize("status", [301, 418, 502, 503])
async def test_other_statuses_are_what_they_are(office: StripeOffice, status: int) -> None:
    office.provider.plan_fault("refuse", "payment_intents", status=status, times=3)
    if status == 418:
        declined = await office.gateway.create(office.a_charge())
        assert isinstance(declined, Declined)
        assert declined.decline is DeclineClass.OURS
        return
    with pytest.raises(OutcomeUnknown, match=f"HTTP {status}"):
        await office.gateway.create(office.a_charge())


# -- confirming


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount_received": 999}, r"received 9\.99 EUR, and 10\.00 EUR was asked for"),
        ({"amount_received": None}, "is no money"),
        ({"id": "pi_other"}, "Stripe answered about pi_other"),
        ({"livemode": True}, "livemode True"),
    ],
)
async def test_a_success_that_makes_no_sense_is_in_doubt(
    office: StripeOffice, changes: dict[str, Any], said: str
) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    change(office, "confirm", **changes)
    with pytest.raises(OutcomeUnknown, match=said):
        await office.gateway.confirm(charge, provider_id)


async def test_a_decline_of_what_has_succeeded_is_in_doubt(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.paid(charge)
    intent = office.provider.books.shown(office.provider.books.objects[provider_id], [])
    refuse(office, "confirm", 402, type="card_error", code="card_declined", payment_intent=intent)
    with pytest.raises(OutcomeUnknown, match=f"also that {provider_id} has succeeded"):
        await office.gateway.confirm(charge, provider_id)


async def test_a_decline_about_another_intent_is_in_doubt(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    other = {"id": "pi_other", "metadata": {"rtbill_top_up": "7"}}
    refuse(office, "confirm", 402, type="card_error", payment_intent=other)
    with pytest.raises(OutcomeUnknown, match="bears the reference '7'"):
        await office.gateway.confirm(charge, provider_id)


async def test_a_refused_confirmation_of_what_is_still_open_is_our_fault(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    refuse(office, "confirm", 400, code="parameter_invalid_empty")
    declined = await office.gateway.confirm(charge, provider_id)
    assert isinstance(declined, Declined)
    assert (declined.decline, declined.code) == (DeclineClass.OURS, "parameter_invalid_empty")
    assert await office.gateway.find(charge, provider_id) == Created(provider_id)


async def test_a_refused_confirmation_whose_look_up_fails_is_never_a_decline(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    provider_id = await office.paid(charge)
    refuse(office, "confirm", 400)
    office.provider.plan_fault("error", provider_id, method="GET", times=3)
    with pytest.raises(OutcomeUnknown, match=REFERENCE):
        await office.gateway.confirm(charge, provider_id)


async def test_a_look_up_that_stripe_refuses_says_nothing(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    refuse(office, provider_id, 400, "GET")
    with pytest.raises(Unavailable, match="HTTP 400"):
        await office.gateway.find(charge, provider_id)


# -- cards


@pytest.mark.parametrize(
    ("path", "changes"),
    [("sessions", {"id": None}), ("sessions", {"url": 7}), ("customers", {"id": None})],
)
async def test_a_page_without_an_id_or_address_is_in_doubt(
    office: StripeOffice, path: str, changes: dict[str, Any]
) -> None:
    change(office, path, **changes)
    with pytest.raises(OutcomeUnknown, match="7001"):
        await office.gateway.set_up(SET_UP)


async def test_a_customer_that_stripe_does_not_make_is_refused(office: StripeOffice) -> None:
    refuse(office, "customers", 400, code="email_invalid")
    with pytest.raises(Refused, match=r"7001.*email_invalid"):
        await office.gateway.set_up(SET_UP)


@pytest.mark.parametrize(
    "changes", [{"setup_intent": None}, {"setup_intent": {"status": "processing"}}]
)
async def test_a_page_that_is_complete_without_a_card_has_none(
    office: StripeOffice, changes: dict[str, Any]
) -> None:
    page = await office.gateway.set_up(SET_UP)
    office.provider.holders.give_card(page.id, CARDS["visa"])
    change(office, page.id, "GET", **changes)
    assert await office.gateway.set_up_result(page.id) is None


async def test_a_set_up_that_is_not_ours_has_no_card_for_us(office: StripeOffice) -> None:
    page = await office.gateway.set_up(SET_UP)
    session = office.provider.holders.give_card(page.id, CARDS["visa"])
    change(office, session["setup_intent"], "GET", metadata={})
    event = GatewayEvent("evt_1", "setup_intent.succeeded", session["setup_intent"], NOON)
    assert not await office.gateway.look_up(event)


async def test_a_card_that_stripe_keeps_is_not_called_forgotten(office: StripeOffice) -> None:
    card = office.a_card()
    refuse(office, "detach", 400)
    with pytest.raises(Refused, match=f"dropping card {card.reference}"):
        await office.gateway.forget(card)


@pytest.mark.parametrize(
    ("card", "label", "expires"),
    [
        (
            {"brand": "newcard", "last4": "1234", "exp_month": 1, "exp_year": 2030},
            "Card 1234",
            2030,
        ),
        ({"brand": "visa", "last4": "42424242", "exp_month": 13, "exp_year": 2030}, "Visa", None),
        ({"brand": "visa", "last4": None}, "Visa", None),
    ],
)
async def test_a_card_is_described_by_what_is_known_of_it(
    office: StripeOffice, card: dict[str, Any], label: str, expires: int | None
) -> None:
    given = office.a_card()
    change(office, given.reference, "GET", card=card)
    event = GatewayEvent("evt_1", "payment_method.updated", given.reference, NOON)
    [renewed] = await office.gateway.look_up(event)
    method = renewed.method  # type: ignore[union-attr]
    assert method.label == label
    assert (method.expires and method.expires[0]) == expires


# -- books


@pytest.mark.parametrize(
    "changes", [{"data": None}, {"data": ["evt_1"]}, {"data": [{"id": "evt_1"}]}]
)
async def test_a_list_of_events_that_is_none_is_asked_for_again(
    office: StripeOffice, changes: dict[str, Any]
) -> None:
    change(office, "events", "GET", **changes)
    with pytest.raises(Unavailable, match="the list of events"):
        await office.gateway.events_since(NOON)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": None},
        {"currency": "xxx"},
        {"created": None},
        {"created": -1},
        {"created": 10**15},
    ],
)
async def test_a_listed_charge_that_makes_no_sense_stops_the_list(
    office: StripeOffice, changes: dict[str, Any]
) -> None:
    await office.paid(office.a_charge())
    [charge] = office.payments()
    seen = office.provider.books.shown(charge, [])
    change(office, "charges", "GET", data=[{**seen, **changes}])
    with pytest.raises(OutcomeUnknown, match="at Stripe"):
        await office.gateway.listed(NOON - DAY, NOON + DAY)


async def test_a_refund_in_a_state_that_nobody_knows_is_in_doubt(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.paid(charge)
    change(office, "refunds", status="vanished")
    refund = Refund(reference="55", charge=REFERENCE, provider_id=provider_id, money=charge.money)
    with pytest.raises(OutcomeUnknown, match="'vanished' at Stripe"):
        await office.gateway.refund(refund)


async def test_a_refund_of_a_payment_that_stripe_does_not_know_is_refused(
    office: StripeOffice,
) -> None:
    money = office.a_charge().money
    refund = Refund(reference="55", charge=REFERENCE, provider_id="pi_unknown", money=money)
    with pytest.raises(Refused, match="refund 55"):
        await office.gateway.refund(refund)
