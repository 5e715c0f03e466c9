"""Taking money from a card: what every gateway promises, whatever its provider does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Charge,
    Created,
    DeclineClass,
    Declined,
    Refund,
    RefundState,
)
from tests.contract.gateways import (
    KEEPING,
    REFUNDING,
    SIDES,
    TIMEOUT_S,
    Card,
    Fault,
    Side,
    Step,
    a_charge,
)
from tests.fakes.environment import NOON

TEN_EUROS = Money(10_000_000, "EUR")
THREE_EUROS = Money(3_000_000, "EUR")
REFERENCE = "202611270001"


refunding = pytest.mark.parametrize("side", REFUNDING, indirect=True)
keeping = pytest.mark.parametrize("side", KEEPING, indirect=True)


@pytest.fixture(params=sorted(SIDES))
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    async with SIDES[request.param]() as made:
        yield made


async def created(side: Side, charge: Charge) -> str:
    answer = await side.gateway.create(charge)
    assert isinstance(answer, Created)
    return answer.provider_id


async def take(side: Side, step: Step, charge: Charge, provider_id: str) -> None:
    if step == "create":
        await side.gateway.create(charge)
    else:
        await side.gateway.confirm(charge, provider_id)


async def paid(side: Side, charge: Charge) -> str:
    provider_id = await created(side, charge)
    assert isinstance(await side.gateway.confirm(charge, provider_id), Approved)
    return provider_id


def a_refund(provider_id: str, reference: str = "55", money: Money = THREE_EUROS) -> Refund:
    return Refund(reference=reference, charge=REFERENCE, provider_id=provider_id, money=money)


async def test_creating_a_charge_moves_no_money(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    assert await side.gateway.find(charge, provider_id) == Created(provider_id)
    assert side.taken(REFERENCE) == 0


async def test_confirming_it_takes_the_money(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    assert await side.gateway.confirm(charge, provider_id) == Approved(provider_id, TEN_EUROS)
    assert side.taken(REFERENCE) == 1000


async def test_creating_it_again_makes_no_second_one(side: Side) -> None:
    charge = a_charge(await side.a_card())
    assert await created(side, charge) == await created(side, charge)


async def test_confirming_it_again_takes_no_money_twice(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    answers = [await side.gateway.confirm(charge, provider_id) for _ in range(3)]
    assert answers == [Approved(provider_id, TEN_EUROS)] * 3
    assert side.taken(REFERENCE) == 1000


async def test_what_was_never_sent_is_absent(side: Side) -> None:
    charge = a_charge(await side.a_card())
    assert await side.gateway.find(charge, "") == Absent()


async def test_a_charge_whose_creation_never_arrived_is_in_doubt_and_then_absent(
    side: Side,
) -> None:
    charge = a_charge(await side.a_card())
    side.spoil("create", "cut before the work")
    with pytest.raises(OutcomeUnknown, match=REFERENCE):
        await side.gateway.create(charge)
    assert await side.gateway.find(charge, "") == Absent()


@pytest.mark.parametrize("fault", ["cut after the work", "late", "fails"])
async def test_a_charge_whose_creation_was_not_heard_is_found_by_our_reference(
    side: Side, fault: Fault
) -> None:
    charge = a_charge(await side.a_card())
    side.spoil("create", fault)
    with pytest.raises(OutcomeUnknown, match=REFERENCE):
        await side.gateway.create(charge)
    found = await side.gateway.find(charge, "")
    assert isinstance(found, Created)
    assert isinstance(await side.gateway.confirm(charge, found.provider_id), Approved)
    assert side.taken(REFERENCE) == 1000


@pytest.mark.parametrize("fault", ["cut after the work", "late", "fails"])
async def test_money_taken_without_being_told_is_found_by_its_id(side: Side, fault: Fault) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    side.spoil("confirm", fault)
    approved = Approved(provider_id, TEN_EUROS)
    try:
        # A gateway may look it up by itself; what it then says is what it is.
        assert await side.gateway.confirm(charge, provider_id) == approved
    except OutcomeUnknown as unknown:
        assert REFERENCE in str(unknown)  # noqa: PT017 - one of two ways
    assert await side.gateway.find(charge, provider_id) == approved
    assert side.taken(REFERENCE) == 1000


async def test_a_lost_confirmation_leaves_the_charge_created(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    side.spoil("confirm", "cut before the work")
    with pytest.raises(OutcomeUnknown, match=REFERENCE):
        await side.gateway.confirm(charge, provider_id)
    assert await side.gateway.find(charge, provider_id) == Created(provider_id)
    assert await side.gateway.confirm(charge, provider_id) == Approved(provider_id, TEN_EUROS)
    assert side.taken(REFERENCE) == 1000


@pytest.mark.parametrize("step", ["create", "confirm"])
async def test_nobody_waits_longer_than_the_time_out(side: Side, step: Step) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge) if step == "confirm" else ""
    side.spoil(step, "late")
    async with asyncio.timeout(1.8 * TIMEOUT_S):
        with pytest.raises(OutcomeUnknown):
            await take(side, step, charge, provider_id)


async def test_a_provider_that_cannot_be_reached_was_surely_sent_nothing(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    await side.shut()
    with pytest.raises(Unavailable, match=REFERENCE):
        await side.gateway.create(charge)
    with pytest.raises(Unavailable, match=REFERENCE):
        await side.gateway.confirm(charge, provider_id)
    with pytest.raises(Unavailable, match=REFERENCE):
        await side.gateway.find(charge, provider_id)


@pytest.mark.parametrize("fault", ["wrong amount", "wrong currency"])
@pytest.mark.parametrize("step", ["create", "confirm"])
async def test_an_answer_about_other_money_settles_nothing(
    side: Side, step: Step, fault: Fault
) -> None:
    told = side.wrong_amount if fault == "wrong amount" else "10.00 USD"
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge) if step == "confirm" else ""
    side.spoil(step, fault)
    with pytest.raises(OutcomeUnknown, match=REFERENCE) as unknown:
        await take(side, step, charge, provider_id)
    assert told in str(unknown.value)
    assert "10.00 EUR" in str(unknown.value)


@pytest.mark.parametrize(
    ("card", "expected"),
    [("has no money", DeclineClass.SOFT), ("is stolen", DeclineClass.NEVER)],
)
async def test_a_decline_says_what_may_be_tried_next(
    side: Side, card: Card, expected: DeclineClass
) -> None:
    charge = a_charge(await side.a_card(card))
    answer = await side.gateway.create(charge)
    if isinstance(answer, Created):
        declined = await side.gateway.confirm(charge, answer.provider_id)
    else:
        declined = answer
    assert isinstance(declined, Declined)
    assert declined.decline is expected
    assert declined.code
    assert side.taken(REFERENCE) == 0
    if declined.provider_id:
        assert await side.gateway.find(charge, declined.provider_id) == declined


async def test_a_cancelled_charge_takes_nothing_any_more(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    assert await side.gateway.cancel(charge, provider_id) == Cancelled(provider_id)
    assert await side.gateway.cancel(charge, provider_id) == Cancelled(provider_id)
    assert await side.gateway.find(charge, provider_id) == Cancelled(provider_id)
    assert not isinstance(await side.gateway.confirm(charge, provider_id), Approved)
    assert side.taken(REFERENCE) == 0


async def test_a_charge_without_an_id_is_cancelled_by_our_reference(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await created(side, charge)
    assert await side.gateway.cancel(charge, "") == Cancelled(provider_id)
    unsent = replace(charge, reference="202611270002")
    assert await side.gateway.cancel(unsent, "") == Absent()


async def test_what_is_paid_is_not_cancelled(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await paid(side, charge)
    assert await side.gateway.cancel(charge, provider_id) == Approved(provider_id, TEN_EUROS)
    assert side.taken(REFERENCE) == 1000


@refunding
async def test_a_part_goes_back_once_for_its_reference(side: Side) -> None:
    provider_id = await paid(side, a_charge(await side.a_card()))
    first, again = [await side.gateway.refund(a_refund(provider_id)) for _ in range(2)]
    assert first == again
    assert (first.money, first.state) == (THREE_EUROS, RefundState.DONE)
    assert (first.provider_id, first.reference) == (provider_id, "55")
    assert side.given_back(REFERENCE) == 300


@refunding
async def test_two_refunds_give_back_the_sum(side: Side) -> None:
    provider_id = await paid(side, a_charge(await side.a_card()))
    await side.gateway.refund(a_refund(provider_id))
    await side.gateway.refund(a_refund(provider_id, "56"))
    assert side.given_back(REFERENCE) == 600


@refunding
async def test_no_more_goes_back_than_was_paid(side: Side) -> None:
    provider_id = await paid(side, a_charge(await side.a_card()))
    with pytest.raises(Refused, match="55"):
        await side.gateway.refund(a_refund(provider_id, money=Money(10_010_000, "EUR")))
    assert side.given_back(REFERENCE) == 0


async def test_a_card_may_be_forgotten_twice(side: Side) -> None:
    card = await side.a_card()
    await side.gateway.forget(card)
    await side.gateway.forget(card)


@keeping
async def test_a_forgotten_card_pays_no_more(side: Side) -> None:
    card = await side.a_card()
    await side.gateway.forget(card)
    charge = a_charge(card)
    answer = await side.gateway.create(charge)
    if isinstance(answer, Created):
        assert isinstance(await side.gateway.confirm(charge, answer.provider_id), Declined)
    assert side.taken(REFERENCE) == 0


@pytest.mark.parametrize("side", sorted({*SIDES} - {*REFUNDING}), indirect=True)
async def test_a_provider_that_gives_nothing_back_refuses(side: Side) -> None:
    provider_id = await paid(side, a_charge(await side.a_card()))
    with pytest.raises(Refused, match="gives no money back"):
        await side.gateway.refund(a_refund(provider_id))


@refunding
async def test_the_list_of_a_day_holds_what_moved_and_nothing_else(side: Side) -> None:
    charge = a_charge(await side.a_card())
    provider_id = await paid(side, charge)
    refunded = await side.gateway.refund(a_refund(provider_id))
    poor = a_charge(await side.a_card("has no money"), "202611270002")
    answer = await side.gateway.create(poor)
    if isinstance(answer, Created):
        await side.gateway.confirm(poor, answer.provider_id)
    await created(side, a_charge(await side.a_card(), "202611270003"))
    day = timedelta(days=1)
    listed = await side.gateway.listed(NOON - day, NOON + day)
    seen = [(each.provider_id, each.reference, each.money, each.is_refund) for each in listed]
    assert sorted(seen, key=str) == sorted(
        [
            (provider_id, REFERENCE, TEN_EUROS, False),
            (refunded.refund_id, "55", THREE_EUROS, True),
        ],
        key=str,
    )
    assert await side.gateway.listed(NOON + day, NOON + 2 * day) == []
