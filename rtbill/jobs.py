"""Work by the clock and by need: enforcement rounds, the outbox, the sweep of overdue calls."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

from rtbill import enforcement
from rtbill.alarms import Alarms
from rtbill.billing import Billing
from rtbill.chronicle import Served
from rtbill.domain.account import OPEN_SERVICE, DeskLock, Extension, Service
from rtbill.domain.errors import OutcomeUnknown, PortFailed, RtbillError
from rtbill.lines import Line
from rtbill.outbox import pause_s
from rtbill.ports import (
    AddObservations,
    Clock,
    Heard,
    Meter,
    NoticesSent,
    Notifier,
    PostNotices,
    Reader,
    Store,
    StoredNotice,
)

ROUND_S = 30.0
"""An enforcement round runs at least this often."""
RETRY_ROUNDS_S = (1.0, 2.0, 4.0, 8.0)
"""After a round that left something undone."""
READ_BACK_ROUNDS = 10
"""Every so many rounds the exchange's state is read anew, to find changes made by hand."""
SWEEP_S = 2.0
HEARD_S = 10.0
OUTBOX_S = 1.0
OUTBOX_BATCH = 100
SET_AT_ONCE_MAX = 16
"""Extensions set at a time: the exchange has other work too."""


class Enforcement:
    """Brings every exchange into line with what is wanted, and knows what differs."""

    def __init__(
        self, billing: Billing, alarms: Alarms, clock: Clock, locks: Sequence[DeskLock] = ()
    ) -> None:
        self._billing = billing
        self._alarms = alarms
        self._clock = clock
        self.desk_locks: dict[Extension, DeskLock] = {lock.extension: lock for lock in locks}

    def wanted(self, pbx: str) -> dict[str, Service]:
        """What each held or locked extension of the exchange shall have now."""
        directory = self._billing.directory
        stances = self._billing.control.stances
        services: dict[str, Service] = {}
        for membership in directory.extensions_held(self._clock.now(), pbx):
            state = directory.state(membership.account)
            enforced = stances.of(pbx, state.account.account_class).is_enforcing
            services[membership.extension.number] = state.service if enforced else OPEN_SERVICE
        for extension, lock in self.desk_locks.items():
            if extension.pbx == pbx:
                money = services.get(extension.number)
                reasons = [lock.service] if money is None else [money, lock.service]
                services[extension.number] = enforcement.combine(reasons)
        return services

    def differing(self, line: Line) -> dict[str, Service]:
        """What the exchange is not yet seen to hold."""
        return enforcement.differences(self.wanted(line.pbx.name), line.confirmed or {})

    def confirmed_count(self, line: Line) -> int:
        """How many extensions the exchange was seen to hold as wanted."""
        if line.confirmed is None:
            return 0
        return len(self.wanted(line.pbx.name).keys() - self.differing(line).keys())

    async def serve(self, line: Line) -> None:
        """Rounds for one exchange, for ever: after each change, and by the clock."""
        rounds = failures = 0
        while True:
            line.wake.clear()
            pause_s = ROUND_S
            if line.is_up and line.pbx.capabilities.set_service:
                if rounds % READ_BACK_ROUNDS == 0:
                    line.confirmed = None
                rounds += 1
                is_done = await self._round(line)
                failures = 0 if is_done else failures + 1
                if 0 < failures <= len(RETRY_ROUNDS_S):
                    pause_s = RETRY_ROUNDS_S[failures - 1]
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._wake_after(line, pause_s), name="next round")
                await line.wake.wait()
                timer.cancel()

    async def _wake_after(self, line: Line, seconds: float) -> None:
        await self._clock.sleep(seconds)
        line.wake.set()

    async def _round(self, line: Line) -> bool:
        """Whether the exchange is now seen to hold all that is wanted."""
        name = line.pbx.name
        try:
            if line.confirmed is None:
                line.confirmed = dict(await line.pbx.services())
            todo = list(enforcement.differences(self.wanted(name), line.confirmed).items())
            for start in range(0, len(todo), SET_AT_ONCE_MAX):
                async with asyncio.TaskGroup() as group:
                    for number, service in todo[start : start + SET_AT_ONCE_MAX]:
                        group.create_task(self._set(line, number, service), name=f"set {number}")
        except PortFailed as error:
            self._alarms.raise_("service", name, f"locks cannot be read: {error}")
            return False
        left = self._left(line, [number for number, _ in todo])
        if left and line.is_up:
            numbers = ", ".join(sorted(left)[:5])
            text = f"{len(left)} extensions are not seen to hold what is wanted: {numbers}"
            self._alarms.raise_("service", name, text)
        if left:
            return False
        self._alarms.clear("service", name)
        return True

    def _left(self, line: Line, tried: list[str]) -> list[str]:
        """Numbers not seen to hold what is wanted; all that were tried when nothing is known."""
        return tried if line.confirmed is None else list(self.differing(line))

    async def _set(self, line: Line, number: str, service: Service) -> None:
        try:
            await line.pbx.set_service(number, service)
        except OutcomeUnknown:
            line.confirmed = None  # it may be done or not: only the exchange knows
            return
        except PortFailed:
            return  # still differs: the round tells, the next one tries again
        if line.confirmed is not None:
            line.confirmed[number] = service
        self._billing.chronicle.add(self._clock.now(), Served(line.pbx.name, number, service))


