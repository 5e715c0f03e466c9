"""An event loop whose time is a number: when nothing is ready it jumps to the next timer."""

from __future__ import annotations

import asyncio
from typing import Any

TURNS_AT_ONE_INSTANT_MAX = 20_000
TIME_MAX_S = 20_000.0


class Standstill(AssertionError):
    """Nothing is ready and nothing is scheduled, or time no longer passes."""


class _NoSelector:
    """Stands where the loop asks the system for input: there is none, only time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        """No input, ever; time passes when the loop would have waited."""
        self._loop.pass_time(timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """One thread, no sockets, no waiting. `time()` begins at 0."""

    _scheduled: list[asyncio.TimerHandle]
    _clock_resolution: float

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self._clock_resolution = 1e-9
        self._selector = _NoSelector(self)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def pass_time(self, timeout: float | None) -> None:
        """Jump as far as the loop would have waited; Standstill when that is for ever."""
        if timeout is None:
            raise Standstill("every task waits for something that nobody will bring about")
        if timeout > 0:
            self._now = self._scheduled[0].when()
            self._turns = 0
            if self._now > TIME_MAX_S:
                raise Standstill("the run never ends")
        else:
            self._turns += 1
            if self._turns > TURNS_AT_ONE_INSTANT_MAX:
                raise Standstill(f"time stands still at {self._now:.6f} s")

    def _process_events(self, event_list: list[Any]) -> None:
        assert not event_list

    def _write_to_self(self) -> None:
        """Nobody else's thread needs to wake this loop."""
