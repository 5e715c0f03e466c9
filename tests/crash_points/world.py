"""People who call and pay by a script, the exchange, the books, and one life after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from balance.holds import SliceTerms
from rtbill import jobs
from rtbill.alarms import Alarms
from rtbill.app.service import _tracker
from rtbill.billing import Billing
from rtbill.chronicle import Chronicle
from rtbill.consequences import Policies
from rtbill.credit.authorisation import Answer, Authoriser, CallKind, Permission, Question
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Grant, Limits
from rtbill.credit.hold_terms import HoldTerms
from rtbill.desk.orders import Desk
from rtbill.domain.account import HOUSE, SUSPENSE, AccountKind
from rtbill.domain.changes import AddTariff, Assign, CreateAccount
from rtbill.domain.directory import Directory
from rtbill.domain.errors import RtbillError
from rtbill.domain.hold import Hold
from rtbill.domain.numbering import NumberPlan
from rtbill.jobs import Enforcement
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.rating.price_book import PriceBook
from tests.crash_points.exchange import Exchange, Leg, PointPbx
from tests.crash_points.points import Life, Points, PointStore
from tests.fakes.builders import (
    PBX,
    SWITZERLAND,
    a_membership,
    a_rate,
    a_tariff,
    an_account,
    at,
    leg,
)
from tests.fakes.environment import CountingMeter
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock

LENGTH_S = 150.0
"""Of the script, with time for the last hold to be given up."""
DEAD_S = 1.0
"""From a death to the next start."""
PATIENCE_S = 1.0
"""An exchange waits so long for an answer, and a person for a receipt."""
TERMS = HoldTerms(
    slices=SliceTerms(slice_min_s=10, slice_max_s=20, call_min_s=5, call_max_s=3600),
    ring_max_s=15.0,
)
TARIFF = a_tariff(a_rate("1/1", "0.60"))
"""A cent a second."""
OPENING = {"room-1": "1.20", "room-2": "5.00", "room-3": "5.00", "room-4": "0.03"}
EXTENSIONS = {
    "1001": "room-1",
    "1002": "room-1",
    "2001": "room-2",
    "2002": "room-2",
    "3001": "room-3",
    "4001": "room-4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What somebody means to do."""

    number: str
    """Of the leg."""
    payer: str
    at_s: float
    ring_s: float = 3.0
    talk_s: float = 0.0
    """0: nobody answers."""
    asks: int = 1
    """So often the exchange asks, for one trunk after the other."""
    dials: bool = True
    to: str = SWITZERLAND


CALLS = (
    Call(number="1", payer="1001", at_s=1, talk_s=50),
    Call(number="2", payer="1002", at_s=5, talk_s=200),  # for longer than there is money
    Call(number="4", payer="2001", at_s=10, ring_s=6),
    Call(number="5", payer="2002", at_s=12, talk_s=30, asks=0),
    Call(number="refused", payer="4001", at_s=15),
    Call(number="7", payer="4001", at_s=20, asks=0, talk_s=20),  # nothing can be held for it
    Call(number="given up", payer="2002", at_s=25, dials=False),
    Call(number="6", payer="2001", at_s=30, talk_s=40),  # another account pays it from 45 s on
    Call(number="8", payer="4001", at_s=35, talk_s=10, to="112"),
    Call(number="9", payer="3001", at_s=45, talk_s=15, asks=2),
)