async def sweep(billing: Billing, store: Store, alarms: Alarms, clock: Clock) -> None:
    """Hang up what outlived its timer; tell when nothing can be made durable."""
    while True:
        await clock.sleep(SWEEP_S)
        for line in billing.lines.values():
            billing.commands.cut_overdue(line)
            billing.commands.watch(line)
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
            await store.change(AddObservations(tuple(batch), clock.now()))
        except PortFailed:
            waiting.give_back(batch)  # the same key again is the same fact
            await clock.sleep(OUTBOX_S)
        if waiting.dropped:
            text = f"{waiting.dropped} were not kept: the books could not be written for too long"
            alarms.raise_("observations", "books", text)


async def note_heard(billing: Billing, store: Store, clock: Clock) -> None:
    """Keep on disk how far each exchange was heard: evidence after a crash of both sides."""
    while True:
        await clock.sleep(HEARD_S)
        for line in billing.lines.values():
            if line.is_up and store.failing is None:
                # Without it the evidence is older, no more: a failing disk has its own alarm.
                with contextlib.suppress(PortFailed):
                    await store.change(Heard(line.pbx.name, clock.now() - line.clock_ahead))


async def pump_outbox(  # noqa: PLR0913 - one collaborator each
    notifiers: Sequence[Notifier],
    reader: Reader,
    store: Store,
    alarms: Alarms,
    clock: Clock,
    meter: Meter,
) -> None:
    """Send waiting notices in order, each until every notifier has taken it."""
    failures = 0
    while True:
        await clock.sleep(OUTBOX_S if not failures else pause_s(failures, random.random()))  # noqa: S311 - spreads load
        try:
            await _store_alarms(store, alarms)
            waiting = await reader.waiting_notices(OUTBOX_BATCH)
            meter.gauge("rtbill_outbox_waiting", len(waiting))
            await _send_all(waiting, notifiers, store)
            failures = 0
        except RtbillError as error:
            failures += 1
            if failures > 1:
                alarms.raise_("outbox", "notices", f"cannot be sent: {error}")
        else:
            alarms.clear("outbox", "notices")


async def _send_all(
    waiting: Sequence[StoredNotice], notifiers: Sequence[Notifier], store: Store
) -> None:
    """Those before a failure are not sent again."""
    sent: list[int] = []
    try:
        for stored in waiting:
            for notifier in notifiers:
                await notifier.send(stored.notice)
            sent.append(stored.id)
    finally:
        if sent:
            await store.change(NoticesSent(tuple(sent)))


async def _store_alarms(store: Store, alarms: Alarms) -> None:
    notices = alarms.take_notices()
    if not notices:
        return
    try:
        await store.change(PostNotices(tuple(notices)))
    except RtbillError:
        alarms.give_back(notices)
        raise


async def keep_gauges(
    billing: Billing, rounds: Enforcement, store: Store, meter: Meter, clock: Clock
) -> None:
    """Refresh the gauges that nobody else sets."""
    by_kind: dict[str, int] = {}
    while True:
        meter.gauge("rtbill_store_queue", store.queued)
        wanted = confirmed = differing = 0
        for line in billing.lines.values():
            name = line.pbx.name
            meter.gauge("rtbill_calls_live", line.tracker.count(), pbx=name)
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
