"""What every provider of cashless cards must do (RP-60), shown on two that speak differently."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Created,
    DeclineClass,
    Declined,
    Outcome,
)
from simulator.cashless_tricks import Trick
from tests.fakes.cashless import Provider, a_charge, a_provider

TWELVE_FIFTY = Money(12_500_000, "EUR")


@pytest.fixture(params=["cashless", "purse"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    """A provider of each shape."""
    async with a_provider(request.param) as made:
        yield made


async def created(provider: Provider) -> str:
    answer = await provider.gateway.create(a_charge())
    assert isinstance(answer, Created)
    return answer.provider_id


async def ask(provider: Provider, act: str, known: str) -> Outcome:
    match act:
        case "authorise":
            return await provider.gateway.create(a_charge())
        case "capture":
            return await provider.gateway.confirm(a_charge(), known)
        case "void":
            return await provider.gateway.cancel(a_charge(), known)
        case _:
            return await provider.gateway.find(a_charge(), known)


def captured(provider: Provider) -> list[int]:
    return [each.amount for each in provider.books.payments if each.state == "captured"]


async def test_create_reserves_the_sum_and_takes_nothing(provider: Provider) -> None:
    assert await created(provider)
    assert provider.balance() == 3_750
    assert captured(provider) == []


async def test_confirm_takes_what_was_reserved(provider: Provider) -> None:
    known = await created(provider)
    assert await provider.gateway.confirm(a_charge(), known) == Approved(known, TWELVE_FIFTY)
    assert captured(provider) == [1_250]


async def test_create_repeated_reserves_once(provider: Provider) -> None:
    assert await created(provider) == await created(provider)
    assert provider.balance() == 3_750


async def test_confirm_repeated_takes_once(provider: Provider) -> None:
    known = await created(provider)
    first = await provider.gateway.confirm(a_charge(), known)
    assert await provider.gateway.confirm(a_charge(), known) == first
    assert captured(provider) == [1_250]


async def test_cancel_frees_what_was_reserved(provider: Provider) -> None:
    known = await created(provider)
    assert await provider.gateway.cancel(a_charge(), known) == Cancelled(known)
    assert provider.balance() == 5_000


async def test_cancel_repeated_frees_once(provider: Provider) -> None:
    known = await created(provider)
    await provider.gateway.cancel(a_charge(), known)
    assert await provider.gateway.cancel(a_charge(), known) == Cancelled(known)
    assert provider.balance() == 5_000


async def test_cancel_after_confirm_says_that_money_has_moved(provider: Provider) -> None:
    known = await created(provider)
    await provider.gateway.confirm(a_charge(), known)
    assert await provider.gateway.cancel(a_charge(), known) == Approved(known, TWELVE_FIFTY)
    assert captured(provider) == [1_250]


async def test_cancel_works_by_our_reference_when_the_answer_of_create_was_lost(
    provider: Provider,
) -> None:
    provider.server.tricks.plan("authorise", Trick.CUT)
    with pytest.raises(OutcomeUnknown):
        await provider.gateway.create(a_charge())
    assert isinstance(await provider.gateway.cancel(a_charge(), ""), Cancelled)
    assert provider.balance() == 5_000


async def test_cancel_of_what_never_was_is_absent(provider: Provider) -> None:
    assert await provider.gateway.cancel(a_charge(), "") == Absent()


async def test_confirm_of_what_never_was_takes_nothing(provider: Provider) -> None:
    assert await provider.gateway.confirm(a_charge(), "A000009") == Absent()
    assert provider.balance() == 5_000


async def test_find_knows_every_state_by_our_reference(provider: Provider) -> None:
    gateway = provider.gateway
    assert gateway.abilities.finds
    assert await gateway.find(a_charge(), "") == Absent()
    known = await created(provider)
    assert await gateway.find(a_charge(), "") == Created(known)
    await gateway.confirm(a_charge(), known)
    assert await gateway.find(a_charge(), "") == Approved(known, TWELVE_FIFTY)
    other = a_charge("20261127000002")
    reserved = await gateway.create(other)
    assert isinstance(reserved, Created)
    await gateway.cancel(other, reserved.provider_id)
    assert await gateway.find(other, "") == Cancelled(reserved.provider_id)


@pytest.mark.parametrize(
    ("card", "amount", "expected"),
    [
        ("4711", "50.01", DeclineClass.SOFT),
        ("4712", "1.00", DeclineClass.NEVER),
        ("4713", "1.00", DeclineClass.CARD),
        ("9999", "1.00", DeclineClass.CARD),
    ],
)
async def test_a_refused_card_is_declined_by_class(
    provider: Provider, card: str, amount: str, expected: DeclineClass
) -> None:
    answer = await provider.gateway.create(a_charge(amount=amount, card=card))
    assert isinstance(answer, Declined)
    assert answer.decline is expected
    assert answer.code
    assert provider.books.payments == []


@pytest.mark.parametrize("trick", [Trick.LOST, Trick.LATE, Trick.CUT])
async def test_a_lost_answer_of_create_is_found_and_then_confirmed(
    provider: Provider, trick: Trick
) -> None:
    provider.server.tricks.plan("authorise", trick)
    with pytest.raises(OutcomeUnknown, match="top-up 20261127000001: authorise: "):
        await provider.gateway.create(a_charge())
    found = await provider.gateway.find(a_charge(), "")
    assert isinstance(found, Created)
    outcome = await provider.gateway.confirm(a_charge(), found.provider_id)
    assert outcome == Approved(found.provider_id, TWELVE_FIFTY)
    assert captured(provider) == [1_250]
    assert provider.asked().count("authorise") == 1


@pytest.mark.parametrize("trick", [Trick.LOST, Trick.LATE, Trick.CUT])
async def test_a_lost_answer_of_confirm_is_found_as_approved(
    provider: Provider, trick: Trick
) -> None:
    known = await created(provider)
    provider.server.tricks.plan("capture", trick)
    with pytest.raises(OutcomeUnknown, match="top-up 20261127000001: capture: "):
        await provider.gateway.confirm(a_charge(), known)
    assert await provider.gateway.find(a_charge(), known) == Approved(known, TWELVE_FIFTY)
    assert provider.asked().count("capture") == 1


async def test_a_question_that_was_never_taken_up_is_found_absent(provider: Provider) -> None:
    provider.server.tricks.plan("authorise", Trick.SILENT)
    with pytest.raises(OutcomeUnknown, match=r"no answer within 1 s"):
        await provider.gateway.create(a_charge())
    assert await provider.gateway.find(a_charge(), "") == Absent()


@pytest.mark.parametrize("act", ["authorise", "capture", "query"])
@pytest.mark.parametrize(
    ("trick", "named"),
    [
        (Trick.WRONG_AMOUNT, r"asked for 12\.50 EUR, it answers 0\.01 EUR"),
        (Trick.WRONG_CURRENCY, r"asked for 12\.50 EUR, it answers 12\.50 USD"),
        (Trick.WRONG_REFERENCE, "reference 20261127000001, it answers about 99999999"),
    ],
)
async def test_an_answer_about_another_payment_is_unknown_and_names_both(
    provider: Provider, act: str, trick: Trick, named: str
) -> None:
    known = "" if act == "authorise" else await created(provider)
    provider.server.tricks.plan(act, trick)
    with pytest.raises(OutcomeUnknown, match=named):
        await ask(provider, act, known)


async def test_a_void_that_answers_about_another_payment_is_unknown(provider: Provider) -> None:
    known = await created(provider)
    provider.server.tricks.plan("void", Trick.WRONG_REFERENCE)
    with pytest.raises(OutcomeUnknown, match="it answers about 99999999"):
        await provider.gateway.cancel(a_charge(), known)


@pytest.mark.parametrize("act", ["authorise", "capture", "void", "query"])
@pytest.mark.parametrize(
    ("trick", "reason"),
    [
        (Trick.BOMB, "document type"),
        (Trick.EXTERNAL, "document type"),
        (Trick.DEEP, "no XML"),
        (Trick.GARBAGE, "no XML"),
        (Trick.HUGE, "more than 1048576 bytes"),
        (Trick.PACKED, "packed as gzip"),
        (Trick.HTML_503, "HTTP 503"),
        (Trick.FAULT_SERVER, "it refuses with"),
        (Trick.FAULT_EMPTY, "it refuses with an empty fault"),
        (Trick.DROP, "connection broke"),
    ],
)
async def test_an_answer_that_makes_no_sense_settles_nothing(
    provider: Provider, act: str, trick: Trick, reason: str
) -> None:
    known = "" if act == "authorise" else await created(provider)
    provider.server.tricks.plan(act, trick)
    if trick in (Trick.FAULT_SERVER, Trick.FAULT_EMPTY) and act in ("capture", "void"):
        provider.server.tricks.plan("query", Trick.HTML_503)  # which would settle it at once
        reason = "HTTP 503"
    with pytest.raises(OutcomeUnknown, match=reason):
        await ask(provider, act, known)


@pytest.mark.parametrize("trick", [Trick.BUSY, Trick.MANY_429])
async def test_a_provider_that_is_busy_is_unavailable_and_can_be_asked_again(
    provider: Provider, trick: Trick
) -> None:
    provider.server.tricks.plan("authorise", trick)
    provider.server.tricks.plan("capture", trick)
    with pytest.raises(Unavailable):
        await provider.gateway.create(a_charge())
    known = await created(provider)
    with pytest.raises(Unavailable):
        await provider.gateway.confirm(a_charge(), known)
    assert isinstance(await provider.gateway.confirm(a_charge(), known), Approved)
