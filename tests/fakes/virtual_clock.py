"""A clock that only the test moves: those who sleep wake in the order of their times."""

from __future__ import annotations

import asyncio
import heapq
from datetime import datetime, timedelta

from tests.fakes.environment import NOON

_TURNS_MAX = 100_000


class VirtualClock:
    """ports.Clock. Nothing sleeps in earnest, and nothing wakes by itself."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._seconds = 0.0
        self._stepped = timedelta()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = 0

    def now(self) -> datetime:
        """The instant the test has come to."""
        return self._start + timedelta(seconds=self._seconds) + self._stepped

    def monotonic(self) -> float:
        """Seconds since the beginning; a step does not change it."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Return when the test has advanced this far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._slept += 1
        heapq.heappush(self._sleepers, (self._seconds + seconds, self._slept, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let this much time pass; whoever is due wakes at their own instant and acts at once."""
        target = self._seconds + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            if woken.done():
                continue
            self._seconds = due
            woken.set_result(None)
            await settle()
        self._seconds = target
        await settle()

    def step(self, seconds: float) -> None:
        """The wall clock is set by hand, forward or back; nobody wakes of it."""
        self._stepped += timedelta(seconds=seconds)


async def settle() -> None:
    """Return when every task waits for something that only the test can bring about."""
    loop = asyncio.get_running_loop()
    for _ in range(_TURNS_MAX):
        await asyncio.sleep(0)
        if not loop._ready:  # type: ignore[attr-defined]  # the one sure sign that all are waiting
            return
    raise AssertionError("the tasks never come to rest")
