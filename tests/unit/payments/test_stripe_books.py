"""What an event means: by Stripe's books as they now stand, never by the event itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rtbill.domain.errors import Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    ActionNeeded,
    Approved,
    Cancelled,
    Declined,
    Disputed,
    DisputeState,
    GatewayEvent,
    MethodGone,
    MethodReady,
    MethodRenewed,
    Refund,
    Refunded,
    RefundState,
    Settled,
    SetUp,
    Told,
)
from simulator.card_behaviour import CARDS
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice

TEN_EUROS = Money(10_000_000, "EUR")


async def told(office: StripeOffice, kind: str) -> Sequence[Told]:
    """What the newest event of that kind means, after it came as a webhook."""
    webhook = office.provider.webhooks.signed(office.provider.events(kind)[-1])
    return await office.gateway.look_up(office.gateway.read_event(webhook.raw, webhook.headers))


def about(kind: str, thing: str) -> GatewayEvent:
    return GatewayEvent("evt_1", kind, thing, NOON)


# -- payments


async def test_a_success_settles_the_top_up_of_our_reference(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    settled = Settled(REFERENCE, Approved(provider_id, TEN_EUROS))
    assert await told(office, "payment_intent.succeeded") == (settled,)


async def test_a_late_failure_of_what_is_paid_since_says_paid(office: StripeOffice) -> None:
    charge = office.a_charge("authentication_required")
    provider_id = await office.created(charge)
    await office.gateway.confirm(charge, provider_id)
    assert await told(office, "payment_intent.payment_failed") == (
        Settled(REFERENCE, ActionNeeded(provider_id)),
    )
    office.provider.change_card(charge.method.reference, "visa")
    office.provider.payments.confirm(provider_id, {"payment_method": charge.method.reference})
    assert await told(office, "payment_intent.payment_failed") == (
        Settled(REFERENCE, Approved(provider_id, TEN_EUROS)),
    )


async def test_a_decline_and_a_cancellation_are_told(office: StripeOffice) -> None:
    charge = office.a_charge("lost_card")
    provider_id = await office.created(charge)
    declined = await office.gateway.confirm(charge, provider_id)
    assert isinstance(declined, Declined)
    assert await told(office, "payment_intent.payment_failed") == (Settled(REFERENCE, declined),)
    await office.gateway.cancel(charge, provider_id)
    assert await told(office, "payment_intent.canceled") == (
        Settled(REFERENCE, Cancelled(provider_id)),
    )


async def test_payments_that_are_not_ours_do_not_concern_us(office: StripeOffice) -> None:
    foreign = office.a_card()
    intent = office.provider.payments.create(
        {
            "amount": "500",
            "currency": "eur",
            "customer": foreign.customer,
            "payment_method": foreign.reference,
        }
    )
    office.provider.payments.confirm(intent["id"], {})
    office.provider.refund(intent["id"])
    office.provider.payments.dispute(intent["id"])
    for kind in (
        "payment_intent.succeeded",
        "charge.refunded",
        "refund.created",
        "charge.dispute.created",
    ):
        assert not await told(office, kind)


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("payment_intent.succeeded", "pi_unknown"),
        ("refund.updated", "re_unknown"),
        ("charge.dispute.closed", "du_unknown"),
        ("checkout.session.completed", "cs_test_unknown"),
        ("setup_intent.succeeded", "seti_unknown"),
        ("invoice.paid", "in_1"),
        ("payment_intent.invented", "pi_unknown"),
        ("nonsense", "x"),
    ],
)
async def test_what_stripe_does_not_know_or_we_do_not_want_says_nothing(
    office: StripeOffice, kind: str, thing: str
) -> None:
    assert not await office.gateway.look_up(about(kind, thing))


async def test_a_look_up_that_fails_can_be_made_again(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    await office.provider.go_down()
    with pytest.raises(Unavailable, match=provider_id):
        await told(office, "payment_intent.succeeded")
    await office.provider.come_back()
    assert await told(office, "payment_intent.succeeded")


# -- refunds


async def test_each_refund_is_told_with_its_own_amount_and_never_the_sum(
    office: StripeOffice,
) -> None:
    provider_id = await office.paid(office.a_charge())
    first = office.provider.refund(provider_id, 300)
    second = office.provider.refund(provider_id, 200)
    expected = {
        Refunded(first["id"], provider_id, Money(3_000_000, "EUR"), RefundState.DONE),
        Refunded(second["id"], provider_id, Money(2_000_000, "EUR"), RefundState.DONE),
    }
    assert set(await told(office, "charge.refunded")) == expected
    assert await office.gateway.look_up(about("refund.created", first["id"])) == (
        Refunded(first["id"], provider_id, Money(3_000_000, "EUR"), RefundState.DONE),
    )


async def test_a_refund_of_ours_bears_our_reference(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    made = await office.gateway.refund(
        Refund(reference="55", charge=REFERENCE, provider_id=provider_id, money=TEN_EUROS)
    )
    assert made.reference == "55"
    assert await told(office, "refund.created") == (made,)


async def test_a_refund_that_the_bank_sent_back_has_failed(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge())
    refund = office.provider.refund(provider_id)
    office.provider.payments.fail_refund(refund["id"])
    assert await told(office, "refund.failed") == (
        Refunded(refund["id"], provider_id, TEN_EUROS, RefundState.FAILED),
    )


# -- disputes


def disputed(dispute: str, provider_id: str, *states: DisputeState) -> list[Disputed]:
    return [Disputed(dispute, provider_id, TEN_EUROS, state) for state in states]


async def test_an_inquiry_has_moved_no_money(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge("inquiry"))
    [dispute] = office.provider.books.all_of("dispute")
    expected = disputed(dispute["id"], provider_id, DisputeState.INQUIRY)
    assert await told(office, "charge.dispute.created") == expected
    office.provider.payments.close_dispute(dispute["id"])
    assert await told(office, "charge.dispute.closed") == expected


async def test_an_inquiry_may_become_a_dispute(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge("inquiry"))
    [dispute] = office.provider.books.all_of("dispute")
    office.provider.payments.withdraw(dispute["id"])
    assert await told(office, "charge.dispute.created") == disputed(
        dispute["id"], provider_id, DisputeState.WITHDRAWN
    )


async def test_a_dispute_that_is_won_says_both_movements_in_order(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge("disputed"))
    [dispute] = office.provider.books.all_of("dispute")
    office.provider.payments.reinstate(dispute["id"])
    expected = disputed(dispute["id"], provider_id, DisputeState.WITHDRAWN, DisputeState.REINSTATED)
    for kind in ("created", "funds_withdrawn", "funds_reinstated", "closed"):
        assert await told(office, f"charge.dispute.{kind}") == expected


async def test_a_dispute_that_is_lost_keeps_the_money(office: StripeOffice) -> None:
    provider_id = await office.paid(office.a_charge("disputed"))
    [dispute] = office.provider.books.all_of("dispute")
    office.provider.payments.close_dispute(dispute["id"])
    assert await told(office, "charge.dispute.closed") == disputed(
        dispute["id"], provider_id, DisputeState.WITHDRAWN
    )


# -- cards


@pytest.mark.parametrize("kind", ["setup_intent.succeeded", "checkout.session.completed"])
async def test_a_card_that_was_given_is_told_with_our_set_up(
    office: StripeOffice, kind: str
) -> None:
    page = await office.gateway.set_up(
        SetUp(
            reference="7001",
            account="room-1",
            customer="",
            email="",
            return_url="http://127.0.0.1/back",
            mandate="1",
        )
    )
    office.provider.holders.give_card(page.id, CARDS["visa"])
    [ready] = await told(office, kind)
    assert isinstance(ready, MethodReady)
    assert ready.set_up == "7001"
    assert ready.method == await office.gateway.set_up_result(page.id)


async def test_a_card_that_was_detached_at_stripe_is_gone(office: StripeOffice) -> None:
    card = office.a_card()
    office.provider.holders.detach(card.reference)
    assert await told(office, "payment_method.detached") == (MethodGone(card.reference),)


async def test_a_card_that_its_bank_replaced_has_another_expiry(office: StripeOffice) -> None:
    card = office.a_card()
    office.provider.holders.renew(card.reference, 2039)
    [renewed] = await told(office, "payment_method.automatically_updated")
    assert isinstance(renewed, MethodRenewed)
    assert renewed.method.reference == card.reference
    assert renewed.method.expires == (2039, 12)


async def test_a_dispute_whose_movements_make_no_sense_has_moved_nothing(
    office: StripeOffice,
) -> None:
    provider_id = await office.paid(office.a_charge("disputed"))
    [dispute] = office.provider.books.all_of("dispute")
    dispute["balance_transactions"] = [{"amount": None}, "txn_1", {}]
    assert await told(office, "charge.dispute.created") == disputed(
        dispute["id"], provider_id, DisputeState.INQUIRY
    )
