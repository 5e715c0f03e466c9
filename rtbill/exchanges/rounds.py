"""Rounds bring what an exchange holds into line with what is wanted of it.

A wanted fact is a state, not a command: each round compares it with what the exchange was seen to
hold and repairs the difference, also after a crash, a restart or a change by hand.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
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

SLICE = 25
"""Extensions that are looked at before others get their turn."""

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """How far an exchange was seen to hold what is wanted of it."""

    wanted: int = 0
    """Extensions of which something is wanted."""
    confirmed: int = 0
    """Of these, those that were seen to hold it."""
    differing: list[str] = field(default_factory=list)
    """Numbers that were not, and those of which nothing is wanted any more."""


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

    async def prepare(self, line: Line, numbers: Collection[str]) -> None:
        """Work that goes before a round about these and takes longer than others may wait."""

    @abstractmethod
    def numbers(self, pbx: str) -> Collection[str]:
        """Extensions of the exchange of which something may be wanted."""

    def meant(self, pbx: str, names: Collection[str]) -> Sequence[str]:
        """The extensions of the exchange that `Held.changed` names so."""
        del pbx
        return sorted(names)

    @abstractmethod
    def wanted_of(self, pbx: str, numbers: Collection[str]) -> Mapping[str, T]:
        """What these extensions of the exchange shall have now; one that is left out shall have
        `absent`.
        """

    def wanted(self, pbx: str) -> Mapping[str, T]:
        """The same of all."""
        return self.wanted_of(pbx, self.numbers(pbx))

    @abstractmethod
    def held(self, line: Line) -> Held[T]:
        """Where it is remembered what the exchange holds."""

    @abstractmethod
    async def read(self, line: Line) -> Mapping[str, T]:
        """What the exchange holds; PortFailed when it does not say."""

    @abstractmethod
    async def write(self, line: Line, number: str, value: T) -> None:
        """Have the exchange hold it; PortFailed when it was not seen to."""

    async def tally(self, line: Line) -> Tally:
        """How much is wanted of the exchange, and how far it was seen to hold that."""
        found = Tally()
        confirmed, numbers = self.held(line).confirmed, self._all_numbers(line)
        await self.prepare(line, numbers)
        async for wanted, seen in self._in_slices(line, numbers):
            differing = differences(wanted, seen, self.absent)
            found.wanted += len(wanted)
            found.differing += differing.keys()
            if confirmed is not None:
                found.confirmed += len(wanted.keys() - differing)
        return found

    def _all_numbers(self, line: Line) -> list[str]:
        confirmed = self.held(line).confirmed or {}
        return sorted({*self.numbers(line.pbx.name), *confirmed})

    async def _in_slices(
        self, line: Line, numbers: Sequence[str]
    ) -> AsyncIterator[tuple[Mapping[str, T], Mapping[str, T]]]:
        """What is wanted of these, and what of it the exchange was seen to hold, some at a time:
        thousands of extensions take longer than a call may wait.
        """
        for start in range(0, len(numbers), SLICE):
            if start:
                await asyncio.sleep(0)
            some = numbers[start : start + SLICE]
            confirmed = self.held(line).confirmed or {}
            seen = {number: confirmed[number] for number in some if number in confirmed}
            yield self.wanted_of(line.pbx.name, some), seen

    async def serve(self, line: Line) -> None:
        """Rounds for one exchange, for ever: after each change about those that changed, and by the
        clock about all; also about all after a round that left something undone.
        """
        failures = 0
        held = self.held(line)
        all_due_s = self._clock.monotonic()
        while True:
            held.wake.clear()
            names = held.take()
            if self._clock.monotonic() >= all_due_s:
                names = None
            pause_s = ROUND_S
            if line.is_up and line.pbx.capabilities.set_service:
                is_done = await self._round(line, names)
                if names is None:
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

    async def _round(self, line: Line, names: Collection[str] | None = None) -> bool:
        """Whether the exchange is now seen to hold what is wanted of those that are meant; None: of
        all.
        """
        name, held = line.pbx.name, self.held(line)
        try:
            now_s = self._clock.monotonic()
            if held.confirmed is None or now_s - held.read_s >= READ_BACK_S:
                held.confirmed, held.read_s = None, now_s
                held.confirmed = dict(await self.read(line))
                names = None
            looked_at = self._all_numbers(line) if names is None else self.meant(name, names)
            await self.prepare(line, looked_at)
            differing = await self._differing(line, looked_at)
            if differing is None:
                return False
            todo = list(differing.items())
            failures: list[str] = []
            for start in range(0, len(todo), SET_AT_ONCE_MAX):
                failures += await self._set_some(line, todo[start : start + SET_AT_ONCE_MAX])
        except PortFailed as error:
            self._alarms.raise_(self.alarm, name, f"{self.subject} cannot be read: {error}")
            return False
        left = await self._left(line, [number for number, _ in todo])
        if left and line.is_up:
            named = ", ".join(sorted(left)[:5])
            text = f"{len(left)} extensions are not seen to hold what is wanted: {named}"
            why = f" ({failures[0]})" if failures else ""
            self._alarms.raise_(self.alarm, name, text + why)
        if left:
            return False
        if names is None:
            self._alarms.clear(self.alarm, name)  # of others nothing is known but by a look at all
        return True

    async def _left(self, line: Line, tried: list[str]) -> list[str]:
        """Which of these are not seen to hold what is wanted."""
        differing = await self._differing(line, tried)
        return tried if differing is None else list(differing)

    async def _differing(self, line: Line, numbers: Sequence[str]) -> dict[str, T] | None:
        """What the exchange is not yet seen to hold of these; None when nothing is known of it any
        more: its link was lost, or an answer.
        """
        differing: dict[str, T] = {}
        async for wanted, seen in self._in_slices(line, numbers):
            differing |= differences(wanted, seen, self.absent)
        return None if self.held(line).confirmed is None else differing

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
