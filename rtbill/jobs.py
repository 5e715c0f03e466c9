"""Work by the clock and by need: enforcement rounds, the sweep of overdue calls, gauges."""

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
from rtbill.domain.errors import PortFailed
from rtbill.domain.observation import Observation
from rtbill.exchanges import enforcement
from rtbill.exchanges.lines import Held, Line
from rtbill.exchanges.rounds import Rounds
from rtbill.ports import Clock, Meter, Store

SWEEP_S = 2.0
SWEEP_SLICE = 200
"""Calls that are looked at before others get their turn."""
HEARD_S = 10.0
OBSERVATIONS_PAUSE_S = 1.0
UNAIDED_SLICE = 25
"""Extensions whose rows are reckoned before others get their turn."""
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

    def wanted(self, pbx: str) -> dict[str, Service]:
        """What each held or locked extension of the exchange shall have now."""
        held = self._billing.directory.extensions_held(self._clock.now(), pbx)
        services = {each.extension.number: self._for_money(each) for each in held}
        for extension, lock in self.desk_locks.items():
            if extension.pbx == pbx:
                services[extension.number] = self._locked(services.get(extension.number), lock)
        return services

    def wanted_of(self, pbx: str, numbers: Collection[str]) -> dict[str, Service]:
        """The same of these extensions alone."""
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

    def __init__(self, rows: UnaidedRows, alarms: Alarms, clock: Clock) -> None:
        super().__init__(alarms, clock)
        self._rows = rows

    async def prepare(self, line: Line) -> None:
        """Reckon the rows in slices; `wanted` then finds them all."""
        for count, _ in enumerate(self._rows.reckon(line.pbx.name, self._clock.now()), start=1):
            if count % UNAIDED_SLICE == 0:
                await asyncio.sleep(0)

    def wanted(self, pbx: str) -> dict[str, str | None]:
        """The row of each held extension of the exchange."""
        return dict(self._rows.reckon(pbx, self._clock.now()))

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


def _gauge_holds(billing: Billing, held: dict[str, int], meter: Meter) -> None:
    """Open holds by exchange, and by currency what they come to."""
    holds = dict.fromkeys(billing.lines, 0)
    for state in billing.directory.holding():
        currency = state.account.currency
        held[currency] = held.get(currency, 0) + state.held_micros
        for hold in state.holds:
            holds[hold.pbx] = holds.get(hold.pbx, 0) + 1
    for pbx, count in holds.items():
        meter.gauge("rtbill_holds_open", count, pbx=pbx)
    for currency, micros in held.items():
        meter.gauge("rtbill_held_micros", micros, currency=currency)


async def keep_gauges(
    billing: Billing, rounds: Enforcement, store: Store, meter: Meter, clock: Clock
) -> None:
    """Refresh the gauges that nobody else sets."""
    by_kind: dict[str, int] = {}
    held: dict[str, int] = {}
    while True:
        held = dict.fromkeys(held, 0)  # a currency in which nothing is held any more falls to 0
        _gauge_holds(billing, held, meter)
        meter.gauge("rtbill_store_queue", store.queued)
        wanted = confirmed = differing = 0
        for line in billing.lines.values():
            name = line.pbx.name
            meter.gauge("rtbill_calls_live", line.tracker.count(), pbx=name)
            meter.gauge("rtbill_services_left_undone", len(rounds.would_lock(name)), pbx=name)
            want = rounds.wanted(name)
            wanted += len(want)
            confirmed += rounds.confirmed_count(line)
            differing += len(rounds.differing(line))
        meter.gauge("rtbill_services_wanted", wanted)
        meter.gauge("rtbill_services_confirmed", confirmed)
        meter.gauge("rtbill_services_differing", differing)
        by_kind = dict.fromkeys(by_kind, 0)  # a kind that is over falls to 0
        for alarm in billing.alarms.active():
            by_kind[alarm.kind] = by_kind.get(alarm.kind, 0) + 1
        for kind, count in by_kind.items():
            meter.gauge("rtbill_alarms", count, kind=kind)
        await clock.sleep(5.0)
