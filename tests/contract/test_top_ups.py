"""What every store does with top-ups: one commit for a step and all that follows, one under way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payments import heard, settling, wanting
from payments.attempts import Event
from payments.heard import Heard
from payments.looking import Terms
from payments.replenish import Bounds, Wish
from payments.wanting import GiveBack, New
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.changes import CreateAccount, Together
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.payment import Approved, DeclineClass, Declined, Refunded, RefundState
from rtbill.domain.payment_changes import (
    AddPayLink,
    ForgetGatewayEvents,
    GatewayEventTried,
    KeepGatewayEvents,
    KeepMethod,
    RemoveMethod,
    ResumeGateway,
    SetReplenishment,
    StopGateway,
    UsePayLink,
)
from rtbill.domain.rated import Facts
from rtbill.domain.replenishment import RAW_MAX, GatewayStop, InboxEvent, LinkPurpose, PayLink
from rtbill.domain.top_up import Asker, PaymentState, TopUp, TopUpState
from rtbill.domain.vat import VatPoint
from rtbill.domain.work import Committed, TopUpStep
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.contract.conftest import Sides
from tests.fakes.books import an_account, credit
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.fakes.memory_store import MemoryStore
from tests.fakes.till import EUR, REFERENCE, a_method, agreement, euros, settings
from tests.property.random_top_ups import acts, play

PAYMENT = "pi_1"
HOUR = timedelta(hours=1)
Decide = Callable[[AccountState, PaymentState], Facts]


@pytest.fixture
async def shop(books: Sides) -> Sides:
    """Room 1 has a card and settings."""
    await books.store.change(KeepMethod(a_method()))
    await books.store.change(SetReplenishment(settings()))
    return books


def step(decide: Decide, reference: str = REFERENCE, account: str = "room-1") -> TopUpStep:
    def with_pools(state: AccountState, kept: PaymentState, _pools: Pools) -> Facts:
        return decide(state, kept)

    return TopUpStep(account, reference, with_pools)


def wanting_it(reference: str = REFERENCE, account: str = "room-1", **fields: Any) -> TopUpStep:
    values: dict[str, Any] = {"asked_by": Asker.BALANCE, "at": NOON}
    wish = Wish(**(values | fields))
    new = New(reference=reference, vat_point=VatPoint.USE)
    return step(
        lambda state, kept: wanting.want(state, kept, wish, Bounds(), new), reference, account
    )


def hearing(what: Event | Heard | Approved | Declined, reference: str = REFERENCE) -> TopUpStep:
    def decide(state: AccountState, kept: PaymentState) -> Facts:
        assert kept.top_up is not None
        told = what
        if isinstance(told, Approved | Declined):
            told = heard.outcome(kept.top_up, told, NOON)
        if isinstance(told, Event):
            told = Heard(event=told, at=NOON, provider_id=PAYMENT)
        return settling.settle(state, kept, told, Terms())

    return step(decide, reference)


async def sent(books: Sides, reference: str = REFERENCE) -> None:
    """A top-up of ten euros, asked for at the provider."""
    await books.store.take_step(wanting_it(reference))
    for event in (Event.CREATE_ASKED, Event.CREATED, Event.CONFIRM_ASKED):
        await books.store.take_step(hearing(event, reference))


async def the(books: Sides, reference: str = REFERENCE) -> TopUp:
    found = await books.reader.top_up(reference)
    assert found is not None
    return found


def began(results: list[Committed]) -> list[str]:
    return [
        each.facts.paying.top_up.reference
        for each in results
        if each.facts and each.facts.paying and each.facts.paying.top_up
    ]


async def test_a_top_up_is_kept_whole(shop: Sides) -> None:
    committed = await shop.store.take_step(wanting_it())
    assert committed.facts is not None
    assert committed.facts.paying is not None
    assert await the(shop) == committed.facts.paying.top_up
    assert await shop.reader.top_up_events(REFERENCE) == [committed.facts.paying.event]
    assert (await the(shop)).vat_point is VatPoint.USE


async def test_every_field_of_a_top_up_comes_back(shop: Sides) -> None:
    def decide(state: AccountState, kept: PaymentState) -> Facts:
        facts = wanting.want(
            state,
            kept,
            Wish(asked_by=Asker.DESK, at=NOON, money=euros(12.34)),
            Bounds(),
            New(reference=REFERENCE, vat_point=VatPoint.TOP_UP),
        )
        assert facts.paying is not None
        assert facts.paying.top_up is not None
        odd = replace(
            facts.paying.top_up,
            attempt=3,
            provider_id="pi_9",
            first_sent_at=NOON + HOUR,
            asked_for_at=NOON + 1.5 * HOUR,
            unknown_at=NOON + 2 * HOUR,
            next_look=NOON + 3 * HOUR,
            looks=4,
            absences=2,
            decline=DeclineClass.SOFT,
            code="insufficient_funds",
            needs_person=True,
            alarm="odd answer: ü",
        )
        return facts._replace(paying=replace(facts.paying, top_up=odd))

    committed = await shop.store.take_step(step(decide))
    assert committed.facts is not None
    assert committed.facts.paying is not None
    assert await the(shop) == committed.facts.paying.top_up


async def test_a_payment_credits_in_the_same_commit(shop: Sides) -> None:
    await sent(shop)
    committed = await shop.store.take_step(hearing(Approved(PAYMENT, euros(10))))
    assert committed.facts is not None
    state = await shop.state()
    assert state == committed.facts.state
    assert (state.balance_micros, state.version) == (10 * EUR, 1)
    (posted,) = await shop.reader.transfers("room-1", None, None)
    assert posted.transfer.key == "stripe:pi_1:credit"
    assert posted.transfer.debit == "clearing:stripe"
    assert (await the(shop)).state is TopUpState.APPROVED
    (paid,) = await shop.reader.top_ups_paid("stripe", NOON, NOON + HOUR)
    assert paid == await the(shop)
    assert await shop.reader.top_ups_paid("stripe", NOON + HOUR, NOON + 2 * HOUR) == []
    kinds = [each.notice.kind for each in await shop.reader.waiting_notices(10)]
    assert kinds == ["topup.done"]


async def test_news_of_a_payment_that_come_together_credit_once(shop: Sides) -> None:
    await sent(shop)
    news = [shop.store.take_step(hearing(Approved(PAYMENT, euros(10)))) for _ in range(6)]
    for each in news:
        await each
    assert (await shop.state()).balance_micros == 10 * EUR
    assert len(await shop.reader.top_up_events(REFERENCE)) == 5


async def test_a_thousand_triggers_at_once_make_one_top_up(shop: Sides) -> None:
    futures = [shop.store.take_step(wanting_it(str(number))) for number in range(1000)]
    results = [await future for future in futures]
    assert began(results) == ["0"]
    reasons = {each.facts.paying.reason for each in results[1:] if each.facts and each.facts.paying}
    assert reasons == {"top-up 0 is wanted"}
    assert [each.reference for each in await shop.reader.top_ups("room-1", 10)] == ["0"]


async def test_triggers_among_calls_and_credits_make_one_top_up_too(shop: Sides) -> None:
    futures: list[asyncio.Future[Committed]] = []
    for number in range(100):
        futures.append(shop.store.take_step(wanting_it(str(number))))
        futures.append(shop.store.submit(credit(f"k{number}", 1_000)))
    results = [await future for future in futures]
    assert began(results) == ["0"]
    assert (await shop.state()).balance_micros == 100_000


async def test_a_card_that_was_removed_before_is_not_charged(shop: Sides) -> None:
    removal = shop.store.change(RemoveMethod("room-1", "stripe", "pm_1", NOON))
    await removal
    committed = await shop.store.take_step(wanting_it())
    assert began([committed]) == []
    await shop.store.change(KeepMethod(a_method()))
    await shop.store.change(SetReplenishment(settings()))
    await shop.store.take_step(wanting_it())
    await shop.store.change(RemoveMethod("room-1", "stripe", "pm_1", NOON))
    committed = await shop.store.take_step(
        step(lambda state, kept: wanting.go_on(state, kept, Event.CREATE_ASKED, NOON, Terms()))
    )
    assert (await the(shop)).state is TopUpState.CANCELLED


async def test_a_reference_of_another_account_is_a_conflict(shop: Sides) -> None:
    await shop.store.change(CreateAccount(an_account("room-2")))
    await shop.store.take_step(wanting_it())
    with pytest.raises(Conflict, match=f"top-up {REFERENCE} is of account room-1"):
        await shop.store.take_step(wanting_it(account="room-2"))
    with pytest.raises(UnknownAccount):
        await shop.store.take_step(wanting_it("9", account="nobody"))


async def test_a_payment_belongs_to_one_top_up(shop: Sides) -> None:
    await sent(shop)
    await shop.store.take_step(hearing(Approved(PAYMENT, euros(10))))
    again = wanting_it("9", asked_by=Asker.HOLDER, money=euros(10))
    await shop.store.take_step(again)
    with pytest.raises(Conflict, match=f"payment pi_1 at stripe is of top-up {REFERENCE}"):
        await shop.store.take_step(hearing(Approved(PAYMENT, euros(10)), "9"))
    assert (await shop.state()).balance_micros == 10 * EUR
    assert (await the(shop, "9")).state is TopUpState.WANTED


async def test_a_step_that_is_refused_leaves_nothing(shop: Sides) -> None:
    await sent(shop)
    await shop.store.take_step(hearing(Approved(PAYMENT, euros(10))))
    too_much = GiveBack(key="77", money=euros(11), reason="", at=NOON)
    with pytest.raises(Refused):
        await shop.store.take_step(
            step(lambda state, kept: wanting.give_back(state, kept, too_much))
        )
    assert (await shop.state()).balance_micros == 10 * EUR
    assert await shop.reader.reversals(REFERENCE) == []


async def test_money_that_no_payment_brought_is_refused_by_the_store(shop: Sides) -> None:
    await sent(shop)

    def decide(state: AccountState, kept: PaymentState) -> Facts:
        told = heard.outcome(kept.top_up, Approved(PAYMENT, euros(10)), NOON)  # type: ignore[arg-type]
        facts = settling.settle(state, kept, told, Terms())
        assert facts.paying is not None
        assert kept.top_up is not None
        unpaid = replace(kept.top_up, steps=kept.top_up.steps + 1)
        return facts._replace(paying=replace(facts.paying, top_up=unpaid))

    with pytest.raises(AssertionError, match="the account is due another amount"):
        await shop.store.take_step(step(decide))
    assert (await shop.state()).balance_micros == 0


async def test_a_refund_and_its_stages_are_kept(shop: Sides) -> None:
    await sent(shop)
    await shop.store.take_step(hearing(Approved(PAYMENT, euros(10))))
    wanted = GiveBack(key="77", money=euros(4), reason="moved out", at=NOON + HOUR)
    await shop.store.take_step(step(lambda state, kept: wanting.give_back(state, kept, wanted)))
    (due,) = await shop.reader.due_refunds(NOON + HOUR, 10)
    assert (due.key, due.next_try, due.booked_micros) == ("77", NOON + HOUR, 4 * EUR)
    assert await shop.reader.due_refunds(NOON, 10) == []
    told = Refunded("re_1", PAYMENT, euros(4), RefundState.DONE, "77")

    def decide(state: AccountState, kept: PaymentState) -> Facts:
        what = heard.refund(kept, told, NOON + 2 * HOUR)
        assert what is not None
        return settling.settle(state, kept, what, Terms())

    await shop.store.take_step(step(decide))
    (kept,) = await shop.reader.reversals(REFERENCE)
    assert (kept.provider_id, kept.stage.value, kept.reason) == ("re_1", "done", "moved out")
    assert await shop.reader.due_refunds(NOON + 9 * HOUR, 10) == []
    assert (await shop.state()).balance_micros == 6 * EUR
    assert (await the(shop)).reversed_micros == 4 * EUR


async def test_what_is_due_is_found_by_its_time(shop: Sides) -> None:
    await sent(shop)
    assert await shop.reader.due_top_ups(NOON, 10) == []
    assert await shop.reader.due_top_ups(NOON + HOUR, 10) == [await the(shop)]
    assert await shop.reader.top_ups_in_flight(10) == [await the(shop)]
    assert await shop.reader.top_up_of("stripe", PAYMENT) == await the(shop)
    assert await shop.reader.top_up_of("stripe", "") is None
    await shop.store.take_step(hearing(Approved(PAYMENT, euros(10))))
    assert await shop.reader.due_top_ups(NOON + HOUR, 10) == []
    assert await shop.reader.top_ups_in_flight(10) == []


async def test_the_newest_top_ups_come_first(shop: Sides) -> None:
    for reference in ("3", "1", "2"):
        at = shop.clock.now()
        wish = wanting_it(reference, asked_by=Asker.HOLDER, at=at, money=euros(10))
        await shop.store.take_step(wish)
        await shop.store.take_step(hearing(Heard(event=Event.CALL_OFF, at=NOON), reference))
        shop.clock.pass_time(3600)
    assert [each.reference for each in await shop.reader.top_ups("room-1", 2)] == ["2", "1"]
    assert [each.reference for each in await shop.reader.top_ups(None, 9)] == ["2", "1", "3"]
    assert await shop.reader.top_ups("room-2", 9) == []


async def test_grace_is_kept_with_the_account(shop: Sides) -> None:
    await sent(shop)

    def decide(state: AccountState, kept: PaymentState) -> Facts:
        lost = Heard(event=Event.CONFIRM_LOST, at=NOON)
        facts = settling.settle(state, kept, lost, Terms())
        return facts._replace(state=facts.state.with_grace(2 * EUR))

    await shop.store.take_step(step(decide))
    assert (await shop.state()).grace_micros == 2 * EUR


async def test_a_decline_for_good_bars_the_card_in_the_same_commit(shop: Sides) -> None:
    await sent(shop)
    await shop.store.take_step(hearing(Declined(PAYMENT, DeclineClass.CARD, "expired_card")))
    (method,) = await shop.reader.methods("room-1")
    assert (method.barred_at, method.barred_reason) == (NOON, "declined as card")


async def test_our_own_fault_stops_the_gateway_in_the_same_commit(shop: Sides) -> None:
    await sent(shop)
    await shop.store.take_step(hearing(Declined(PAYMENT, DeclineClass.OURS, "401")))
    assert [each.gateway for each in await shop.reader.gateway_stops()] == ["stripe"]
    await shop.store.change(ResumeGateway("stripe"))
    assert await shop.reader.gateway_stops() == []
    stop = GatewayStop(gateway="till", reason="closed", since=NOON)
    await shop.store.change(StopGateway(stop))
    assert await shop.reader.gateway_stops() == [stop]


async def test_a_method_is_kept_found_and_removed(books: Sides) -> None:
    store, reader = books.store, books.reader
    card = a_method()
    await store.change(KeepMethod(card))
    assert await reader.methods("room-1") == [card]
    assert await reader.method("stripe", "pm_1") == card
    assert await reader.customer("room-1", "stripe") == "cus_1"
    assert await reader.customer("room-1", "till") == ""
    assert await reader.expiring_methods((2030, 11)) == []
    assert await reader.expiring_methods((2030, 12)) == [card]
    renewed = a_method(method=replace(card.method, label="Visa 4242", expires=(2034, 1)))
    await store.change(KeepMethod(renewed))
    assert await reader.methods("room-1") == [renewed]
    await store.change(RemoveMethod("room-1", "stripe", "pm_1", NOON))
    assert await reader.methods("room-1") == []
    removed = await reader.method("stripe", "pm_1")
    assert removed == replace(renewed, removed_at=NOON)
    assert await reader.expiring_methods((2040, 1)) == []


async def test_a_method_belongs_to_one_account(shop: Sides) -> None:
    await shop.store.change(CreateAccount(an_account("room-2")))
    with pytest.raises(Conflict, match="belongs to account room-1"):
        await shop.store.change(KeepMethod(a_method(account="room-2")))
    with pytest.raises(Refused, match="account room-2 has no method pm_1"):
        await shop.store.change(RemoveMethod("room-2", "stripe", "pm_1", NOON))
    with pytest.raises(UnknownAccount):
        await shop.store.change(KeepMethod(a_method("pm_2", account="nobody")))


async def test_settings_are_kept_and_switched_off_with_their_card(shop: Sides) -> None:
    assert await shop.reader.replenishment("room-1") == settings()
    assert await shop.reader.replenishments() == [settings()]
    await shop.store.change(RemoveMethod("room-1", "stripe", "pm_1", NOON))
    off = await shop.reader.replenishment("room-1")
    assert off is not None
    assert (off.is_on, off.changed_at, off.changed_by) == (False, NOON, "the card was removed")


REFUSED_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "finer than coins": ({"increment_micros": 10_005_000}, "finer than its coins"),
    "no increment": ({"increment_micros": 0}, "more than nothing"),
    "less than one increment": ({"charge_max_micros": 9 * EUR}, "no less than one increment"),
    "nothing to pay from": ({"method": "pm_9"}, "has nothing to pay from"),
    "no agreement": ({"agreement": None}, "nobody has agreed"),
    "more than agreed": ({"month_max_micros": 301 * EUR}, "needs a new agreement"),
    "more at once": ({"charge_max_micros": 60 * EUR}, "needs a new agreement"),
    "below zero": ({"day_max_micros": -1}, "not below zero"),
}


@pytest.mark.parametrize("why", REFUSED_SETTINGS)
async def test_settings_that_cannot_be_are_refused(shop: Sides, why: str) -> None:
    fields, message = REFUSED_SETTINGS[why]
    with pytest.raises(Refused, match=message):
        await shop.store.change(SetReplenishment(settings(**fields)))
    assert await shop.reader.replenishment("room-1") == settings()


async def test_more_is_agreed_to_anew_and_less_needs_no_agreement(shop: Sides) -> None:
    less = settings(month_max_micros=20 * EUR)
    await shop.store.change(SetReplenishment(less))
    more = settings(month_max_micros=900 * EUR, agreement=agreement(at=NOON))
    await shop.store.change(SetReplenishment(more))
    assert await shop.reader.replenishment("room-1") == more


def an_event(key: str, **fields: Any) -> InboxEvent:
    values: dict[str, Any] = {
        "gateway": "stripe",
        "id": key,
        "kind": "charge.refunded",
        "about": "ch_1",
        "at": NOON,
        "received_at": NOON,
        "raw": "{}",
    }
    return InboxEvent(**(values | fields))


async def test_what_a_provider_tells_is_kept_once_until_it_is_processed(books: Sides) -> None:
    store, reader = books.store, books.reader
    later = an_event("evt_2", at=NOON + HOUR, raw="x" * (RAW_MAX + 1))
    await store.change(KeepGatewayEvents((an_event("evt_1"), later)))
    await store.change(KeepGatewayEvents((an_event("evt_1", kind="another"),)))
    waiting = await reader.waiting_gateway_events(10)
    assert [(each.id, each.kind, len(each.raw)) for each in waiting] == [
        ("evt_1", "charge.refunded", 2),
        ("evt_2", "charge.refunded", RAW_MAX),
    ]
    assert await reader.newest_gateway_event("stripe") == NOON + HOUR
    assert await reader.newest_gateway_event("till") is None
    await store.change(GatewayEventTried("stripe", "evt_1", "no answer"))
    assert [each.id for each in await reader.waiting_gateway_events(10)] == ["evt_2", "evt_1"]
    await store.change(GatewayEventTried("stripe", "evt_1", "settled", NOON + HOUR))
    assert [each.id for each in await reader.waiting_gateway_events(10)] == ["evt_2"]
    await store.change(ForgetGatewayEvents(NOON + HOUR))
    await store.change(KeepGatewayEvents((an_event("evt_1"),)))
    assert len(await reader.waiting_gateway_events(10)) == 2


async def test_a_link_is_used_once_and_in_time(books: Sides) -> None:
    store, reader = books.store, books.reader
    link = PayLink(
        token_hash="ab" * 32,
        account="room-1",
        purpose=LinkPurpose.MANAGE,
        made_at=NOON,
        expires_at=NOON + HOUR,
    )
    await store.change(AddPayLink(link))
    await store.change(AddPayLink(replace(link, token_hash="cd" * 32)))
    assert await reader.pay_link("ab" * 32) == link
    await store.change(UsePayLink("ab" * 32, NOON))
    assert await reader.pay_link("ab" * 32) == replace(link, used_at=NOON)
    for token, at in (("ab" * 32, NOON), ("cd" * 32, NOON + HOUR), ("ef" * 32, NOON)):
        with pytest.raises(Refused, match="this link is not good any more"):
            await store.change(UsePayLink(token, at))


async def test_changes_of_payments_go_together_or_not_at_all(books: Sides) -> None:
    both = Together((KeepMethod(a_method()), SetReplenishment(settings(agreement=None))))
    with pytest.raises(Refused):
        await books.store.change(both)
    assert await books.reader.methods("room-1") == []


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_heard_the_books_are_proven_and_both_stores_agree(
    tmp_path: Path, seed: int
) -> None:
    file = StoreSettings(path=tmp_path / "books.db")
    clock = ManualClock()
    async with (
        SqliteStore(file, clock, CountingMeter()) as store,
        SqliteReader(file.path) as reader,
    ):
        kept = await play(store, reader, clock, acts(random.Random(seed)))
    assert verify(file.path) == []
    clock = ManualClock()
    memory = MemoryStore(clock)
    assert await play(memory, memory, clock, acts(random.Random(seed))) == kept
