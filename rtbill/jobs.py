"""Work by the clock and by need: rounds about locks and unaided rows, the sweep of late calls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence

from rtbill.alarms import Alarms
from rtbill.billing import Billing
from rtbill.chronicle import Served
from rtbill.credit.observing import Observations
from rtbill.credit.stances import left_undone
from rtbill.credit.unaided import UnaidedRows
from rtbill.domain.account import OPEN_SERVICE, DeskLock, Extension, Membership, Service
from rtbill.domain.changes import AddObservations, Heard
from rtbill.domain.directory import Directory
from rtbill.domain.errors import PortFailed
from rtbill.domain.observation import Observation
from rtbill.exchanges import enforcement
from rtbill.exchanges.lines import Held, Line
from rtbill.exchanges.rounds import Rounds
from rtbill.ports import Clock, Store

SWEEP_S = 2.0
SWEEP_SLICE = 200
"""Calls that are looked at before others get their turn."""
HEARD_S = 10.0
OBSERVATIONS_PAUSE_S = 1.0
UNAIDED_PAUSE_S = 2.0
"""At least so long between two rounds of unaided rows, which follow every balance."""

_logger = logging.getLogger(__name__)


class Enforcement(Rounds[Service]):
    """Locks and diverts: what is wanted for money, where that is enforced, and by hand."""

    alarm = "service"
    subject = "locks"
    absent = OPEN_SERVICE

    def __init__(
        self, billing: Billing, alarms: Alarms, clock: Clock, locks: Sequence[DeskLock] = ()
    ) -> None:
        super().__init__(alarms, clock)
        self._billing = billing
        self.desk_locks: dict[Extension, DeskLock] = {lock.extension: lock for lock in locks}

    def numbers(self, pbx: str) -> set[str]:
        """Each held or locked extension of the exchange."""
        locked = {each.number for each in self.desk_locks if each.pbx == pbx}
        return locked.union(self._billing.directory.numbers_at(pbx))

    def wanted_of(self, pbx: str, numbers: Collection[str]) -> dict[str, Service]:
        """What each of these shall have now, where it is held or locked."""
        services: dict[str, Service] = {}
        now = self._clock.now()
        for number in numbers:
            extension = Extension(pbx, number)
            membership = self._billing.directory.holder(extension, now)
            if membership is not None:
                services[number] = self._for_money(membership)
            if (lock := self.desk_locks.get(extension)) is not None:
                services[number] = self._locked(services.get(number), lock)
        return services

    def _locked(self, money: Service | None, lock: DeskLock) -> Service:
        return enforcement.combine([lock.service] if money is None else [money, lock.service])

    def would_lock(self, pbx: str) -> dict[str, Service]:
        """Extensions that enforcing would lock or divert at once for want of money."""
        now = self._clock.now()
        return left_undone(self._billing.directory, self._billing.control.stances, pbx, now)

    def _for_money(self, membership: Membership) -> Service:
        state = self._billing.directory.state(membership.account)
        if state.service == OPEN_SERVICE:
            return OPEN_SERVICE
        pbx, stances = membership.extension.pbx, self._billing.control.stances
        is_enforcing = stances.of(pbx, state.account.account_class).is_enforcing
        return state.service if is_enforcing else OPEN_SERVICE

    def held(self, line: Line) -> Held[Service]:
        """Where it is remembered what the exchange holds."""
        return line.services

    async def read(self, line: Line) -> Mapping[str, Service]:
        """What the exchange holds."""
        return await line.pbx.services()

    async def write(self, line: Line, number: str, value: Service) -> None:
        """Have the exchange hold it."""
        await line.pbx.set_service(number, value)
        self._billing.chronicle.add(self._clock.now(), Served(line.pbx.name, number, value))


class UnaidedRounds(Rounds[str | None]):
    """What exchanges do with calls on which they get no answer, pushed beforehand."""

    alarm = "unaided"
    subject = "rows for calls without an answer"
    absent = None
    pause_min_s = UNAIDED_PAUSE_S

    def __init__(
        self, rows: UnaidedRows, directory: Directory, alarms: Alarms, clock: Clock
    ) -> None:
        super().__init__(alarms, clock)
        self._rows = rows
        self._directory = directory

    async def prepare(self, line: Line, numbers: Collection[str]) -> None:
        """Reckon worst prices in steps; `wanted_of` then finds them all."""
        for _ in self._rows.make_ready(line.pbx.name, numbers, self._clock.now()):
            await asyncio.sleep(0)

    def numbers(self, pbx: str) -> Collection[str]:
        """Each held extension of the exchange."""
        return self._directory.numbers_at(pbx)

    def meant(self, pbx: str, names: Collection[str]) -> list[str]:
        """Those that these accounts hold: a row follows its account."""
        now = self._clock.now()
        held = [each for name in names for each in self._directory.extensions_of(name, now)]
        return sorted({each.number for each in held if each.pbx == pbx})

    def wanted_of(self, pbx: str, numbers: Collection[str]) -> Mapping[str, str | None]:
        """The row of each of these that is held."""
        return self._rows.rows(pbx, numbers, self._clock.now())

    def held(self, line: Line) -> Held[str | None]:
        """Where it is remembered what the exchange holds."""
        return line.unaided

    async def read(self, line: Line) -> Mapping[str, str | None]:
        """What the exchange holds."""
        return await line.pbx.unaided()

    async def write(self, line: Line, number: str, value: str | None) -> None:
        """Have the exchange hold it."""
        await line.pbx.set_unaided(number, value)


async def sweep(billing: Billing, store: Store, alarms: Alarms, clock: Clock) -> None:
    """Hang up what outlived its timer; tell when nothing can be made durable."""
    while True:
        await clock.sleep(SWEEP_S)
        calls = billing.control.running()
        for line in tuple(billing.lines.values()):
            for start in range(0, len(calls), SWEEP_SLICE):
                billing.commands.look_at(line, calls[start : start + SWEEP_SLICE])
                await asyncio.sleep(0)
        if store.failing is not None:
            alarms.raise_("store", "books", store.failing)
        else:
            alarms.clear("store", "books")


async def keep_observations(billing: Billing, store: Store, alarms: Alarms, clock: Clock) -> None:
    """Store observations that belong to no account operation as soon as they are made."""
    waiting = billing.observations
    while True:
        await waiting.arrived.wait()
        batch = waiting.take()
        try:
            await _keep(batch, waiting, store, clock)
        except PortFailed:
            waiting.give_back(batch)  # the same key again is the same fact
            await clock.sleep(OBSERVATIONS_PAUSE_S)
        if waiting.dropped:
            text = (
                f"{waiting.dropped} were not kept: the books could not be written for too long, or "
                "refused them; the log names those"
            )
            alarms.raise_("observations", "books", text)


async def _keep(
    batch: list[Observation], waiting: Observations, store: Store, clock: Clock
) -> None:
    """Store the batch; when something is wrong with it, all but what is wrong."""
    try:
        await store.change(AddObservations(tuple(batch), clock.now()))
    except PortFailed:
        raise
    except Exception:  # what may be looked at must never end what bills
        if len(batch) == 1:
            _logger.exception("an observation cannot be kept: %s", batch[0])
            waiting.dropped += 1
            return
        for each in batch:
            await _keep([each], waiting, store, clock)


async def note_heard(billing: Billing, store: Store, clock: Clock) -> None:
    """Keep on disk how far each exchange was heard: evidence after a crash of both sides."""
    while True:
        await clock.sleep(HEARD_S)
        for line in billing.lines.values():
            if line.is_up and store.failing is None:
                # Without it the evidence is older, no more: a failing disk has its own alarm.
                with contextlib.suppress(PortFailed):
                    await store.change(Heard(line.pbx.name, line.now(clock)))
