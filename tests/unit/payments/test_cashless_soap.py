"""What a provider's answers mean for a top-up, beyond what every provider must do."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from payments.cashless_mapping import Act, CashlessMapping
from payments.cashless_reading import amount_to_send, instant_to_send
from payments.cashless_table import read_mapping_file
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Charge,
    Created,
    DeclineClass,
    Declined,
    GatewayEvent,
    Refund,
    SetUp,
)
from simulator.cashless_books import Duplicates
from simulator.cashless_tricks import Trick
from tests.fakes.cashless import (
    MAPPINGS,
    Provider,
    a_charge,
    a_provider,
    accepting,
    without,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def shipped() -> CashlessMapping:
    """The mapping that comes with rtbill."""
    return read_mapping_file(MAPPINGS["cashless"])


async def reserved(provider: Provider, charge: Charge | None = None) -> str:
    answer = await provider.gateway.create(charge or a_charge())
    assert isinstance(answer, Created)
    return answer.provider_id


async def test_the_provider_hears_the_reference_the_sum_and_the_card() -> None:
    async with a_provider() as provider:
        await reserved(provider)
        ((_, said),) = provider.server.asked
    assert ">20261127000001</" in said
    assert ">1250</" in said
    assert ">EUR</" in said
    assert ">4711</" in said
    assert ">Telephone credit</" in said


async def test_an_id_that_is_not_known_is_not_sent() -> None:
    async with a_provider() as provider:
        known = await reserved(provider)
        await provider.gateway.cancel(a_charge(), "")
        await provider.gateway.cancel(a_charge(), known)
    without_id, with_id = (said for act, said in provider.server.asked if act == "void")
    assert "authorisation" not in without_id
    assert f":authorisation>{known}<" in with_id


async def test_a_text_of_several_lines_is_sent_as_one() -> None:
    async with a_provider() as provider:
        charge = replace(a_charge(), text="Tele\x00phone\n & <credit>")
        await reserved(provider, charge)
        assert ">Telephone &amp; &lt;credit&gt;</" in provider.server.asked[0][1]


async def test_a_fault_with_http_status_200_is_a_refusal() -> None:
    async with a_provider() as provider:
        provider.server.tricks.plan("authorise", Trick.FAULT_200)
        answer = await provider.gateway.create(a_charge())
    text = "not enough money"
    assert answer == Declined("", DeclineClass.SOFT, "INSUFFICIENT_FUNDS", text)


async def test_a_code_that_nobody_knows_is_vague_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_provider() as provider:
        provider.server.tricks.plan("authorise", Trick.FAULT_NEW)
        with caplog.at_level(logging.WARNING, "payments"):
            answer = await provider.gateway.create(a_charge())
    assert answer == Declined("", DeclineClass.VAGUE, "MOON_PHASE", "card ... not today")
    assert "house declines with the code 'MOON_PHASE'" in caplog.text


async def test_a_code_that_nobody_knows_settles_no_capture_but_is_looked_up() -> None:
    async with a_provider() as provider:
        known = await reserved(provider)
        provider.server.tricks.plan("capture", Trick.FAULT_NEW)
        assert await provider.gateway.confirm(a_charge(), known) == Created(known)
        provider.server.tricks.plan("capture", Trick.FAULT_EMPTY)  # which takes the money
        assert isinstance(await provider.gateway.confirm(a_charge(), known), Approved)


async def test_a_known_refusal_of_a_capture_is_a_decline() -> None:
    async with a_provider() as provider:
        known = await reserved(provider)
        provider.server.tricks.plan("capture", Trick.FAULT_200)
        answer = await provider.gateway.confirm(a_charge(), known)
    assert isinstance(answer, Declined)
    assert (answer.provider_id, answer.decline) == (known, DeclineClass.SOFT)


async def test_an_address_where_no_service_is_stops_top_ups_and_follows_no_redirection() -> None:
    async with a_provider() as provider:
        provider.server.tricks.plan("authorise", Trick.MOVED)
        answer = await provider.gateway.create(a_charge())
        assert isinstance(answer, Declined)
        assert (answer.decline, answer.code) == (DeclineClass.OURS, "HTTP 302")
        known = await reserved(provider)
        provider.server.tricks.plan("capture", Trick.MOVED)
        with pytest.raises(Unavailable, match="check the address and the credentials"):
            await provider.gateway.confirm(a_charge(), known)


async def test_an_empty_fault_may_be_given_a_meaning_for_create_alone(
    shipped: CashlessMapping,
) -> None:
    acts = {
        act: replace(mapped, codes={**mapped.codes, "": DeclineClass.OURS})
        for act, mapped in without(shipped, Act.QUERY).acts.items()
    }
    async with a_provider(mapping=replace(shipped, acts=acts)) as provider:
        provider.server.tricks.plan("authorise", Trick.FAULT_EMPTY)
        answer = await provider.gateway.create(a_charge())
        assert isinstance(answer, Declined)
        assert answer.decline is DeclineClass.OURS
        provider.server.tricks.plan("capture", Trick.FAULT_EMPTY)
        with pytest.raises(OutcomeUnknown, match="empty fault"):
            await provider.gateway.confirm(a_charge(), "A000001")


async def test_without_a_query_a_person_settles_what_is_unknown(shipped: CashlessMapping) -> None:
    async with a_provider(mapping=without(shipped, Act.QUERY)) as provider:
        assert not provider.gateway.abilities.finds
        with pytest.raises(Refused, match="cannot be asked what became of a reference"):
            await provider.gateway.find(a_charge(), "")
        known = await reserved(provider)
        provider.server.tricks.plan("capture", Trick.FAULT_NEW)
        with pytest.raises(OutcomeUnknown, match="MOON_PHASE"):
            await provider.gateway.confirm(a_charge(), known)


async def test_who_takes_a_reference_twice_says_that_it_settles_nothing(
    shipped: CashlessMapping,
) -> None:
    mapping = accepting(shipped)
    async with a_provider(mapping=mapping, duplicates=Duplicates.ACCEPT) as provider:
        assert not provider.gateway.abilities.finds
        await reserved(provider)


async def test_a_refused_duplicate_is_what_the_query_says_of_it() -> None:
    async with a_provider(duplicates=Duplicates.REFUSE) as provider:
        known = await reserved(provider)
        assert await provider.gateway.create(a_charge()) == Created(known)
        await provider.gateway.confirm(a_charge(), known)
        with pytest.raises(OutcomeUnknown, match="authorise: it answers that it is approved"):
            await provider.gateway.create(a_charge())
        assert isinstance(await provider.gateway.confirm(a_charge(), known), Approved)


async def test_a_refused_duplicate_without_a_query_is_unknown(shipped: CashlessMapping) -> None:
    mapping = without(shipped, Act.QUERY)
    async with a_provider(mapping=mapping, duplicates=Duplicates.REFUSE) as provider:
        await reserved(provider)
        with pytest.raises(OutcomeUnknown, match="REFERENCE_USED"):
            await provider.gateway.create(a_charge())


async def test_a_replayed_reference_of_another_sum_is_unknown() -> None:
    async with a_provider() as provider:
        await reserved(provider, a_charge(amount="20.00"))
        with pytest.raises(OutcomeUnknown, match=r"asked for 12\.50 EUR, it answers 20\.00 EUR"):
            await provider.gateway.create(a_charge())


async def test_where_capture_and_void_go_by_the_providers_id_alone_the_query_tells_it(
    shipped: CashlessMapping,
) -> None:
    acts = dict(shipped.acts)
    for act in (Act.CAPTURE, Act.VOID):
        # Sent where the simulated provider reads it, and its own reference is ours.
        send = {"provider_id": ("reference",), "amount": ("amount",), "currency": ("currency",)}
        if act is Act.VOID:
            send = {"provider_id": ("reference",)}
        acts[act] = replace(acts[act], send=send)
    read = {**acts[Act.QUERY].read, "provider_id": ("reference",)}
    acts[Act.QUERY] = replace(acts[Act.QUERY], read=read)
    async with a_provider(mapping=replace(shipped, acts=acts)) as provider:
        assert await provider.gateway.cancel(a_charge(), "") == Absent()
        assert await provider.gateway.confirm(a_charge(), "") == Absent()
        await reserved(provider)
        charge = a_charge()
        assert await provider.gateway.cancel(charge, "") == Cancelled(charge.reference)


async def test_without_a_query_a_lost_id_is_for_a_person(shipped: CashlessMapping) -> None:
    send = {"provider_id": ("reference",), "amount": ("amount",), "currency": ("currency",)}
    capture = replace(shipped.acts[Act.CAPTURE], send=send)
    mapping = without(replace(shipped, acts={**shipped.acts, Act.CAPTURE: capture}), Act.QUERY)
    async with a_provider(mapping=mapping) as provider:
        with pytest.raises(OutcomeUnknown, match="its id was lost"):
            await provider.gateway.confirm(a_charge(), "")
        assert provider.asked() == []


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [("12.505", "EUR", "amount"), ("0.000001", "EUR", "amount"), ("12.00", "CHF", "currency")],
)
async def test_what_the_provider_cannot_take_is_declined_before_anything_is_sent(
    shipped: CashlessMapping, amount: str, currency: str, code: str
) -> None:
    async with a_provider(mapping=replace(shipped, currency="EUR")) as provider:
        answer = await provider.gateway.create(a_charge(amount=amount, currency=currency))
        assert isinstance(answer, Declined)
        assert (answer.decline, answer.code) == (DeclineClass.OURS, code)
        assert provider.asked() == []


@pytest.mark.parametrize("card", ["", "47\x0011", "4" * 65])
async def test_a_card_without_a_usable_name_needs_to_be_entered_anew(card: str) -> None:
    async with a_provider() as provider:
        answer = await provider.gateway.create(a_charge(card=card))
        assert isinstance(answer, Declined)
        assert answer.decline is DeclineClass.CARD
        assert provider.asked() == []


@pytest.mark.parametrize("reference", ["", "1" * 21, "12a", "\N{ARABIC-INDIC DIGIT ONE}"])
async def test_a_reference_that_is_not_twenty_digits_at_most_is_a_mistake_of_ours(
    reference: str,
) -> None:
    async with a_provider() as provider:
        with pytest.raises(AssertionError):
            await provider.gateway.create(a_charge(reference))
        assert provider.asked() == []


async def test_a_reference_of_twenty_digits_is_taken() -> None:
    async with a_provider() as provider:
        await reserved(provider, a_charge("9" * 20))


@pytest.mark.parametrize(
    ("micros", "currency", "minor", "decimal"),
    [
        (12_500_000, "EUR", "1250", "12.50"),
        (10_000, "EUR", "1", "0.01"),
        (100_000_000_000, "EUR", "10000000", "100000.00"),
        (1_500_000_000, "JPY", "1500", "1500"),
        (1_234_000, "KWD", "1234", "1.234"),
    ],
)
def test_an_amount_is_written_exactly(
    shipped: CashlessMapping, micros: int, currency: str, minor: str, decimal: str
) -> None:
    purse = read_mapping_file(MAPPINGS["purse"])
    assert amount_to_send(shipped, Money(micros, currency)) == minor
    assert amount_to_send(purse, Money(micros, currency)) == decimal


def test_an_instant_is_written_in_utc_or_in_the_providers_zone(shipped: CashlessMapping) -> None:
    assert instant_to_send(shipped, NOW) == "2026-11-27T12:00:00Z"
    berlin = replace(shipped, zone="Europe/Berlin")
    assert instant_to_send(berlin, NOW) == "2026-11-27T13:00:00"


async def test_what_a_provider_cannot_do_is_refused_with_a_sentence(
    shipped: CashlessMapping,
) -> None:
    mapping = without(shipped, Act.REFUND, Act.LIST)
    async with a_provider(mapping=mapping) as provider:
        gateway = provider.gateway
        assert not gateway.abilities.sets_up_by_page
        assert not gateway.abilities.tells
        wanted = SetUp(
            reference="1", account="room-1", customer="", email="", return_url="", mandate="1"
        )
        event = GatewayEvent("e1", "x", "y", NOW)
        money = Money(1_000_000, "EUR")
        refund = Refund(reference="7", charge="1", provider_id="A1", money=money)
        refused = (
            ("gives no money back", gateway.refund(refund)),
            ("has no list of payments", gateway.listed(NOW, NOW)),
            ("has no page for a card", gateway.set_up(wanted)),
            ("has no page p1", gateway.set_up_result("p1")),
            ("tells no events", gateway.events_since(NOW)),
            ("knows no e1", gateway.look_up(event)),
        )
        for sentence, asked in refused:
            with pytest.raises(Refused, match=f"house .*{sentence}"):
                await asked
        with pytest.raises(BadRecord, match="sends no webhooks"):
            gateway.read_event(b"{}", {})
        await gateway.forget(a_charge().method)
        assert provider.asked() == []
