"""Calls in progress as a stream of changes, for pages: first all there is, then what is new.

Nothing is done while nobody looks on. Otherwise the calls are looked through twice a second, and
what differs from what was told before is told, so much at a time: of many changes of one call the
latest is told. Every listener has a queue with a bound; one that does not read is let go.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from rtbill.billing import Billing
from rtbill.chronicle import Posted
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.errors import Refused
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.live.as_json import balance_json, call_json, totals_json
from rtbill.live.calls import (
    LOOKED_AT_SLICE,
    PRICED_SLICE,
    InProgress,
    LiveCalls,
    Wanted,
    id_of,
)
from rtbill.ports import Clock

PASS_S = 0.5
TOLD_PER_PASS_MAX = 500
WAITING_MAX = 2000
"""Events that one listener may be behind: two seconds of as much as is ever told."""
LISTENERS_MAX = 20
PART_CALLS = 200
BOOKED_PASSES = 6
"""So long a call that is over waits for its price before its end is told without."""

FAREWELL = "dropped"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a listener is told."""

    kind: str
    """`snapshot`, `up`, `changed`, `ended`, `balance`, `dropped`."""
    text: str
    """JSON."""
    number: int | None = None
    """Rises by one from each change to the next; snapshots and farewells have none."""


class Listener:
    """One who looks on."""

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self.farewell = ""
        """Why it is told nothing more; empty while it is."""

    def offer(self, event: Event) -> None:
        """Queue one event; never waits. Too many end it: what was missed cannot be told later."""
        if len(self._waiting) >= WAITING_MAX:
            self.end(f"you are {WAITING_MAX} events behind; connect again, and read faster")
        elif not self.farewell:
            self._waiting.append(event)
            self._arrived.set()

    def end(self, why: str) -> None:
        """Tell it nothing more than why."""
        self._waiting.clear()
        self.farewell = self.farewell or why
        self._arrived.set()

    async def take(self) -> list[Event]:
        """Wait for something to tell; the last of all is `dropped`."""
        await self._arrived.wait()
        self._arrived.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        if self.farewell:
            return [Event(FAREWELL, _text({"reason": self.farewell}))]
        return taken


