"""What a step of a top-up means for locks, holds and calls in progress."""

from __future__ import annotations

from typing import Any

from payments.attempts import Event
from payments.grace import NO_GRACE, Grace
from payments.looking import Terms
from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE, Incoming, Outgoing, Service
from rtbill.domain.payment import (
    Approved,
    Created,
    DeclineClass,
    Declined,
    Disputed,
    DisputeState,
)
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.top_up import TopUp, TopUpState
from rtbill.domain.work import Committed, TopUpStep
from rtbill.replenishment.top_up_steps import SiteTerms, TopUpSteps
from tests.fakes.office import Office, an_office
from tests.fakes.till import EUR, REFERENCE, a_method, euros, settings

CLOSED = Service(Outgoing.LOCKED, Incoming.DIVERT)


class Shop:
    """An office whose room 1 buys credit."""

    def __init__(self, office: Office, grace: Grace) -> None:
        self.office = office
        terms = SiteTerms(gateways={"stripe": Terms(grace=grace)})
        self.steps = TopUpSteps(
            terms, office.assessor, office.control, office.billing.policies, office.clock
        )

    async def take(self, step: TopUpStep) -> Committed:
        committed = await self.office.store.take_step(step)
        self.office.billing.committed(committed)
        return committed

    async def open(self) -> None:
        await self.office.store.change(KeepMethod(a_method()))
        await self.office.store.change(SetReplenishment(settings()))

    async def row(self) -> TopUp:
        found = await self.office.store.top_up(REFERENCE)
        assert found is not None
        return found

    async def send(self) -> None:
        await self.take(self.steps.wanted("room-1", REFERENCE))
        await self.take(self.steps.asking(await self.row(), Event.CREATE_ASKED))
        await self.take(self.steps.answered(await self.row(), Created("pi_1")))
        await self.take(self.steps.asking(await self.row(), Event.CONFIRM_ASKED))

    async def hear(self, *told: Any) -> None:
        for each in told:
            row = await self.row()
            if isinstance(each, Event):
                await self.take(self.steps.happened(row, each, "silence"))
            elif isinstance(each, Disputed):
                await self.take(self.steps.disputed(row, each))
            else:
                await self.take(self.steps.answered(row, each))


async def a_shop(office: Office, grace: Grace = NO_GRACE) -> Shop:
    shop = Shop(office, grace)
    await shop.open()
    return shop


PAID = Approved("pi_1", euros(10))


async def test_a_payment_that_settles_opens_in_the_same_commit() -> None:
    async with an_office("0") as office:
        await office.order("credit", account="room-1", amount="-0.01", key="gone")
        assert office.wanted() == LOCKED_SERVICE
        shop = await a_shop(office)
        await shop.send()
        assert office.wanted() == LOCKED_SERVICE
        await shop.hear(PAID)
        assert office.wanted() == OPEN_SERVICE
        assert (await office.store.accounts())[-1].service == OPEN_SERVICE
        kinds = [each.kind for each in await office.waiting()]
        assert kinds[-2:] == ["topup.done", "service.opened"]


async def test_a_lock_by_hand_stays_whoever_pays() -> None:
    async with an_office("0") as office:
        await office.order("lock", extension="1001", incoming="divert", reason="fraud")
        shop = await a_shop(office)
        await shop.send()
        await shop.hear(PAID)
        assert office.wanted() == CLOSED
        assert office.directory.state("room-1").service == OPEN_SERVICE
        await office.order("unlock", extension="1001")
        assert office.wanted() == OPEN_SERVICE


async def test_grace_keeps_the_extension_open_until_the_answer_is_no() -> None:
    async with an_office("0.05") as office:
        shop = await a_shop(office, Grace())
        await shop.send()
        await shop.hear(Event.CONFIRM_LOST)
        await office.order("credit", account="room-1", amount="-0.05", key="spent")
        assert office.wanted() == OPEN_SERVICE
        assert office.directory.state("room-1").grantable_micros == 2 * EUR
        await shop.hear(Declined("pi_1", DeclineClass.CARD, "expired_card"))
        assert office.wanted() == LOCKED_SERVICE
        assert office.directory.state("room-1").grantable_micros == 0


async def test_without_grace_an_account_that_spent_all_is_locked_whatever_is_under_way() -> None:
    async with an_office("0.05") as office:
        shop = await a_shop(office)
        await shop.send()
        await shop.hear(Event.CONFIRM_LOST)
        await office.order("credit", account="room-1", amount="-0.05", key="spent")
        assert office.wanted() == LOCKED_SERVICE


async def test_grace_ends_by_the_clock_and_locks() -> None:
    async with an_office("0.05") as office:
        shop = await a_shop(office, Grace())
        await shop.send()
        await shop.hear(Event.CONFIRM_LOST)
        await office.order("credit", account="room-1", amount="-0.05", key="spent")
        for _ in range(20):
            row = await shop.row()
            if office.wanted() == LOCKED_SERVICE or row.next_look is None:
                break
            await office.clock.advance((row.next_look - office.clock.now()).total_seconds())
            await shop.take(shop.steps.due(row))
        assert office.wanted() == LOCKED_SERVICE
        assert (await shop.row()).state is TopUpState.UNKNOWN


async def test_a_dispute_locks_at_once_where_the_money_was_spent() -> None:
    async with an_office("0.05") as office:
        shop = await a_shop(office)
        await shop.send()
        await shop.hear(PAID)
        await office.order("credit", account="room-1", amount="-5.00", key="spent")
        assert office.wanted() == OPEN_SERVICE
        await shop.hear(Disputed("dp_1", "pi_1", euros(10), DisputeState.WITHDRAWN))
        assert office.wanted() == LOCKED_SERVICE
        assert await office.balance() == 5_050_000 - 10 * EUR


async def test_the_directory_follows_a_grace_that_moved_no_money() -> None:
    async with an_office("0") as office:
        shop = await a_shop(office, Grace())
        await shop.send()
        await shop.hear(Event.CONFIRM_LOST)
        assert office.directory.state("room-1").grace_micros == 2 * EUR
        await shop.hear(Event.OPERATOR_UNPAID)
        assert office.directory.state("room-1").grace_micros == 0
