"""Accounts that spend, buy and get money back by a script; each commit and each question a point.

The provider and the books outlive every life of the process. What is true in the end is told by the
provider alone: what it really took, less what it really gave back, is what accounts were credited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from rtbill.alarms import Alarms
from rtbill.billing import Billing
from rtbill.chronicle import Chronicle
from rtbill.consequences import Policies
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Limits
from rtbill.domain.account import HOUSE, SUSPENSE, AccountKind
from rtbill.domain.changes import AddTariff, CreateAccount
from rtbill.domain.directory import Directory
from rtbill.domain.errors import BadRecord, RtbillError
from rtbill.domain.money import parse_micros
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.payment import (
    Charge,
    Created,
    DeclineClass,
    Declined,
    GatewayEvent,
    ListedPayment,
    MethodReady,
    Outcome,
    PaymentMethod,
    Refund,
    Refunded,
    SetUp,
    SetUpPage,
    Told,
)
from rtbill.domain.provider_balance import BalanceMovement
from rtbill.gateway import GatewayAbilities
from rtbill.payment_service import PaymentService
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.rating.price_book import PriceBook
from tests.crash_points.points import Life, Points, PointStore
from tests.fakes.builders import a_tariff, an_account
from tests.fakes.environment import CountingMeter
from tests.fakes.fake_gateway import FakeGateway, Loss, Provider, a_method
from tests.fakes.memory_store import MemoryStore
from tests.fakes.pay_office import GENUINE, a_payment_service, ready_to_pay
from tests.fakes.virtual_clock import VirtualClock

LENGTH_S = 900.0
"""Long enough for the second look at a page for a card."""
DEAD_S = 1.0
PATIENCE_S = 2.0
OPENING = {"room-1": "10.00", "room-2": "10.00", "room-3": "10.00", "room-4": "10.00"}


class PointGateway:
    """gateway.PaymentGateway: one life's link to the provider, each question a point."""

    def __init__(self, gateway: FakeGateway, life: Life) -> None:
        self._gateway = gateway
        self._life = life

    @property
    def name(self) -> str:
        """As the provider's."""
        return self._gateway.name

    @property
    def abilities(self) -> GatewayAbilities:
        """As the provider's."""
        return self._gateway.abilities

    async def _ask(self, what: str, act: Callable[[], Awaitable[Any]]) -> Any:
        return await self._life.call(f"ask {what}", act)

    async def create(self, charge: Charge) -> Created | Declined:
        """A point."""
        found: Created | Declined = await self._ask("create", lambda: self._gateway.create(charge))
        return found

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """A point."""
        act = lambda: self._gateway.confirm(charge, provider_id)  # noqa: E731
        found: Outcome = await self._ask("confirm", act)
        return found

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """A point."""
        act = lambda: self._gateway.find(charge, provider_id)  # noqa: E731
        found: Outcome = await self._ask("find", act)
        return found

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """A point."""
        act = lambda: self._gateway.cancel(charge, provider_id)  # noqa: E731
        found: Outcome = await self._ask("cancel", act)
        return found

    async def refund(self, refund: Refund) -> Refunded:
        """A point."""
        found: Refunded = await self._ask("refund", lambda: self._gateway.refund(refund))
        return found

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """A point."""
        found: SetUpPage = await self._ask("set up", lambda: self._gateway.set_up(wanted))
        return found

    async def set_up_result(self, page_id: str) -> PaymentMethod | None:
        """A point."""
        act = lambda: self._gateway.set_up_result(page_id)  # noqa: E731
        found: PaymentMethod | None = await self._ask("set up result", act)
        return found

    async def forget(self, method: PaymentMethod) -> None:
        """Nobody takes one away."""
        await self._gateway.forget(method)

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Asks nobody."""
        return self._gateway.read_event(raw, headers)

    async def events_since(self, at: datetime) -> Sequence[GatewayEvent]:
        """Asked at each start."""
        return await self._gateway.events_since(at)

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """A point."""
        found: Sequence[Told] = await self._ask("look up", lambda: self._gateway.look_up(event))
        return found

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """Nothing, so that no comparison mends what a step left undone."""
        del since, until
        return ()

    async def movements(self, since: datetime, until: datetime) -> Sequence[BalanceMovement]:
        """None, for the same reason."""
        del since, until
        return ()

    async def close(self) -> None:
        """It is kept."""


class PayWorld:
    """Plays the script once, with the death or the lost reply that the points choose."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self.clock = VirtualClock()
        self.books = MemoryStore(self.clock)
        self.provider = Provider(self.clock)
        self.lives = 0
        self.spent: dict[str, int] = dict.fromkeys(OPENING, 0)
        self.owed: dict[str, int] = {}
        self.cards_given: list[str] = []
        self._life: Life | None = None
        self._owner: asyncio.TaskGroup | None = None
        self._billing: Billing | None = None
        self._service: PaymentService | None = None

    async def play(self) -> None:
        """All of it, until nothing more happens."""
        await self._open_books()
        async with asyncio.TaskGroup() as group:
            script = group.create_task(self._script())
            await self.clock.advance(LENGTH_S)
            script.cancel()

    async def _open_books(self) -> None:
        await self.books.change(AddTariff(a_tariff()))
        for name in (HOUSE, SUSPENSE):
            await self.books.change(CreateAccount(an_account(name, AccountKind.POSTPAID)))
        for name in OPENING:
            await self.books.change(CreateAccount(an_account(name)))
            await ready_to_pay(self.books, name)

    async def _script(self) -> None:
        self.provider.verdicts_of = {"room-2": [DeclineClass.FAST], "room-3": ["pending"]}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._live_on(), name="lives")
            for number, (name, amount) in enumerate(OPENING.items()):
                group.create_task(self._pay(1.0, f"first {name}", name, amount))
                group.create_task(self._pay(5.0 + 4 * number, f"spent {name}", name, "-6.00"))
            group.create_task(self._lose_one(16.5))
            group.create_task(self._settle_late(40.0))
            group.create_task(self._give_back(60.0))
            group.create_task(self._give_card(80.0, "card-told", is_told=True))
            group.create_task(self._give_card(90.0, "card-silent", is_told=False))

    async def _lose_one(self, at_s: float) -> None:
        """The next answer about money gets lost on its way from the provider."""
        await self.clock.sleep(at_s)
        self.provider.losses["confirm"] = [Loss.AFTER]

    async def _settle_late(self, at_s: float) -> None:
        """The bank pays what it was still at, and the provider tells of everything, twice."""
        await self.clock.sleep(at_s)
        for reference, payment in list(self.provider.payments.items()):
            if payment.charge.account == "room-3" and not payment.is_paid:
                self.provider.settle(reference)
            for number in range(2):
                body = self.provider.happen(f"evt_{reference}_{number}", about=reference)
                await self._until_done(partial(self._hear, body))

    async def _hear(self, body: bytes) -> bool:
        assert self._service is not None
        await self._service.inbox.hear("fake", body, GENUINE)
        return True

    async def _give_card(self, at_s: float, card: str, *, is_told: bool) -> None:
        """Room-1's holder gives one more card and never comes back; the provider tells or not."""
        await self.clock.sleep(at_s)
        pages: list[str] = []

        async def begin() -> bool:
            assert self._service is not None
            order = self._service.desk.orders()["pay.method.begin"]
            agreed = {"text_version": "1", "address": "192.0.2.9"}
            answer = await order(
                {"account": "room-1", "return_url": "https://pay.example/back", **agreed}
            )
            pages.append(str(answer["page"]))
            return True

        await self._until_done(begin)
        self.provider.given[pages[0]] = a_method(card)
        self.cards_given.append(card)
        if is_told:
            told = MethodReady(self.provider.set_ups[pages[0]].reference, a_method(card))
            body = self.provider.happen(f"evt_{card}", "set up", told)
            await self._until_done(partial(self._hear, body))

    async def _give_back(self, at_s: float) -> None:
        """The operator gives a part of what room-1 bought back, if it bought something."""
        await self.clock.sleep(at_s)
        await self._until_done(self._refund)

    async def _refund(self) -> bool:
        assert self._service is not None
        rows = [each for each in await self.books.top_ups("room-1", 9) if each.was_paid]
        if not rows:
            return False
        if await self.books.reversals(rows[0].reference):
            return True
        order = {"reference": rows[0].reference, "amount": "3.00", "reason": "moved out"}
        await self._service.desk.orders()["pay.refund"](order)
        return True

    async def _pay(self, at_s: float, key: str, account: str, amount: str) -> None:
        await self.clock.sleep(at_s)
        self.owed[key] = parse_micros(amount)

        async def credit() -> bool:
            assert self._billing is not None
            await self._billing.credit(account, parse_micros(amount), key, "script")
            return True

        await self._until_done(credit)

    async def _until_done(self, act: Callable[[], Awaitable[bool]]) -> None:
        """Again and again, by whichever process there is, until somebody says that it is done."""
        done: list[bool] = []

        async def once() -> None:
            try:
                done.append(await act())
            except BadRecord:
                raise
            except RtbillError:
                return

        while not any(done):
            if self._owner is not None and self._life is not None and not self._life.is_over:
                self._owner.create_task(once())
            await self.clock.sleep(PATIENCE_S)

    # ------------------------------------------------------------------- the process

    async def _live_on(self) -> None:
        while True:
            life = Life(self.points)
            async with asyncio.TaskGroup() as group:
                process = group.create_task(self._live(life))
                await life.ended.wait()
                self._life = self._owner = None
                process.cancel()
            await self.clock.sleep(DEAD_S)

    async def _live(self, life: Life) -> None:
        self.lives += 1
        books, clock = self.books, self.clock
        store = PointStore(books, life)
        directory = Directory(await books.accounts(), await books.memberships())
        book = PriceBook(await books.tariffs())
        assessor = Assessor(directory, NumberPlan(), book, Assignment(default="retail"))
        billing = Billing(
            store=store,
            directory=directory,
            assessor=assessor,
            control=CreditControl(assessor, directory, Limits()),
            policies=Policies({}),
            alarms=Alarms(clock),
            chronicle=Chronicle(),
            clock=clock,
            meter=CountingMeter(),
        )
        gateway: Any = PointGateway(FakeGateway(self.provider), life)
        service = a_payment_service(billing, books, clock, gateway)
        async with asyncio.TaskGroup() as group:
            for work, name in service.work():
                group.create_task(work, name=name)
            self._billing, self._service = billing, service
            self._life, self._owner = life, group


