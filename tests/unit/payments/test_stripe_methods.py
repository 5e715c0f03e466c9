"""Cards at Stripe: given on its page, described, and only as good as they were set up."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import Refused
from rtbill.domain.payment import MethodKind, SetUp
from simulator.card_behaviour import CARDS
from tests.fakes.stripe_office import StripeOffice

BACK = "http://127.0.0.1/pay/back"


def a_set_up(**fields: str) -> SetUp:
    asked = {
        "reference": "7001",
        "account": "room-1",
        "customer": "",
        "email": "guest@hall.example",
        "return_url": BACK,
        "mandate": "2026-11",
        **fields,
    }
    return SetUp(**asked)


async def test_a_card_is_given_on_the_providers_page(office: StripeOffice) -> None:
    page = await office.gateway.set_up(a_set_up())
    assert await office.gateway.set_up_result(page.id) is None
    office.provider.holders.give_card(page.id, CARDS["mastercard"])
    method = await office.gateway.set_up_result(page.id)
    assert method is not None
    assert (method.label, method.expires) == ("Mastercard 4444", (2034, 12))
    assert (method.gateway, method.kind) == ("stripe", MethodKind.CARD)
    assert method.customer == page.customer
    charge = office.a_charge(method=method)
    assert await office.paid(charge)
    assert len(office.payments()) == 1


async def test_a_second_card_is_of_the_same_customer(office: StripeOffice) -> None:
    page = await office.gateway.set_up(a_set_up())
    second = await office.gateway.set_up(a_set_up(reference="7002", customer=page.customer))
    assert second.customer == page.customer
    assert second.id != page.id
    assert len(office.provider.books.all_of("customer")) == 1


async def test_the_same_set_up_asked_twice_is_one_page(office: StripeOffice) -> None:
    pages = [await office.gateway.set_up(a_set_up()) for _ in range(2)]
    assert pages[0] == pages[1]
    assert len(office.provider.books.all_of("customer")) == 1


async def test_the_page_carries_our_reference_and_the_version_of_the_mandate(
    office: StripeOffice,
) -> None:
    page = await office.gateway.set_up(a_set_up())
    session = office.provider.books.get("checkout.session", page.id)
    intent = office.provider.books.get("setup_intent", session["setup_intent"])
    expected = {"rtbill_set_up": "7001", "rtbill_account": "room-1", "rtbill_mandate": "2026-11"}
    assert intent["metadata"] == session["metadata"] == expected


@pytest.mark.parametrize("page", ["expired", "unknown"])
async def test_a_page_on_which_nobody_gave_a_card_has_none(office: StripeOffice, page: str) -> None:
    made = await office.gateway.set_up(a_set_up())
    office.provider.holders.expire(made.id)
    page_id = made.id if page == "expired" else "cs_test_unknown"
    assert await office.gateway.set_up_result(page_id) is None


async def test_a_card_that_may_not_be_charged_without_its_holder_is_not_taken(
    office: StripeOffice,
) -> None:
    page = await office.gateway.set_up(a_set_up())
    session = office.provider.holders.give_card(page.id, CARDS["visa"])
    office.provider.books.get("setup_intent", session["setup_intent"])["usage"] = "on_session"
    with pytest.raises(Refused, match=r"7001.*'on_session'"):
        await office.gateway.set_up_result(page.id)


async def test_a_page_with_a_bad_address_to_return_to_is_refused(office: StripeOffice) -> None:
    with pytest.raises(Refused, match=r"7001.*url_invalid"):
        await office.gateway.set_up(a_set_up(return_url="nowhere"))
