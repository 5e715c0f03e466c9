"""Numbered points, and what happens at the one that is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from typing import TypeVar

from rtbill.domain.changes import Change
from rtbill.domain.errors import OutcomeUnknown, RtbillError
from rtbill.domain.events import LiveLeg
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep
from tests.fakes.memory_store import MemoryStore

_T = TypeVar("_T")


class How(Enum):
    """What becomes of the thing done at the point."""

    BEFORE = "the process dies before it is done"
    AFTER = "it is done and the process dies before it hears of it"
    REPLY_LOST = "it is done, and the process lives on without hearing of it"


WITHOUT_REPLY = ("note", "acknowledge")
"""Nobody waits for one of these."""


def ways(what: str) -> list[How]:
    """All that can happen at this point."""
    return [how for how in How if how is not How.REPLY_LOST or not what.startswith(WITHOUT_REPLY)]


class Points:
    """Counts the points of one run. At the chosen one the life that comes to it ends, or goes on
    without a reply.
    """

    def __init__(self, chosen: int = 0, how: How = How.BEFORE) -> None:
        """The first point is 1; 0 chooses none."""
        self.passed: list[str] = []
        """What each was, in order."""
        self._chosen = chosen
        self._how = how

    def come_to(self, what: str) -> How | None:
        """Pass one; how to fail there, or None to go on."""
        self.passed.append(what)
        return self._how if len(self.passed) == self._chosen else None


class Life:
    """One life of the process. Once it is over nothing that its tasks still do reaches anything."""

    def __init__(self, points: Points) -> None:
        self._points = points
        self.is_over = False
        self.ended = asyncio.Event()

    def die(self) -> None:
        """End at this instant."""
        self.is_over = True
        self.ended.set()

    def do(self, what: str, act: Callable[[], _T], lost: _T, silent: _T) -> _T:
        """Act, unless the life ends before it: then `silent` comes back, and `lost` for a reply
        that got lost.
        """
        if self.is_over:
            return silent
        how = self._points.come_to(what)
        if how is How.BEFORE:
            self.die()
            return silent
        done = act()
        if how is How.AFTER:
            self.die()
            return silent
        return lost if how is How.REPLY_LOST else done

    def say(self, what: str, tell: Callable[[], None]) -> None:
        """Tell the outside something; a reply that is lost here is what nobody hears."""
        if self.is_over:
            return
        how = self._points.come_to(what)
        if how is None or how is How.AFTER:
            tell()
        if how is How.BEFORE or how is How.AFTER:
            self.die()

    async def call(self, what: str, act: Callable[[], Awaitable[_T]]) -> _T:
        """The same for a call that is waited for: who lives no more waits for ever, and a lost
        reply is OutcomeUnknown.
        """
        if not self.is_over:
            how = self._points.come_to(what)
            if how is How.BEFORE:
                self.die()
            elif how is How.AFTER:
                with suppress(RtbillError):
                    await act()
                self.die()
            else:
                done = await act()
                if how is How.REPLY_LOST:
                    raise OutcomeUnknown(f"no reply: {what}")
                return done
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes the dead")


class PointStore:
    """ports.Store: one life's side of the books, each commit a point."""

    def __init__(self, books: MemoryStore, life: Life) -> None:
        self._books = books
        self._life = life
        self.failing: str | None = None
        self.queued = 0

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Durable at once."""
        what = f"commit {operation.key}"
        return self._life.do(what, lambda: self._books.submit(operation), _lost(what), _never())

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """Durable at once."""
        what = f"commit hold of {holding.account}"
        return self._life.do(what, lambda: self._books.hold(holding), _lost(what), _never())

    def take_step(self, step: TopUpStep) -> asyncio.Future[Committed]:
        """Durable at once."""
        what = f"commit step of top-up {step.reference}"
        return self._life.do(what, lambda: self._books.take_step(step), _lost(what), _never())

    def reprice(self, repricing: Repricing) -> asyncio.Future[Committed]:
        """Nothing is rated again here."""
        raise AssertionError(f"{repricing}")

    async def change(self, change: Change) -> None:
        """Durable at once."""
        await self._life.call(f"commit {type(change).__name__}", lambda: self._books.change(change))

    def note_live(self, leg: LiveLeg) -> None:
        """Durable at once; nobody waits for a reply."""
        self._life.do(f"note {leg.id} live", lambda: self._books.note_live(leg), None, None)


def _never() -> asyncio.Future[Committed]:
    return asyncio.get_running_loop().create_future()


def _lost(what: str) -> asyncio.Future[Committed]:
    future = _never()
    future.set_exception(OutcomeUnknown(f"no reply: {what}"))
    future.exception()  # looked at, whoever waits for it or not
    return future