def problems_of(world: PayWorld) -> list[str]:
    """All that is wrong; empty when nothing is."""
    return [
        *_money(world),
        *_charges(world),
        *_unfinished(world),
        *_cards(world),
        *_leftovers(world),
    ]


def _money(world: PayWorld) -> Iterator[str]:
    credited: dict[str, int] = dict.fromkeys(OPENING, 0)
    for posted in world.books._transfers.values():
        if not posted.transfer.key.startswith("credit:"):
            credited[posted.transfer.account] += posted.transfer.change_micros
    for account in OPENING:
        moved = world.provider.moved.get(account, 0)
        if credited[account] != moved:
            yield f"{account} was credited {credited[account]}, the provider moved {moved}"
        by_hand = sum(each for key, each in world.owed.items() if key.endswith(account))
        balance = world.books._accounts[account].balance_micros
        if balance != by_hand + moved:
            yield f"{account} has {balance}, {by_hand + moved} are due"


def _charges(world: PayWorld) -> Iterator[str]:
    paid = [each.charge.account for each in world.provider.payments.values() if each.is_paid]
    for account in OPENING:
        if paid.count(account) > 1:
            yield f"{account} was charged {paid.count(account)} times"


def _unfinished(world: PayWorld) -> Iterator[str]:
    for row in world.books._payments.top_ups.values():
        if not row.is_final or row.alarm:
            yield f"{row.reference} of {row.account} is {row.state} {row.alarm}"


def _cards(world: PayWorld) -> Iterator[str]:
    payments = world.books._payments
    for card in ("card-told", "card-silent"):
        if card not in world.cards_given or ("fake", card) not in payments.methods:
            yield f"{card} was given and is not kept"


def _leftovers(world: PayWorld) -> Iterator[str]:
    payments = world.books._payments
    for event in payments.inbox.values():
        if event.processed_at is None:
            yield f"{event.id} was never looked into"
    for reversal in payments.reversals.values():
        if reversal.stage != "done":
            yield f"refund {reversal.key} is {reversal.stage}"
    for state in world.books._accounts.values():
        if state.grace_micros:
            yield f"{state.account.id} still has grace"
