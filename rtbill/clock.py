"""The system's time, which no other module reads, and one that nobody sets."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from rtbill.ports import Clock


class SteadyClock:
    """A clock that shows what another one showed at first, and the monotonic seconds since: nobody
    sets it. By it an adapter reckons how far the clock of its exchange is from ours, and when an
    exchange shall end a call.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin = clock.now() - timedelta(seconds=clock.monotonic())

    def now(self) -> datetime:
        """The instant that it would be, were the clock never set."""
        return self._origin + timedelta(seconds=self._clock.monotonic())

    def monotonic(self) -> float:
        """Of the other one."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        await self._clock.sleep(seconds)


class SystemClock:
    """ports.Clock on the machine's own clocks."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 -- here is the one place that may

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin; never steps back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        await asyncio.sleep(seconds)
