"""The outbox at work: every notice leaves by every way, in order, until it is out.

Each way has a task of its own: a mail server that takes half a minute holds up no line of the log.
What a way has taken is remembered here, so that a failure of one repeats nothing at the others;
after a restart they may get it once more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from rtbill.alarms import Alarms
from rtbill.domain.changes import NoticesSent, PostNotices
from rtbill.domain.errors import Deferred, RtbillError
from rtbill.outbox import pause_s
from rtbill.ports import Clock, Meter, Notifier, Reader, Store, StoredNotice

OUTBOX_S = 1.0
BATCH = 100
"""Notices that one way sends before others may be forgotten."""
WINDOW = 1000
"""Waiting notices that are looked at; while a way takes none of so many, newer ones wait at all."""


async def pump_outbox(  # noqa: PLR0913 - one collaborator each
    notifiers: Sequence[Notifier],
    reader: Reader,
    store: Store,
    alarms: Alarms,
    clock: Clock,
    meter: Meter,
) -> None:
    """Send waiting notices for ever; ends only by cancellation."""
    ways = [_Way(each, alarms, clock) for each in notifiers]
    async with asyncio.TaskGroup() as group:
        group.create_task(_store_alarms(store, alarms, clock), name="outbox alarms")
        for way in ways:
            work = _serve(way, ways, reader, store, meter)
            group.create_task(work, name=f"outbox {way.notifier.name}")


class _Way:
    """How far one notifier is."""

    def __init__(self, notifier: Notifier, alarms: Alarms, clock: Clock) -> None:
        self.notifier = notifier
        self.taken: set[int] = set()
        """Of those that still wait, by the number of the notice."""
        self._deferred: dict[int, float] = {}
        """When, by the monotonic clock, each is worth another try."""
        self._alarms = alarms
        self._clock = clock
        self._failures = 0

    async def rest(self) -> None:
        """Until the next round."""
        pause = pause_s(self._failures, random.random()) if self._failures else OUTBOX_S  # noqa: S311 - spreads load
        await self._clock.sleep(pause)

    def look_at(self, waiting: Sequence[StoredNotice]) -> list[StoredNotice]:
        """What is due now, oldest first; what no longer waits is forgotten."""
        numbers = {each.id for each in waiting}
        self.taken &= numbers
        self._deferred = {key: due for key, due in self._deferred.items() if key in numbers}
        now = self._clock.monotonic()
        return [
            each
            for each in waiting
            if each.id not in self.taken and self._deferred.get(each.id, now) <= now
        ][:BATCH]

    async def send(self, due: Sequence[StoredNotice]) -> None:
        """Those before a failure are not sent again."""
        try:
            for stored in due:
                try:
                    await self.notifier.send(stored.notice)
                except Deferred as later:
                    self._deferred[stored.id] = self._clock.monotonic() + later.pause_s
                else:
                    self.taken.add(stored.id)
        finally:
            if due:
                await self.notifier.rest()

    def succeeded(self) -> None:
        """A round went well."""
        self._failures = 0
        self._alarms.clear("outbox", self.notifier.name)

    def failed(self, error: RtbillError) -> None:
        """A round did not; the second one in a row is told."""
        self._failures += 1
        if self._failures > 1:
            self._alarms.raise_("outbox", self.notifier.name, f"cannot be sent: {error}")


async def _serve(
    way: _Way, ways: Sequence[_Way], reader: Reader, store: Store, meter: Meter
) -> None:
    while True:
        await way.rest()
        try:
            waiting = await reader.waiting_notices(WINDOW)
            meter.gauge("rtbill_outbox_waiting", len(waiting))
            try:
                await way.send(way.look_at(waiting))
            finally:
                out = [each.id for each in waiting if all(each.id in one.taken for one in ways)]
                if out:
                    await store.change(NoticesSent(tuple(out)))
        except RtbillError as error:
            way.failed(error)
        else:
            way.succeeded()


async def _store_alarms(store: Store, alarms: Alarms, clock: Clock) -> None:
    """Hand notices that belong to no account operation to the books, from where they leave."""
    failures = 0
    while True:
        await clock.sleep(pause_s(failures, random.random()) if failures else OUTBOX_S)  # noqa: S311 - spreads load
        notices = alarms.take_notices()
        try:
            if notices:
                await store.change(PostNotices(tuple(notices)))
        except RtbillError as error:
            failures += 1
            alarms.give_back(notices)
            if failures > 1:
                alarms.raise_("outbox", "books", f"notices cannot be stored: {error}")
        else:
            failures = 0
            alarms.clear("outbox", "books")
