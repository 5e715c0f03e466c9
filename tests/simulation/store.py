"""ports.Store whose commits take seeded time, whose disk fills up, and which can be killed.

The disk is a MemoryStore: what it holds is durable and outlives a killed biller. `LateStore` is the
biller's side of it: what is queued becomes durable later, in order, and is answered later still.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from rtbill.domain.changes import Change
from rtbill.domain.errors import OutcomeUnknown, RtbillError, Unavailable
from rtbill.domain.events import LiveLeg
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep
from tests.fakes.memory_store import MemoryStore

CHANGE_TIMEOUT_S = 30.0
RETRY_S = 0.5
DISK_FULL = "the disk is full"
Work = Operation | Holding | Repricing | TopUpStep | Change | LiveLeg


class Disk:
    """What survives: the books, and whether anything can be written to them now."""

    def __init__(self, books: MemoryStore) -> None:
        self.books = books
        self.is_full = False
        self.slowness_s = 0.0
        """The longest that a step takes beyond what is usual."""
        self.on_step: Callable[[], None] = lambda: None
        """One piece of work was carried out; those of one commit come one after the other."""
        self.on_commit: Callable[[], None] = lambda: None
        self.on_refusal: Callable[[], None] = lambda: None
        """Something more was to be queued than there is room for."""


class LateStore:
    """Queue, commit, answer; each step at an instant of its own. `die` stops it dead."""

    def __init__(
        self, disk: Disk, chance: random.Random, *, slowest_s: float = 0.05, queue_max: int = 200
    ) -> None:
        self.failing: str | None = None
        self._disk = disk
        self._chance = chance
        self._slowest_s = slowest_s
        self._queue_max = queue_max
        self._queue: list[tuple[Work, asyncio.Future[Any] | None]] = []
        self._in_commit = 0
        self._is_busy = self._is_dead = False

    @property
    def queued(self) -> int:
        """Work that is not durable or not answered."""
        return len(self._queue) + self._in_commit

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Queue one operation; Unavailable when the queue is full."""
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._put(operation, future)
        return future

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """Queue a step of a hold."""
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._put(holding, future)
        return future

    def take_step(self, step: TopUpStep) -> asyncio.Future[Committed]:
        """Queue a step of a top-up."""
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._put(step, future)
        return future

    def reprice(self, repricing: Repricing) -> asyncio.Future[Committed]:
        """Queue one slice of a run, in order with everything else."""
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._put(repricing, future)
        return future

    async def change(self, change: Change) -> None:
        """Return when it is durable; OutcomeUnknown when that takes too long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(change, future)
        try:
            async with asyncio.timeout(CHANGE_TIMEOUT_S):
                await asyncio.shield(future)
        except TimeoutError:
            future.add_done_callback(_look_at)
            raise OutcomeUnknown(f"not yet written: {self.failing}") from None

    def note_live(self, leg: LiveLeg) -> None:
        """Remember an answered leg with the next commit."""
        self._put(leg, None)

    def die(self) -> None:
        """Nothing more becomes durable, nobody is answered."""
        self._is_dead = True

    def _put(self, work: Work, future: asyncio.Future[Any] | None) -> None:
        if self.queued >= self._queue_max:
            self._disk.on_refusal()
            raise Unavailable(f"{self.queued} facts wait to be written")
        self._queue.append((work, future))
        if not self._is_busy:
            self._is_busy = True
            self._later(self._commit)

    def _later(self, step: Callable[[], None]) -> None:
        pause_s = self._chance.uniform(0, self._slowest_s + self._disk.slowness_s)
        asyncio.get_running_loop().call_later(pause_s, step)

    def _commit(self) -> None:
        if self._is_dead:
            return
        if self._disk.is_full:
            self.failing = DISK_FULL
            asyncio.get_running_loop().call_later(RETRY_S, self._commit)
            return
        self.failing = None
        batch, self._queue = self._queue, []
        self._in_commit = len(batch)
        answers = []
        for work, future in batch:
            answers.append((future, _carry_out(self._disk.books, work)))
            self._disk.on_step()
        self._disk.on_commit()
        self._later(lambda: self._answer(answers))

    def _answer(self, answers: list[tuple[asyncio.Future[Any] | None, Any]]) -> None:
        if self._is_dead:
            return
        self._in_commit = 0
        for future, answer in answers:
            if future is None or future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._is_busy = bool(self._queue)
        if self._is_busy:
            self._later(self._commit)


def _carry_out(books: MemoryStore, work: Work) -> Any:
    """The result, or the exception that one piece of work ends with."""
    if isinstance(work, LiveLeg):
        books.note_live(work)
        return None
    if isinstance(work, Operation | Holding | Repricing | TopUpStep):
        future = _carried_out(books, work)
        return future.exception() or future.result()
    applying = books.change(work)
    try:
        applying.send(None)
    except StopIteration:
        return None
    except RtbillError as refused:
        return refused
    raise AssertionError("a change in memory waits for nothing")


def _carried_out(
    books: MemoryStore, work: Operation | Holding | Repricing | TopUpStep
) -> asyncio.Future[Committed]:
    if isinstance(work, Operation):
        return books.submit(work)
    if isinstance(work, TopUpStep):
        return books.take_step(work)
    return books.hold(work) if isinstance(work, Holding) else books.reprice(work)


def _look_at(future: asyncio.Future[Any]) -> None:
    """Nobody waits for this answer any more; an error in it is nobody's either."""
    if not future.cancelled():
        future.exception()
