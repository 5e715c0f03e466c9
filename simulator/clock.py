"""The simulator's time: the wall clock, a faster one, or one that a test moves by hand.

All instants are whole microseconds of Unix time. Everything the exchange says and does counts in
this time: event timestamps, ringing, talking, AbsoluteTimeout. At speed 1 it is the wall clock; at
speed X it starts at the wall clock's instant and runs X times as fast, so a call of 60 s is over
after 60 / X s and its timestamps still say 60 s.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol

US = 1_000_000
"""Microseconds in a second."""


class Clock(Protocol):
    """What the exchange and its script ask about time."""

    def now_us(self) -> int:
        """The present instant."""

    async def sleep_until_us(self, instant_us: int) -> None:
        """Return at that instant, at once if it has passed."""


class SpeedClock:
    """The wall clock at speed 1.

    Otherwise time that runs `speed` times as fast from the start on.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not 0 < speed <= 10_000:
            raise ValueError(f"speed is {speed}: give a number above 0 and at most 10000")
        self._speed = speed
        self._start_us = time.time_ns() // 1000
        self._start_ns = time.monotonic_ns()

    def now_us(self) -> int:
        """Monotonic: a step of the machine's clock does not reach the simulated calls."""
        passed_us = (time.monotonic_ns() - self._start_ns) / 1000
        return self._start_us + int(passed_us * self._speed)

    async def sleep_until_us(self, instant_us: int) -> None:
        """Wait on the event loop for the real time this takes."""
        left_us = instant_us - self.now_us()
        if left_us > 0:
            await asyncio.sleep(left_us / US / self._speed)


class ManualClock:
    """Time that stands still until someone advances it.

    Sleepers wake in the order of their instants.
    """

    def __init__(self, start_us: int = 1_795_356_000 * US) -> None:
        self._now_us = start_us
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        """Where the last advance left it."""
        return self._now_us

    async def sleep_until_us(self, instant_us: int) -> None:
        """Wait until `advance` passes that instant."""
        if instant_us <= self._now_us:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (instant_us, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move time forward, stopping at each sleeper's instant so that it sees its own time."""
        await settle()
        target_us = self._now_us + round(seconds * US)
        while self._sleepers and self._sleepers[0][0] <= target_us:
            instant_us, _, woken = heapq.heappop(self._sleepers)
            self._now_us = max(self._now_us, instant_us)
            if not woken.done():
                woken.set_result(None)
            await settle()
        self._now_us = target_us


async def settle(turns: int = 12) -> None:
    """Let every task that can run do so before time moves on."""
    for _ in range(turns):
        await asyncio.sleep(0)
