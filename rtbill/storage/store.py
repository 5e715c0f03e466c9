"""ports.Store on SQLite: the event loop's side of the writing thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Self

from rtbill.domain.changes import Change
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.events import LiveLeg
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep
from rtbill.ports import Clock, Meter
from rtbill.storage.books import Work
from rtbill.storage.writer import Done, Item, StoreSettings, Writer

_STOP_MARGIN_S = 2.0


class SqliteStore:
    """The one writer of a database file; opened and closed by `async with`.

    Opening brings the file to the newest schema. It raises Unavailable when another process
    writes, Refused when the file is not ours, or is newer than this program.
    """

    def __init__(self, settings: StoreSettings, clock: Clock, meter: Meter) -> None:
        self._settings = settings
        self._meter = meter
        self._writer = Writer(settings, clock, self._deliver, self._set_opened, self._set_stopped)
        self._loop: asyncio.AbstractEventLoop
        self._opened: asyncio.Future[None]
        self._stopped: asyncio.Future[None]
        self._is_open = False
        self._waiting: dict[int, Item] = {}
        self._next: list[Item] = []
        """Of those that wait: what the writer does not have yet."""
        self._is_writing = False
        """The writer has a batch. Slices of runs do not count: calls go before them."""
        self._is_turn_planned = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.create_future()
        self._stopped = self._loop.create_future()
        # A daemon, so that a disk that hangs cannot keep the process from ending.
        threading.Thread(target=self._writer.run, name="store writer", daemon=True).start()
        try:
            await asyncio.shield(self._opened)
        except asyncio.CancelledError:
            self._writer.queue.put(None)
            raise
        self._is_open = True
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Write what is queued, within the deadline; what cannot be written is refused."""
        self._is_open = False
        while self._next:
            self._hand_over()
        self._writer.queue.put(None)
        try:
            async with asyncio.timeout(self._settings.close_timeout_s):
                await asyncio.shield(self._stopped)
        except TimeoutError:
            await self._give_up()
        finally:
            self._writer.abandon()

    async def _give_up(self) -> None:
        self._writer.abandon()
        try:
            async with asyncio.timeout(_STOP_MARGIN_S):
                await asyncio.shield(self._stopped)
        except TimeoutError:
            self._refuse_waiting(f"the disk of {self._settings.path} does not answer")

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Queue one operation; the future resolves after its commit, or fails with what its
        `decide` raised, Conflict, UnknownAccount, or Unavailable when nothing was done.

        Raises Unavailable at once when the queue is full or the store is closed.
        """
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._put(operation, future)
        return future

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """Queue a step of a hold, in order with the operations. Fails and raises as `submit`."""
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._put(holding, future)
        return future

    def take_step(self, step: TopUpStep) -> asyncio.Future[Committed]:
        """Queue a step of a top-up, in order with the operations. Fails and raises as `submit`."""
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._put(step, future)
        return future

    def reprice(self, repricing: Repricing) -> asyncio.Future[Committed]:
        """Queue a slice of a run; it waits until nothing else does. Fails and raises as `submit`
        does, and with Conflict.
        """
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._put(repricing, future)
        return future

    async def change(self, change: Change) -> None:
        """Return when the fact is durable; OutcomeUnknown when the disk fails and it may yet be."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._put(change, future)
        try:
            async with asyncio.timeout(self._settings.change_timeout_s):
                await asyncio.shield(future)
        except TimeoutError:
            raise OutcomeUnknown(
                f"not yet written: {self.failing or 'the writer is behind'}"
            ) from None

    def note_live(self, leg: LiveLeg) -> None:
        """Remember an answered leg with the next commit; Unavailable as for `submit`."""
        self._put(leg, None)

    @property
    def queued(self) -> int:
        """Work not yet durable."""
        return len(self._waiting)

    @property
    def failing(self) -> str | None:
        """Why nothing can be made durable just now, in a sentence with the remedy; or None."""
        return self._writer.failing

    def _put(self, work: Work, future: asyncio.Future[Any] | None) -> None:
        if not self._is_open:
            raise Unavailable(f"{self._settings.path} is closed")
        if len(self._waiting) >= self._settings.queue_max:
            raise Unavailable(
                f"{len(self._waiting)} facts wait to be written to {self._settings.path}; "
                f"{self.failing or 'the disk is too slow'}"
            )
        item = Item(work, future)
        self._waiting[id(item)] = item
        self._next.append(item)
        self._plan_turn()

    def _plan_turn(self) -> None:
        """Hand over what there is at the end of this turn of the loop, unless the writer has work.

        Not at once, nor beside a batch that is being written: two threads that think at the same
        time take Python's lock from each other all the time, which cost a third of the processor.
        """
        if not (self._is_writing or self._is_turn_planned):
            self._is_turn_planned = True
            self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._is_turn_planned = False
        if self._next and not self._is_writing:
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the writer its next batch."""
        size_max = self._settings.batch_max
        batch, self._next = self._next[:size_max], self._next[size_max:]
        self._is_writing = not all(isinstance(item.work, Repricing) for item in batch)
        self._writer.queue.put(batch)

    # Called in the writing thread: hand over to the loop, nothing else.

    def _set_opened(self, error: Exception | None) -> None:
        self._in_loop(lambda: _settle(self._opened, error))

    def _deliver(self, done: Done) -> None:
        self._in_loop(lambda: self._resolve(done))

    def _set_stopped(self) -> None:
        self._in_loop(self._mark_stopped)

    def _in_loop(self, call: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    # Called in the loop.

    def _resolve(self, done: Done) -> None:
        for item, answer in zip(done.items, done.answers, strict=True):
            self._waiting.pop(id(item), None)
            if item.future is not None and not item.future.done():
                if isinstance(answer, Exception):
                    item.future.set_exception(answer)
                else:
                    item.future.set_result(answer)
        if not isinstance(done.items[0].work, Repricing):
            self._is_writing = False
        if self._next:
            self._plan_turn()  # after those who were answered, who may have more for the batch
        self._meter.observe("rtbill_store_commit_seconds", done.seconds)
        self._meter.count("rtbill_store_operations_total", len(done.items))
        self._meter.gauge("rtbill_store_queue", len(self._waiting))

    def _mark_stopped(self) -> None:
        self._is_open = False
        # Empty unless the thread met a fault of the program.
        self._refuse_waiting(self._writer.failing or f"the writer of {self._settings.path} stopped")
        _settle(self._stopped, None)

    def _refuse_waiting(self, why: str) -> None:
        left = list(self._waiting.values())
        self._next.clear()
        if left:
            self._resolve(Done(left, [OutcomeUnknown(why) for _ in left], 0.0))


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
