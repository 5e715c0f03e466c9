"""Rounds bring what an exchange holds into line with what is wanted of it.

A wanted fact is a state, not a command: each round compares it with what the exchange was seen to
hold and repairs the difference, also after a crash, a restart or a change by hand.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

from rtbill.alarms import Alarms
from rtbill.domain.errors import OutcomeUnknown, PortFailed
from rtbill.exchanges.enforcement import differences
from rtbill.exchanges.lines import Held, Line
from rtbill.ports import Clock

ROUND_S = 30.0
"""A round runs at least this often."""
RETRY_ROUNDS_S = (1.0, 2.0, 4.0, 8.0)
"""After a round that left something undone."""
READ_BACK_S = 300.0
"""So often the exchange's state is read anew, to find changes made by hand."""
SET_AT_ONCE_MAX = 16
"""Extensions set at a time: the exchange has other work too."""

T = TypeVar("T")


class Rounds(ABC, Generic[T]):
    """One kind of fact about extensions, at every exchange."""

    alarm: str
    """Kind of the alarm while something differs."""
    subject: str
    """What it is about, in words."""
    absent: T
    """What an extension has about which nothing is written."""
    pause_min_s: float = 0.0
    """At least so long between two rounds."""

    def __init__(self, alarms: Alarms, clock: Clock) -> None:
        self._alarms = alarms
        self._clock = clock

    async def prepare(self, line: Line) -> None:
        """Work that goes before a round and takes longer than the program may be held up."""

    @abstractmethod
    def wanted(self, pbx: str) -> Mapping[str, T]:
        """What the extensions of the exchange shall have now."""

    def wanted_of(self, pbx: str, numbers: Collection[str]) -> Mapping[str, T]:
        """The same of these extensions alone; one that is left out shall have `absent`."""
        wanted = self.wanted(pbx)
        return {number: wanted[number] for number in numbers if number in wanted}

    @abstractmethod
    def held(self, line: Line) -> Held[T]:
        """Where it is remembered what the exchange holds."""

    @abstractmethod
    async def read(self, line: Line) -> Mapping[str, T]:
        """What the exchange holds; PortFailed when it does not say."""

    @abstractmethod
    async def write(self, line: Line, number: str, value: T) -> None:
        """Have the exchange hold it; PortFailed when it was not seen to."""

    def differing(self, line: Line) -> dict[str, T]:
        """What the exchange is not yet seen to hold."""
        confirmed = self.held(line).confirmed or {}
        return differences(self.wanted(line.pbx.name), confirmed, self.absent)

    def confirmed_count(self, line: Line) -> int:
        """How many extensions the exchange was seen to hold as wanted."""
        if self.held(line).confirmed is None:
            return 0
        return len(self.wanted(line.pbx.name).keys() - self.differing(line).keys())

    async def serve(self, line: Line) -> None:
        """Rounds for one exchange, for ever: after each change about those that changed, and by the
        clock about all; also about all after a round that left something undone.
        """
        failures = 0
        held = self.held(line)
        all_due_s = self._clock.monotonic()
        while True:
            held.wake.clear()
            numbers = held.take()
            if self._clock.monotonic() >= all_due_s:
                numbers = None
            pause_s = ROUND_S
            if line.is_up and line.pbx.capabilities.set_service:
                is_done = await self._round(line, numbers)
                if numbers is None:
                    all_due_s = self._clock.monotonic() + ROUND_S
                held.is_all_due |= not is_done
                failures = 0 if is_done else failures + 1
                pause_s = max(0.0, all_due_s - self._clock.monotonic())
                if 0 < failures <= len(RETRY_ROUNDS_S):
                    pause_s = RETRY_ROUNDS_S[failures - 1]
                if self.pause_min_s:
                    await self._clock.sleep(self.pause_min_s)
                    pause_s = max(0.0, pause_s - self.pause_min_s)
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._wake_after(held, pause_s), name="next round")
                await held.wake.wait()
                timer.cancel()

    async def _wake_after(self, held: Held[T], seconds: float) -> None:
        await self._clock.sleep(seconds)
        held.wake.set()

    async def _round(self, line: Line, numbers: Collection[str] | None = None) -> bool:
        """Whether the exchange is now seen to hold what is wanted of these extensions; None: of
        all.
        """
        name, held = line.pbx.name, self.held(line)
        await self.prepare(line)
        try:
            now_s = self._clock.monotonic()
            if held.confirmed is None or now_s - held.read_s >= READ_BACK_S:
                held.confirmed, held.read_s = None, now_s
                held.confirmed = dict(await self.read(line))
                numbers = None
            todo = list(self._differing(line, numbers).items())
            failures: list[str] = []
            for start in range(0, len(todo), SET_AT_ONCE_MAX):
                failures += await self._set_some(line, todo[start : start + SET_AT_ONCE_MAX])
        except PortFailed as error:
            self._alarms.raise_(self.alarm, name, f"{self.subject} cannot be read: {error}")
            return False
        left = self._left(line, [number for number, _ in todo], numbers)
        if left and line.is_up:
            named = ", ".join(sorted(left)[:5])
            text = f"{len(left)} extensions are not seen to hold what is wanted: {named}"
            why = f" ({failures[0]})" if failures else ""
            self._alarms.raise_(self.alarm, name, text + why)
        if left:
            return False
        if numbers is None:
            self._alarms.clear(self.alarm, name)  # of others nothing is known but by a look at all
        return True

    def _differing(self, line: Line, numbers: Collection[str] | None) -> dict[str, T]:
        if numbers is None:
            return self.differing(line)
        confirmed = self.held(line).confirmed or {}
        seen = {number: confirmed[number] for number in numbers if number in confirmed}
        return differences(self.wanted_of(line.pbx.name, numbers), seen, self.absent)

    def _left(self, line: Line, tried: list[str], numbers: Collection[str] | None) -> list[str]:
        """Numbers not seen to hold what is wanted; all that were tried when nothing is known."""
        is_known = self.held(line).confirmed is not None
        return list(self._differing(line, numbers)) if is_known else tried

    async def _set_some(self, line: Line, todo: Sequence[tuple[str, T]]) -> list[str]:
        """What came of those that failed; the next round tries them again."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._set(line, number, value), name=f"set {number}")
                for number, value in todo
            ]
        return [text for task in tasks if (text := task.result())]

    async def _set(self, line: Line, number: str, value: T) -> str:
        held = self.held(line)
        try:
            await self.write(line, number, value)
        except PortFailed as error:
            if isinstance(error, OutcomeUnknown):
                held.confirmed = None  # it may be done or not: only the exchange knows
            return str(error)
        if held.confirmed is not None:
            held.confirmed[number] = value
        return ""