class World:
    """Plays the script once, with the death or the lost reply that the points choose."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self.clock = VirtualClock()
        self.books = MemoryStore(self.clock)
        self.exchange: Exchange
        self.lives = 0
        self.problems: list[str] = []
        """What was wrong the moment it happened."""
        self.paid: dict[str, str] = {}
        """Amounts for which a receipt was given, by key."""
        self._life: Life | None = None
        self._owner: asyncio.TaskGroup | None = None
        self._desk: Desk | None = None
        self._authoriser: Authoriser | None = None

    async def play(self) -> None:
        """All of it, until nothing more happens."""
        await self._open_books()
        async with asyncio.TaskGroup() as group:
            script = group.create_task(self._script())
            await self.clock.advance(LENGTH_S)
            script.cancel()

    async def _script(self) -> None:
        async with asyncio.TaskGroup() as group:
            self.exchange = Exchange(self.clock, group)
            self.exchange.on_end = self._check_grant
            group.create_task(self._live_on(), name="lives")
            group.create_task(self.exchange.show(), name="snapshots")
            for call in CALLS:
                group.create_task(self._call(call), name=f"call {call.number}")
            for name, amount in OPENING.items():
                group.create_task(self._pay(0.1, f"first {name}", name, amount))
            group.create_task(self._pay(76.5, "late", "room-1", "0.20"))
            group.create_task(self._move(45.0))
            group.create_task(self._lose_link(63.0))

    async def _open_books(self) -> None:
        await self.books.change(AddTariff(TARIFF))
        postpaid = AccountKind.POSTPAID
        for name in (HOUSE, SUSPENSE):
            await self.books.change(CreateAccount(an_account(name, postpaid)))
        for name in OPENING:
            await self.books.change(CreateAccount(an_account(name)))
        for number, account in EXTENSIONS.items():
            await self.books.change(Assign(a_membership(account, number)))

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
        async with asyncio.TaskGroup() as group:
            store = PointStore(self.books, life)
            billing, alarms = await self._billing(store)
            pbx = PointPbx(self.exchange, life)
            line = billing.add_line(pbx, _tracker(PBX, await self.books.live_rows()))
            group.create_task(billing.bill_pbx(line), name="bill")
            group.create_task(billing.holdings.serve(), name="holds")
            group.create_task(jobs.sweep(billing, store, alarms, self.clock), name="sweep")
            self._life, self._owner = life, group

    async def _billing(self, store: PointStore) -> tuple[Billing, Alarms]:
        books, clock = self.books, self.clock
        directory = Directory(await books.accounts(), await books.memberships())
        book = PriceBook(await books.tariffs())
        assessor = Assessor(directory, NumberPlan(), book, Assignment(default="retail"))
        alarms, chronicle = Alarms(clock), Chronicle()
        control = CreditControl(assessor, directory, Limits())
        billing = Billing(
            store=store,
            directory=directory,
            assessor=assessor,
            control=control,
            policies=Policies({}),
            alarms=alarms,
            chronicle=chronicle,
            clock=clock,
            meter=CountingMeter(),
            hold_terms=TERMS,
        )
        enforcement = Enforcement(billing, alarms, clock)
        self._desk = Desk(
            billing=billing,
            enforcement=enforcement,
            store=store,
            reader=books,
            clock=clock,
            zone="UTC",
            currency="EUR",
            pbxs=[PBX],
        )

        async def reserve(question: Question, grant: Grant, at_: Any) -> Hold | None:
            return await billing.holdings.reserving.reserve(
                grant.account, PBX, question.channel, grant.called, at_
            )

        self._authoriser = Authoriser(
            control=control,
            desk_locks=enforcement.desk_locks,
            alarms=alarms,
            chronicle=chronicle,
            clock=clock,
            would_refuse=lambda _question, _refusal: None,
            reserve=reserve,
        )
        return billing, alarms

    # ----------------------------------------------------------------------- people

    async def _call(self, call: Call) -> None:
        await self.clock.sleep(call.at_s)
        channel = f"17.{call.number}" if call.asks else ""
        limit_s: float | None = None
        for _ in range(call.asks):
            answer = await self._ask(channel, call)
            if not isinstance(answer, Permission):
                return
            limit_s = answer.seconds
        if not call.dials:
            return
        placed = Leg(leg(call.number), channel, call.payer, call.to)
        self.exchange.dial(placed)
        await self.clock.sleep(call.ring_s)
        if call.talk_s and placed.ended_at is None:
            self.exchange.answer(placed, limit_s)
            await self.clock.sleep(call.talk_s)
        self.exchange.end(placed)

    async def _ask(self, channel: str, call: Call) -> Answer | None:
        """What the exchange hears, or None when it hears nothing in time."""
        question = Question(
            pbx=PBX, channel=channel, payer=call.payer, number=call.to, kind=CallKind.DIRECT
        )
        heard: list[Answer] = []
        self._in_life(self._answer(question, heard))
        await self.clock.sleep(PATIENCE_S)
        return heard[0] if heard else None

    async def _answer(self, question: Question, heard: list[Answer]) -> None:
        life = self._life
        assert life is not None
        assert self._authoriser is not None
        try:
            answer = await self._authoriser.decide(question)
        except RtbillError:
            return
        life.say(f"answer {question.channel}", lambda: heard.append(answer))

    async def _pay(self, at_s: float, key: str, account: str, amount: str) -> None:
        await self.clock.sleep(at_s)
        self.paid[key] = amount
        await self._order("credit", account=account, amount=amount, key=key)

    async def _move(self, at_s: float) -> None:
        """Extension 2001 belongs to another account, since before its call was answered."""
        await self.clock.sleep(at_s)
        since = at("12:00:29").isoformat()
        await self._order(
            "group.add", account="room-3", extension="2001", move=True, **{"from": since}
        )

    async def _lose_link(self, at_s: float) -> None:
        """While a call ends."""
        await self.clock.sleep(at_s)
        await self.exchange.lose_link(4.0)

    async def _order(self, verb: str, **arguments: Any) -> None:
        """At the desk, again and again until somebody says that it is done."""
        done: list[Any] = []

        async def order() -> None:
            answer = await self._ordered(verb, arguments)
            done.append(answer)

        while True:
            self._in_life(order())
            await self.clock.sleep(PATIENCE_S)
            if any(done):
                return

    async def _ordered(self, verb: str, arguments: dict[str, Any]) -> Any:
        assert self._desk is not None
        try:
            return await self._desk.order(verb, arguments)
        except RtbillError:
            return None

    def _in_life(self, work: Coroutine[Any, Any, None]) -> None:
        """The process does this, if there is one."""
        if self._owner is None or self._life is None or self._life.is_over:
            work.close()
        else:
            self._owner.create_task(work)

    # ------------------------------------------------------------------------ checks

    def _check_grant(self, ended: Leg) -> None:
        """At its end, whoever lives: it has talked for no longer than was held, durably."""
        if ended.dialled != SWITZERLAND:
            return
        asked = f"{PBX}/{ended.channel}#"
        granted = [
            event.hold.granted_s
            for event in self.books._hold_events
            if event.hold.call == ended.id or (ended.channel and event.hold.key.startswith(asked))
        ]
        if ended.talk_s > max(granted, default=0):
            self.problems.append(f"{ended.id} talked {ended.talk_s} s, granted {granted}")
