"""The biller's clock and the exchange's, both on the time of the virtual loop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = 1_000_000


class BillerClock:
    """ports.Clock: the loop's seconds after an instant."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime) -> None:
        self._loop, self._start = loop, start

    def now(self) -> datetime:
        """The present instant in whole microseconds."""
        return self._start + timedelta(microseconds=round(self._loop.time() * US))

    def monotonic(self) -> float:
        """Seconds since the run began."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)


class ExchangeClock:
    """The simulator's Clock: the biller's time, ahead by some seconds, and stepped by hand."""

    def __init__(self, clock: BillerClock, ahead_s: float) -> None:
        self._clock = clock
        self._ahead = timedelta(seconds=ahead_s)

    @property
    def ahead_us(self) -> int:
        """How far it is ahead of the biller's."""
        return self._ahead // timedelta(microseconds=1)

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return (self._clock.now() + self._ahead - EPOCH) // timedelta(microseconds=1)

    async def sleep_until_us(self, instant_us: int) -> None:
        """Return at that instant, as far as it can be told when the sleep begins."""
        await asyncio.sleep(max(0, instant_us - self.now_us()) / US)

    def step(self, seconds: float) -> None:
        """The exchange's clock is set by hand."""
        self._ahead += timedelta(seconds=seconds)
