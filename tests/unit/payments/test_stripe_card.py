"""What the Stripe gateway does beyond the contract of all gateways (tests/contract)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest

from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    ActionNeeded,
    Approved,
    Created,
    DeclineClass,
    Declined,
    MethodKind,
    Outcome,
    PaymentMethod,
    Pending,
    Refund,
)
from simulator.card_behaviour import CARDS, Behaviour
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice

BACK = "http://127.0.0.1/pay/back"
TEN_EUROS = Money(10_000_000, "EUR")

CLASS_OF_CARD = {
    "generic_decline": DeclineClass.VAGUE,
    "do_not_honor": DeclineClass.VAGUE,
    "insufficient_funds": DeclineClass.SOFT,
    "processing_error": DeclineClass.FAST,
    "try_again_later": DeclineClass.FAST,
    "card_velocity_exceeded": DeclineClass.SOFT,
    "expired_card": DeclineClass.CARD,
    "confirm_card_data": DeclineClass.CARD,
    "lost_card": DeclineClass.NEVER,
    "stolen_card": DeclineClass.NEVER,
    "fraudulent": DeclineClass.NEVER,
    "do_not_try_again": DeclineClass.NEVER,
    "unheard_of": DeclineClass.VAGUE,
}


async def answer(office: StripeOffice, card: str | Behaviour) -> Outcome:
    charge = office.a_charge(card)
    return await office.gateway.confirm(charge, await office.created(charge))


# -- charges


@pytest.mark.parametrize("card", sorted(CLASS_OF_CARD))
async def test_every_declining_card_is_sorted_and_found_so_again(
    office: StripeOffice, card: str
) -> None:
    charge = office.a_charge(card)
    provider_id = await office.created(charge)
    declined = await office.gateway.confirm(charge, provider_id)
    assert isinstance(declined, Declined)
    assert declined.decline is CLASS_OF_CARD[card]
    assert await office.gateway.find(charge, provider_id) == declined
    assert office.payments() == []


def test_the_table_above_has_every_declining_card_of_the_simulator() -> None:
    assert set(CLASS_OF_CARD) == {name for name, card in CARDS.items() if card.decline}


async def test_an_unheard_of_decline_is_counted_for_an_alarm(office: StripeOffice) -> None:
    await answer(office, "unheard_of")
    assert office.gateway.unknown_codes == {"invented_by_the_simulator": 1}


async def test_a_card_that_asks_for_its_holder_is_charged_when_they_are_there(
    office: StripeOffice,
) -> None:
    charge = office.a_charge("authentication_required")
    provider_id = await office.created(charge)
    needed = ActionNeeded(provider_id)
    assert await office.gateway.confirm(charge, provider_id) == needed
    assert await office.gateway.find(charge, provider_id) == needed
    attended = replace(charge, is_attended=True, return_url=BACK)
    page = await office.gateway.confirm(attended, provider_id)
    assert page == ActionNeeded(provider_id, f"{office.provider.url}/pages/confirm/{provider_id}")
    assert await office.gateway.find(charge, provider_id) == page
    office.provider.payments.answer_holder(provider_id, agrees=True)
    assert await office.gateway.find(charge, provider_id) == Approved(provider_id, TEN_EUROS)
    assert len(office.payments()) == 1


async def test_a_holder_who_refuses_may_be_asked_again(office: StripeOffice) -> None:
    charge = office.a_charge("authentication_required", is_attended=True, return_url=BACK)
    provider_id = await office.created(charge)
    await office.gateway.confirm(charge, provider_id)
    office.provider.payments.answer_holder(provider_id, agrees=False)
    assert await office.gateway.find(charge, provider_id) == ActionNeeded(provider_id)
    again = await office.gateway.confirm(charge, provider_id)
    assert again == ActionNeeded(provider_id, f"{office.provider.url}/pages/confirm/{provider_id}")
    office.provider.payments.answer_holder(provider_id, agrees=True)
    assert await office.gateway.find(charge, provider_id) == Approved(provider_id, TEN_EUROS)
    assert len(office.payments()) == 1


async def test_an_attended_charge_that_needs_nobody_is_paid_at_once(office: StripeOffice) -> None:
    charge = office.a_charge(is_attended=True, return_url=BACK)
    provider_id = await office.created(charge)
    assert await office.gateway.confirm(charge, provider_id) == Approved(provider_id, TEN_EUROS)


async def test_a_slow_payment_is_pending_until_it_is_settled(office: StripeOffice) -> None:
    charge = office.a_charge("slow")
    provider_id = await office.created(charge)
    assert await office.gateway.confirm(charge, provider_id) == Pending(provider_id)
    office.provider.payments.finish(provider_id)
    assert await office.gateway.find(charge, provider_id) == Approved(provider_id, TEN_EUROS)


async def test_a_slow_payment_may_fail_in_the_end(office: StripeOffice) -> None:
    charge = office.a_charge("slow")
    provider_id = await office.created(charge)
    await office.gateway.confirm(charge, provider_id)
    office.provider.payments.finish(provider_id, succeeds=False)
    assert isinstance(await office.gateway.find(charge, provider_id), Declined)


@pytest.mark.parametrize(
    ("money", "sent"),
    [
        (Money(500_000_000, "JPY"), (500, "jpy")),
        (Money(5_250_000, "KWD"), (5250, "kwd")),
        (Money(700_000_000, "ISK"), (70_000, "isk")),
    ],
)
async def test_currencies_with_other_coins_are_charged_exactly(
    office: StripeOffice, money: Money, sent: tuple[int, str]
) -> None:
    charge = office.a_charge(money=money)
    provider_id = await office.created(charge)
    assert await office.gateway.confirm(charge, provider_id) == Approved(provider_id, money)
    assert [(each["amount"], each["currency"]) for each in office.payments()] == [sent]


async def test_an_amount_finer_than_coins_is_refused_and_not_sent(office: StripeOffice) -> None:
    charge = office.a_charge(money=Money(10_005_000, "EUR"))
    with pytest.raises(Refused, match=r"10\.005 EUR: it takes EUR in steps of 0\.01"):
        await office.gateway.create(charge)
    assert office.calls("payment_intents") == []


async def test_an_intent_of_another_charge_settles_nothing(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    other = office.a_charge(reference="202611270002")
    with pytest.raises(OutcomeUnknown, match=f"202611270002.*'{REFERENCE}'"):
        await office.gateway.find(other, provider_id)


async def test_an_intent_stripe_does_not_know_is_absent(office: StripeOffice) -> None:
    assert await office.gateway.find(office.a_charge(), "pi_unknown") == Absent()


async def test_a_charge_with_a_card_that_stripe_lost_needs_another_card(
    office: StripeOffice,
) -> None:
    gone = PaymentMethod(gateway="stripe", kind=MethodKind.CARD, reference="pm_gone", customer="")
    declined = await office.gateway.create(office.a_charge(method=gone))
    assert isinstance(declined, Declined)
    assert (declined.decline, declined.code) == (DeclineClass.CARD, "resource_missing")


async def test_a_request_that_stripe_does_not_understand_is_our_fault(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    office.provider.books.get("payment_method", charge.method.reference)["customer"] = "cus_other"
    declined = await office.gateway.create(charge)
    assert isinstance(declined, Declined)
    assert declined.decline is DeclineClass.OURS


async def test_other_content_under_the_same_reference_is_our_fault_and_makes_nothing(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    await office.created(charge)
    declined = await office.gateway.create(replace(charge, money=Money(20_000_000, "EUR")))
    assert isinstance(declined, Declined)
    assert (declined.decline, declined.code) == (DeclineClass.OURS, "idempotency_error")


async def test_of_two_intents_with_one_reference_the_paid_one_is_found(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    first = await office.paid(charge)
    office.provider.api.keys.forget()
    assert await office.created(charge) != first
    assert await office.gateway.find(charge, "") == Approved(first, TEN_EUROS)


async def test_a_reference_that_was_paid_twice_is_for_a_person(office: StripeOffice) -> None:
    charge = office.a_charge()
    first = await office.paid(charge)
    office.provider.api.keys.forget()
    second = await office.paid(charge)
    with pytest.raises(OutcomeUnknown, match=f"more than once at Stripe: {second}, {first}"):
        await office.gateway.find(charge, "")


async def test_a_confirmation_after_the_keys_are_forgotten_takes_nothing_twice(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    provider_id = await office.paid(charge)
    office.provider.api.keys.forget()
    assert await office.gateway.confirm(charge, provider_id) == Approved(provider_id, TEN_EUROS)
    assert len(office.payments()) == 1


async def test_a_lost_charge_is_found_among_hundreds_of_its_customer(
    office: StripeOffice,
) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    for number in range(250):
        form = {"amount": "100", "currency": "eur", "customer": charge.method.customer}
        office.provider.payments.create({**form, "metadata": {"rtbill_top_up": f"9{number}"}})
    assert await office.gateway.find(charge, "") == Created(provider_id)


async def test_a_search_that_would_not_end_concludes_nothing(office: StripeOffice) -> None:
    charge = office.a_charge()
    for _ in range(1001):
        form = {"amount": "100", "currency": "eur", "customer": charge.method.customer}
        office.provider.payments.create(form)
    with pytest.raises(Unavailable, match="more than 1000"):
        await office.gateway.find(charge, "")


def test_calls_may_be_repeated_for_an_hour_less_than_stripe_keeps_keys(
    office: StripeOffice,
) -> None:
    assert office.gateway.abilities.repeats_for == timedelta(hours=23)


# -- refunds


async def test_a_refund_is_made_once_even_when_its_key_is_forgotten(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    refund = Refund(
        reference="55", charge=REFERENCE, provider_id=provider_id, money=Money(3_000_000, "EUR")
    )
    first = await office.gateway.refund(refund)
    office.provider.api.keys.forget()
    assert await office.gateway.refund(refund) == first
    assert len(office.provider.books.all_of("refund")) == 1


async def test_an_answer_about_another_refund_is_in_doubt(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    office.provider.plan_fault("wrong_amount", "refunds")
    refund = Refund(
        reference="55", charge=REFERENCE, provider_id=provider_id, money=Money(3_000_000, "EUR")
    )
    with pytest.raises(OutcomeUnknown, match=r"3\.01 EUR.*3\.00 EUR"):
        await office.gateway.refund(refund)


# -- books


async def test_events_come_oldest_first_and_only_those_that_concern_us(
    office: StripeOffice,
) -> None:
    await office.paid(office.a_charge())
    await office.paid(office.a_charge("disputed", reference="202611270002"))
    kinds = [each.kind for each in await office.gateway.events_since(NOON)]
    assert kinds == [
        "payment_intent.succeeded",
        "payment_intent.succeeded",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    assert await office.gateway.events_since(NOON + timedelta(seconds=1)) == []


async def test_a_long_outage_is_made_up_for_page_by_page(office: StripeOffice) -> None:
    charge = office.a_charge()
    for number in range(130):
        await office.paid(replace(charge, reference=str(number)))
    events = await office.gateway.events_since(NOON)
    assert len(events) == len({each.id for each in events}) == 130


async def test_twenty_confirmations_at_once_take_the_money_once(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.plan_fault("late_work", "confirm", seconds=0.1)
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(settled(office.gateway.confirm(charge, provider_id)))
            for _ in range(20)
        ]
    assert {type(each.result()) for each in asked} <= {Approved, OutcomeUnknown}
    assert len(office.payments()) == 1
    assert await office.gateway.find(charge, provider_id) == Approved(provider_id, TEN_EUROS)


async def settled(asked: Awaitable[Outcome]) -> Outcome | OutcomeUnknown:
    try:
        return await asked
    except OutcomeUnknown as error:
        return error
