"""Events of one exchange on their way to the biller: in order, bounded, none lost unseen."""

from __future__ import annotations

import asyncio
from collections import deque

from rtbill.domain.events import PbxEvent


class EventBuffer:
    """Events in order, for one reader. Never blocks; overflow is remembered, not hidden."""

    def __init__(self, size_max: int) -> None:
        self._events: deque[PbxEvent] = deque()
        self._held: list[PbxEvent] | None = None
        self._size_max = size_max
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._events) + len(self._held or ())

    @property
    def is_holding(self) -> bool:
        """Events are kept back until the snapshot that comes before them."""
        return self._held is not None

    def offer(self, event: PbxEvent) -> None:
        """Append an event of the exchange; when full it is not taken and `overflowed` is set."""
        if len(self) >= self._size_max:
            self.overflowed = True
        elif self._held is not None:
            self._held.append(event)
        else:
            self._events.append(event)
            self._arrived.set()

    def report(self, event: PbxEvent) -> None:
        """Append an event about the link itself; these are few and always taken."""
        self._events.append(event)
        self._arrived.set()

    def hold(self) -> None:
        """Keep back what comes from now on."""
        self._held = []

    def release(self, first: PbxEvent) -> None:
        """Append this event, then all that were kept back."""
        held, self._held = self._held or [], None
        self._events.append(first)
        self._events.extend(held)
        self._arrived.set()

    def forget_held(self) -> None:
        """The line broke before its snapshot was there: what it told belongs to the gap, which is
        reported.
        """
        self._held = None
        self.overflowed = False

    async def take(self) -> list[PbxEvent]:
        """Wait for at least one event; all that are there."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()  # ends with the reader's own cancellation
        events = list(self._events)
        self._events.clear()
        self._taken.set()
        return events

    async def wait_below(self, size: int) -> None:
        """Return once fewer events than this are waiting."""
        while len(self._events) >= size:
            self._taken.clear()
            await self._taken.wait()