class LiveFeed:
    """Tells every listener the same."""

    def __init__(self, billing: Billing, live: LiveCalls, clock: Clock) -> None:
        self._billing = billing
        self._live = live
        self._clock = clock
        self._listeners: set[Listener] = set()
        self._wanted = asyncio.Event()
        self._seeded = asyncio.Event()
        self._marks: dict[CallId, object] = {}
        """What was told of each call."""
        self._over: dict[CallId, int] = {}
        """Calls whose end is to be told, and for how many passes it may wait for its price."""
        self._posted: dict[CallId, Posted] = {}
        """What came into the books during the pass before."""
        self._touched: dict[str, None] = {}
        """Accounts whose money is to be told."""
        self._happened = 0
        self._number = 0
        billing.directory.watch(self._touch)

    async def join(self) -> Listener:
        """A new listener, to whom changes are told from now on. Refused when there are too many."""
        if len(self._listeners) >= LISTENERS_MAX:
            raise Refused(f"{LISTENERS_MAX} listen already, and more may not; close one")
        listener = Listener()
        self._listeners.add(listener)
        self._wanted.set()
        try:
            await self._seeded.wait()
        except asyncio.CancelledError:
            self.leave(listener)
            raise
        return listener

    def leave(self, listener: Listener) -> None:
        """It is told nothing more."""
        self._listeners.discard(listener)

    async def snapshot(self) -> AsyncIterator[Event]:
        """All calls in progress, in parts: the first event of each stream, and those after it until
        `part` is `parts`. A change that comes after is newer, or says the same.
        """
        totals = totals_json(await self._live.view(Wanted(calls_max=0)))
        calls = self._live.in_progress()
        parts = max(1, -(-len(calls) // PART_CALLS))
        for part in range(parts):
            rows = []
            for count, each in enumerate(calls[part * PART_CALLS : (part + 1) * PART_CALLS]):
                if count % PRICED_SLICE == 0:
                    await asyncio.sleep(0)
                rows.append(call_json(self._live.call(each)))
            told = {"at": self._clock.now().isoformat(), "part": part + 1, "parts": parts}
            yield Event("snapshot", _text(told | {"calls": rows, "totals": totals}))

    async def serve(self) -> None:
        """Look for changes while there are listeners, until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                await self._seed()
                self._seeded.set()
                while self._listeners:
                    await self._clock.sleep(PASS_S)
                    await self._look()
                self._seeded.clear()
                self._wanted.clear()
                self._forget()
        finally:
            for listener in self._listeners:
                listener.end("rtbill stops; connect again")

    def _forget(self) -> None:
        self._marks.clear()
        self._over.clear()
        self._posted.clear()
        self._touched.clear()

    def _touch(self, state: AccountState) -> None:
        if self._listeners:
            self._touched[state.account.id] = None

    async def _seed(self) -> None:
        self._happened = self._billing.chronicle.latest
        for count, each in enumerate(self._live.in_progress(), start=1):
            if count % LOOKED_AT_SLICE == 0:
                await asyncio.sleep(0)
            self._marks[id_of(each)] = self._live.mark(each)

    async def _look(self) -> None:
        """Tell what is new; what is too much for one time is found again the next."""
        seen = set()
        changed: list[InProgress] = []
        for count, each in enumerate(self._live.in_progress(), start=1):
            if count % LOOKED_AT_SLICE == 0:
                await asyncio.sleep(0)
            seen.add(id_of(each))
            if self._marks.get(id_of(each)) != self._live.mark(each):
                changed.append(each)
        for call in self._marks.keys() - seen:
            del self._marks[call]
            self._over[call] = BOOKED_PASSES
        left = self._tell_ended(TOLD_PER_PASS_MAX)
        left = self._tell_balances(left)
        for count, each in enumerate(changed[:left], start=1):
            if count % PRICED_SLICE == 0:
                await asyncio.sleep(0)
            self._tell_of(each)

    def _tell_of(self, each: InProgress) -> None:
        call = id_of(each)
        self._tell("changed" if call in self._marks else "up", call_json(self._live.call(each)))
        self._marks[call] = self._live.mark(each)
        self._over.pop(call, None)

    def _tell_ended(self, left: int) -> int:
        """Ends with what the calls cost, as soon as they are in the books. So many more may be told
        in this pass.
        """
        posted: dict[CallId, Posted] = {}
        for happening in self._billing.chronicle.since(self._happened):
            self._happened = happening.sequence
            if isinstance(happening.what, Posted):
                posted[happening.what.call.record.id] = happening.what
        # A call may have been booked while the pass before still saw it.
        known = self._posted | posted
        self._posted = posted
        for call, passes in list(self._over.items()):
            booked = known.get(call)
            if left > 0 and (booked is not None or passes <= 0):
                left -= 1
                del self._over[call]
                self._tell("ended", _ended_json(call, booked))
            else:
                self._over[call] = passes - 1
        return left

    def _tell_balances(self, left: int) -> int:
        for account in list(self._touched)[:left]:
            del self._touched[account]
            left -= 1
            self._tell("balance", balance_json(self._billing.directory.state(account)))
        return left

    def _tell(self, kind: str, told: dict[str, Any]) -> None:
        self._number += 1
        event = Event(kind, _text(told), self._number)
        for listener in self._listeners:
            listener.offer(event)


def _ended_json(call: CallId, booked: Posted | None) -> dict[str, Any]:
    """What became of a call; all but its key is null where the books do not have it yet."""
    told: dict[str, Any] = {"call": str(call), "account": None, "status": None}
    told |= {"talk_s": None, "cost": None, "currency": None}
    if booked is None:
        return told
    record, price = booked.call.record, booked.call.price
    told |= {"account": booked.call.account, "status": str(booked.call.status)}
    told["talk_s"] = round(record.talk_us / 1_000_000, 3)
    if price is not None:
        told["cost"] = decimal_text(price.micros, EXPONENTS[price.currency])
        told["currency"] = price.currency
    return told


def _text(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
