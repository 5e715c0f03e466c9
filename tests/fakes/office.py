"""The whole core at work on a fake exchange, a store in memory and a clock the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rtbill import jobs, renewals
from rtbill.alarms import Alarms
from rtbill.billing import Billing
from rtbill.calls.tracker import Tracker
from rtbill.chronicle import Chronicle
from rtbill.consequences import Policies
from rtbill.credit.control import NO_CEILINGS, CreditControl
from rtbill.credit.grants import Limits
from rtbill.credit.stances import ENFORCED, Stances
from rtbill.credit.unaided import UnaidedLimits, UnaidedRows, UnaidedTerms
from rtbill.desk.orders import Desk
from rtbill.domain.account import Account, Extension, Membership, Service
from rtbill.domain.adjustment import Bounds
from rtbill.domain.changes import AddTariff, Assign, CreateAccount
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.events import LiveLeg
from rtbill.domain.notice import Notice
from rtbill.domain.pins import Pins
from rtbill.domain.rated import RatedCall
from rtbill.domain.tariff import Tariff
from rtbill.domain.work import Committed, Holding, Operation
from rtbill.exchanges.enforcement import Policy
from rtbill.exchanges.lines import Line
from rtbill.ports import CallFilter
from rtbill.pricing.assignment import Assignment
from rtbill.pricing.site_hook import Function
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.rating.price_book import PriceBook
from tests.fakes.builders import (
    PBX,
    a_directory,
    a_membership,
    a_tariff,
    an_account,
    an_assessor,
    at,
    events,
)
from tests.fakes.environment import CountingMeter
from tests.fakes.fake_pbx import FakePbx
from tests.fakes.hooks import GENEROUS, a_site_hook
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock, settle

PIN_SECRET = "mixed-with-every-pin"
DESTINATIONS = {"home": ["+49"], "europe": ["+41", "+43"]}


class SlowStore(MemoryStore):
    """A store whose commits the test can hold up, and whose queue it can make small."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.is_stuck = False
        self.queue_max = 10_000
        self.answers_lost = 0
        """So many steps of holds are made durable, and nobody hears of it."""
        self.has_room_for_live = False
        """Also while it is stuck and its queue is full."""
        self._waiting: list[tuple[Operation | Holding, asyncio.Future[Committed]]] = []

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Done at once, or with `commit` while it is stuck."""
        if not self.is_stuck:
            return super().submit(operation)
        return self._wait(operation)

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """As `submit`."""
        if self.is_stuck:
            return self._wait(holding)
        done = super().hold(holding)
        if not self.answers_lost:
            return done
        self.answers_lost -= 1
        lost: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        lost.set_exception(OutcomeUnknown("the answer was lost"))
        return lost

    def note_live(self, leg: LiveLeg) -> None:
        """Unavailable while it is stuck and its queue is full, unless there is room for these."""
        is_full = self.is_stuck and len(self._waiting) >= self.queue_max
        if is_full and not self.has_room_for_live:
            raise Unavailable(f"{len(self._waiting)} facts wait to be written")
        super().note_live(leg)

    def _wait(self, work: Operation | Holding) -> asyncio.Future[Committed]:
        if len(self._waiting) >= self.queue_max:
            raise Unavailable(f"{len(self._waiting)} facts wait to be written")
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self.queued = len(self._waiting)
        return future

    def commit(self, count: int | None = None) -> None:
        """Write what waits, in order; or so much of it."""
        waiting = self._waiting[:count]
        del self._waiting[:count]
        self.queued = len(self._waiting)
        for work, future in waiting:
            done = super().submit(work) if isinstance(work, Operation) else super().hold(work)
            error = done.exception()
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result())


class Office:
    """One exchange, its books and its desk."""

    def __init__(
        self,
        policies: Mapping[str, Policy] | None = None,
        zone: str = "UTC",
        stances: Stances = ENFORCED,
        unaided: Mapping[str, UnaidedTerms] | None = None,
        calendars: Calendars = NO_CALENDARS,
        assignment: Assignment | None = None,
        ceilings: Mapping[str, int | None] = NO_CEILINGS,
        hook: Function | None = None,
        hook_bounds: Bounds = GENEROUS,
    ) -> None:
        self.clock = VirtualClock()
        self.meter = CountingMeter()
        self.store = SlowStore(self.clock)
        self.pbx = FakePbx()
        self.tracker = Tracker(PBX)
        self.alarms = Alarms(self.clock)
        self.directory = a_directory()
        site_hook = a_site_hook(hook, self.clock, self.alarms, hook_bounds) if hook else None
        self.assessor = an_assessor(self.directory, assignment=assignment, hook=site_hook)
        self.control = CreditControl(
            self.assessor, self.directory, Limits(), stances, ceilings=ceilings
        )
        self.billing = Billing(
            store=self.store,
            directory=self.directory,
            assessor=self.assessor,
            control=self.control,
            policies=Policies(policies or {}),
            alarms=self.alarms,
            chronicle=Chronicle(),
            clock=self.clock,
            meter=self.meter,
            clock_apart_s=86_400.0,  # events written as text keep to no clock
        )
        self.line: Line = self.billing.add_line(self.pbx, self.tracker)
        self.enforcement = jobs.Enforcement(self.billing, self.alarms, self.clock)
        rows = UnaidedRows(
            self.assessor, self.directory, stances, UnaidedLimits(), DESTINATIONS, unaided or {}
        )
        self.unaided = jobs.UnaidedRounds(rows, self.directory, self.alarms, self.clock)
        self._zone, self._calendars = zone, calendars
        self.restart_desk()

    def restart_desk(self) -> None:
        """A desk that remembers nothing of what was ordered before."""
        self.desk = Desk(
            billing=self.billing,
            enforcement=self.enforcement,
            store=self.store,
            reader=self.store,
            clock=self.clock,
            zone=self._zone,
            currency="EUR",
            pbxs=[PBX],
            calendars=self._calendars,
            pins=Pins(PIN_SECRET),
            trunks=[(PBX, "carrier"), (PBX, "branch")],
        )

    async def open(
        self,
        balance: str,
        accounts: Sequence[Account],
        memberships: Sequence[Membership],
        tariff: Tariff,
    ) -> None:
        """Put the accounts and the tariff into the store, and money on each account."""
        for state in self.directory.states():
            await self.store.change(CreateAccount(state.account))
        await self.store.change(AddTariff(tariff))
        self.assessor.replace_book(PriceBook([tariff], self._calendars))
        for account in accounts:
            await self.store.change(CreateAccount(account))
        for membership in memberships:
            await self.store.change(Assign(membership))
        for state in await self.store.accounts():
            self.directory.put(state)
        self.directory.replace_memberships(memberships)
        for account in accounts:
            if float(balance):
                await self.credit(balance, f"first {account.id}", account.id)

    async def credit(
        self, amount: str, key: str = "receipt", account: str = "room-1"
    ) -> dict[str, Any]:
        """Money at the desk."""
        answer = await self.order("credit", account=account, amount=amount, key=key)
        await settle()
        return answer

    async def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """An order at the desk, and all that follows from it at once."""
        answer = await self.desk.order(verb, arguments)
        await settle()
        return answer

    async def hear(self, text: str) -> None:
        """The exchange tells these events, and everything that follows happens; no time passes."""
        self.pbx.tell(*events(text))
        await settle()

    async def calls(self) -> list[str]:
        """The books: `1 rated 0.90 room-1`, oldest first."""
        found = await self.store.calls(CallFilter())
        return [_line(call) for call in reversed(found)]

    async def balance(self, account: str = "room-1") -> int:
        """What the store holds, in micro-units."""
        states = {state.account.id: state for state in await self.store.accounts()}
        return states[account].balance_micros

    async def waiting(self) -> list[Notice]:
        """Notices for the outbox, stored and not, but for those of money that came."""
        stored = [each.notice for each in await self.store.waiting_notices(1000)]
        stored = [each for each in stored if each.kind != "account.credited"]
        return stored + self.alarms.take_notices()

    async def observed(self) -> list[str]:
        """What would have been done, in the order of telling: `cut 1001: the call to ...`."""
        await settle()
        found = [posted.observation for posted in self.store._observations.values()]
        return [f"{each.kind} {each.extension}: {each.text}" for each in found]

    def alarm_kinds(self) -> list[str]:
        """Alarms in force."""
        return sorted(alarm.kind for alarm in self.alarms.active())

    def wanted(self, number: str = "1001") -> Service:
        """What the extension shall have."""
        return self.enforcement.wanted(PBX).get(number, Service())


@asynccontextmanager
async def an_office(
    balance: str = "10.00",
    *,
    accounts: Sequence[Account] | None = None,
    memberships: Sequence[Membership] | None = None,
    tariff: Tariff | None = None,
    policies: Mapping[str, Policy] | None = None,
    zone: str = "UTC",
    stances: Stances = ENFORCED,
    unaided: Mapping[str, UnaidedTerms] | None = None,
    calendars: Calendars = NO_CALENDARS,
    assignment: Assignment | None = None,
    ceilings: Mapping[str, int | None] = NO_CEILINGS,
    hook: Function | None = None,
    hook_bounds: Bounds = GENEROUS,
) -> AsyncIterator[Office]:
    """An office at work: room-1 holds extension 1001, and the link is up."""
    office = Office(
        policies, zone, stances, unaided, calendars, assignment, ceilings, hook, hook_bounds
    )
    own_tariff = tariff or a_tariff()
    await office.open(
        balance,
        [an_account()] if accounts is None else accounts,
        [a_membership()] if memberships is None else memberships,
        own_tariff,
    )
    assert await office.store.tariffs() == [own_tariff]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(office.billing.bill_pbx(office.line), name="bill"),
            group.create_task(office.billing.holdings.serve(), name="holds"),
            group.create_task(office.enforcement.serve(office.line), name="enforce"),
            group.create_task(office.unaided.serve(office.line), name="unaided"),
            group.create_task(renewals.watch_turns(office.billing, office.clock), name="turns"),
            group.create_task(renewals.follow_turns(office.billing, office.clock), name="turned"),
            group.create_task(
                jobs.sweep(office.billing, office.store, office.alarms, office.clock), name="sweep"
            ),
            group.create_task(
                jobs.keep_observations(office.billing, office.store, office.alarms, office.clock),
                name="observations",
            ),
        ]
        try:
            await office.hear("12:00:00 back")
            office.pbx.commands.clear()
            office.pbx.attempts.clear()
            yield office
        finally:
            for task in tasks:
                task.cancel()


def extension(number: str = "1001") -> Extension:
    """An extension of the office's exchange."""
    return Extension(PBX, number)


def instant(text: str) -> str:
    """An instant as the desk takes it."""
    return at(text).isoformat()


def _line(call: RatedCall) -> str:
    price = f"{call.price.micros / 1_000_000:.2f}" if call.price else "-"
    return f"{call.record.id.leg} {call.status} {price} {call.account}"
