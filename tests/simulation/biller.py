"""The biller as a process that can be killed: put together as the composition root does it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.settings import AsteriskSettings, Trunk
from rtbill import dispatch, gauges, jobs
from rtbill.alarms import Alarms
from rtbill.app.asking import authoriser_of
from rtbill.app.service import _tracker
from rtbill.billing import Billing
from rtbill.chronicle import Chronicle
from rtbill.clock import SteadyClock
from rtbill.consequences import Policies
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Limits
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.unaided import UnaidedLimits, UnaidedRows
from rtbill.desk.orders import Desk
from rtbill.domain.account import Account
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Unavailable
from rtbill.domain.notice import Notice
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.stance import Unaided
from rtbill.exchanges.lines import Line
from rtbill.jobs import Enforcement, UnaidedRounds
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.rating.price_book import PriceBook
from rtbill.serving.form_server import serve_forms
from rtbill.serving.inline import QuestionDesk
from tests.fakes.environment import CountingMeter
from tests.simulation.clocks import BillerClock
from tests.simulation.dialplan import ASKED_PORT, TOKEN
from tests.simulation.network import MemoryListener, MemoryLoop
from tests.simulation.plan import PBX, POLICIES, Plan
from tests.simulation.prices import DESTINATIONS
from tests.simulation.store import Disk, LateStore

CLOSE_WITHIN_S = 10.0
GUARD_S = 0.5


class Collector:
    """ports.Notifier that keeps what it is told, across restarts of the biller."""

    name = "collector"

    def __init__(self, clock: BillerClock) -> None:
        self._clock = clock
        self.told: list[str] = []
        self.is_deaf = False

    async def send(self, notice: Notice) -> None:
        """One line a notice; Unavailable while it is deaf."""
        if self.is_deaf:
            raise Unavailable("who is told takes nothing")
        self.told.append(f"{self._clock.now()} {notice}")

    async def rest(self) -> None:
        """It holds nothing."""


class Biller:
    """One life of the biller, from start to kill or stop."""

    def __init__(self, plan: Plan, disk: Disk, clock: BillerClock, port: int, life: int) -> None:
        self._plan, self._disk, self._clock, self._port = plan, disk, clock, port
        self._chance = random.Random(f"biller/{plan.seed}/{life}")
        self.store = LateStore(
            disk,
            self._chance,
            slowest_s=plan.store_slowest_s,
            queue_max=plan.store_queue_max,
        )
        self.alarms = Alarms(clock)
        self.line: Line | None = None
        self.desk: Desk | None = None
        self.unaided: UnaidedRounds | None = None
        self.failure: BaseException | None = None
        self.is_over = False
        """Somebody is ending it, or has."""
        self._group: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it hears the exchange."""
        return self.line is not None and self.line.is_up

    def start(self, group: asyncio.TaskGroup, notifier: Collector) -> None:
        """Begin to live."""
        self._task = group.create_task(self._live(notifier), name="biller")

    async def kill(self) -> None:
        """End at this instant: nothing that was under way reaches the disk or the wire."""
        self.store.die()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MemoryLoop)
        loop.break_clients()
        loop.break_accepted()
        await self._end()

    async def stop(self) -> None:
        """End as the service does on SIGTERM: what is queued is still written, for a while."""
        await self._end()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                while self.store.queued:  # noqa: ASYNC110 - closing polls in virtual time
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass
        self.store.die()

    async def order(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """The desk's answer; Unavailable when the biller is not there, or dies meanwhile."""
        if self.desk is None or self._group is None:
            raise Unavailable("the biller is not running")
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = self._group.create_task(self._carry_out(verb, arguments, outcome), name=verb)
        await asyncio.wait([task])
        if not outcome.done():
            raise Unavailable("the biller is gone")
        return outcome.result()

    async def _carry_out(
        self, verb: str, arguments: Mapping[str, Any], outcome: asyncio.Future[Any]
    ) -> None:
        assert self.desk is not None
        try:
            outcome.set_result(await self.desk.order(verb, arguments))
        except Exception as error:  # noqa: BLE001 - handed to who ordered
            outcome.set_exception(error)

    async def _end(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _live(self, notifier: Collector) -> None:
        try:
            await self._serve(notifier)
        except asyncio.CancelledError:
            raise
        except BaseException as failure:  # noqa: BLE001 - the run reports it
            self.failure = failure
        finally:
            self.desk = self._group = self.line = None

    async def _serve(self, notifier: Collector) -> None:
        reader, store, clock, meter = self._disk.books, self.store, self._clock, CountingMeter()
        directory = Directory(await reader.accounts(), await reader.memberships())
        book = PriceBook(await reader.tariffs())
        assessor = Assessor(directory, NumberPlan(), book, Assignment(default="retail"))
        billing = Billing(
            store=store,
            directory=directory,
            assessor=assessor,
            control=CreditControl(
                assessor,
                directory,
                Limits(guard_s=GUARD_S),
                self._plan.stances,
                refusing_unrated=[PBX] if self._plan.is_inline else (),
            ),
            policies=Policies(POLICIES),
            alarms=self.alarms,
            chronicle=Chronicle(),
            clock=clock,
            meter=meter,
            hold_terms=self._hold_terms(),
        )
        enforcement = Enforcement(billing, self.alarms, clock, await reader.desk_locks())
        unaided = UnaidedRounds(self._unaided_rows(billing), billing.directory, self.alarms, clock)
        desk = Desk(
            billing=billing,
            enforcement=enforcement,
            store=store,
            reader=reader,
            clock=clock,
            zone="Europe/Berlin",
            currency="EUR",
            pbxs=[PBX],
        )
        await billing.reassess(state.account.id for state in directory.states())
        pbx = AsteriskPbx(
            self._settings(), SteadyClock(clock), random.Random(self._chance.random())
        )
        line = billing.add_line(pbx, _tracker(PBX, await reader.live_rows()))
        async with asyncio.TaskGroup() as group:
            if self._plan.is_inline:
                group.create_task(self._answer_questions(billing, enforcement, meter))
            for work in (
                billing.bill_pbx(line),
                billing.holdings.serve(),
                enforcement.serve(line),
                unaided.serve(line),
                jobs.sweep(billing, store, self.alarms, clock),
                jobs.keep_observations(billing, store, self.alarms, clock),
                jobs.note_heard(billing, store, clock),
                dispatch.pump_outbox([notifier], reader, store, self.alarms, clock, meter),
                gauges.keep_gauges(billing, enforcement, store, meter, clock),
            ):
                group.create_task(work)
            self.desk, self.line, self._group = desk, line, group
            self.unaided = unaided

    async def _answer_questions(
        self, billing: Billing, enforcement: Enforcement, meter: CountingMeter
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MemoryLoop)
        decide = authoriser_of(billing, enforcement.desk_locks, meter, self._clock).decide
        desk = QuestionDesk({PBX: TOKEN}, decide, billing.alarms, meter, self._clock)
        listener = MemoryListener(loop, ASKED_PORT)
        try:
            await serve_forms(listener, desk.answer)  # type: ignore[arg-type]  # no sockets
        finally:
            listener.close()
            listener.break_all()

    def _hold_terms(self) -> HoldTerms:
        def is_open(account: Account) -> bool:
            return self._plan.unaided[account.account_class].policy is Unaided.OPEN

        return HoldTerms(
            slices=self._plan.slices, calls_max=lambda _state: self._plan.calls_max, is_open=is_open
        )

    def _unaided_rows(self, billing: Billing) -> UnaidedRows:
        return UnaidedRows(
            billing.assessor,
            billing.directory,
            billing.control.stances,
            UnaidedLimits(),
            DESTINATIONS,
            self._plan.unaided,
        )

    def _settings(self) -> AsteriskSettings:
        return AsteriskSettings(
            name=PBX,
            host="exchange",
            port=self._port,
            user="rtbill",
            secret="rtbill",
            trunks=(Trunk("carrier", ("PJSIP/carrier-",)),),
        )
