"""The exchange that all lives of the biller speak to: it knows what really happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.domain.account import Service
from rtbill.domain.call import CallId
from rtbill.domain.errors import Unavailable
from rtbill.domain.events import (
    CallAnswered,
    CallEnded,
    CallStarted,
    FinishedLeg,
    LinkLost,
    LinkRestored,
    LiveLeg,
    PbxEvent,
    Snapshot,
)
from rtbill.domain.finding import Finding
from rtbill.ports import Capabilities
from tests.crash_points.points import Life
from tests.fakes.builders import PBX
from tests.fakes.fake_pbx import EVERYTHING
from tests.fakes.virtual_clock import VirtualClock

TRUNK = "carrier"
SNAPSHOT_S = 30.0
_EVENTS_MAX = 1000


@dataclass(slots=True)
class Leg:
    """One trunk leg as it really was."""

    id: CallId
    channel: str
    """Who asked for it; empty where nobody did."""
    payer: str
    dialled: str
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    limit_s: float | None = None
    """Talk after which the exchange itself ends it."""
    was_cut: bool = False

    @property
    def talk_s(self) -> float:
        """From its answer to its end."""
        assert self.answered_at is not None
        assert self.ended_at is not None
        return (self.ended_at - self.answered_at).total_seconds()


class Exchange:
    """Legs, timers and the outbox. Whoever is connected hears of them."""

    keeps_rows = True
    """Of calls that ended, until they are acknowledged."""

    def __init__(self, clock: VirtualClock, timers: asyncio.TaskGroup) -> None:
        self._clock = clock
        self._timers = timers
        self._port: PointPbx | None = None
        self.legs: dict[CallId, Leg] = {}
        self.outbox: set[CallId] = set()
        """Answered legs that ended and may not be forgotten yet."""
        self.on_end: Callable[[Leg], None] = lambda _leg: None

    def connect(self, port: PointPbx) -> None:
        """A new life hears from now on, and first what there is."""
        self._port = port
        now = self._clock.now()
        self._tell(LinkRestored(PBX, now, self._snapshot(now), None))

    async def lose_link(self, for_s: float) -> None:
        """Whoever is connected hears nothing for so long, and is not heard."""
        port, self._port = self._port, None
        if port is None:
            return
        port.is_linked = False
        port.hear(LinkLost(PBX, self._clock.now(), "connection reset"))
        await self._clock.sleep(for_s)
        port.is_linked = True
        if self._port is None:
            self.connect(port)

    async def show(self) -> None:
        """All there is, again and again (CC-64)."""
        while True:
            await self._clock.sleep(SNAPSHOT_S)
            self._tell(self._snapshot(self._clock.now()))

    def dial(self, leg: Leg) -> None:
        """A trunk leg is dialled."""
        self.legs[leg.id] = leg
        told = (leg.id, self._clock.now(), leg.payer, leg.dialled, TRUNK)
        self._tell(CallStarted(*told, asked_by=leg.channel))

    def answer(self, leg: Leg, limit_s: float | None) -> None:
        """The far end answers; the dialplan sets the timer that it was told."""
        leg.answered_at = self._clock.now()
        self._tell(CallAnswered(leg.id, leg.answered_at, leg.payer, leg.dialled, TRUNK))
        if limit_s is not None:
            self.limit(leg, limit_s)

    def limit(self, leg: Leg, limit_s: float) -> None:
        """End it after so much talk, and no other timer does any more."""
        if leg.answered_at is not None and leg.ended_at is None:
            leg.limit_s = limit_s
            self._timers.create_task(self._time(leg, limit_s), name=f"timer {leg.id}")

    def end(self, leg: Leg, *, was_cut: bool = False) -> None:
        """It is hung up, by people or by us; nothing happens when it is over."""
        if leg.ended_at is not None:
            return
        leg.ended_at, leg.was_cut = self._clock.now(), was_cut
        if leg.answered_at is not None:
            if self.keeps_rows:
                self.outbox.add(leg.id)
            self.on_end(leg)
        told = (leg.payer, leg.dialled, TRUNK, leg.answered_at)
        self._tell(CallEnded(leg.id, leg.ended_at, 16, None, *told))

    async def _time(self, leg: Leg, limit_s: float) -> None:
        assert leg.answered_at is not None
        ends_at = leg.answered_at + timedelta(seconds=limit_s)
        await self._clock.sleep((ends_at - self._clock.now()).total_seconds())
        if leg.limit_s == limit_s:
            self.end(leg, was_cut=True)

    def _tell(self, event: PbxEvent) -> None:
        if self._port is not None:
            self._port.hear(event)

    def _snapshot(self, now: datetime) -> Snapshot:
        live = tuple(
            LiveLeg(leg.id, leg.payer, leg.dialled, TRUNK, leg.answered_at)
            for leg in self.legs.values()
            if leg.ended_at is None
        )
        rows = [self.legs[call] for call in sorted(self.outbox)]
        finished = tuple(
            FinishedLeg(leg.id, leg.payer, leg.dialled, TRUNK, leg.answered_at, leg.ended_at)
            for leg in rows
            if leg.answered_at is not None and leg.ended_at is not None
        )
        return Snapshot(PBX, now, live, finished, ())


class PointPbx:
    """ports.Pbx: one life's link to the exchange, each order a point."""

    name = PBX
    capabilities: Capabilities = EVERYTHING

    def __init__(self, exchange: Exchange, life: Life) -> None:
        self._exchange = exchange
        self._life = life
        self._events: asyncio.Queue[PbxEvent] = asyncio.Queue(_EVENTS_MAX)
        self.is_linked = True

    def hear(self, event: PbxEvent) -> None:
        """The exchange tells something."""
        if not self._life.is_over:
            self._events.put_nowait(event)

    async def run(self) -> None:
        """Connect, and stay so."""
        self._exchange.connect(self)
        await asyncio.Event().wait()

    async def receive(self) -> Sequence[PbxEvent]:
        """At least one event."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def acknowledge(self, call: CallId) -> None:
        """Its row may go. Nobody waits for a reply."""

        def forget() -> None:
            if self.is_linked:
                self._exchange.outbox.discard(call)

        self._life.do(f"acknowledge {call}", forget, None, None)

    async def limit(self, call: CallId, talk_s: float) -> bool:
        """The exchange's own timer."""

        async def order() -> None:
            self._check_link()
            self._exchange.limit(self._exchange.legs[call], talk_s)

        await self._life.call(f"limit {call} to {talk_s:g}", order)
        return True

    async def warn(self, call: CallId) -> None:
        """A tone."""

        async def order() -> None:
            self._check_link()

        await self._life.call(f"warn {call}", order)

    async def hang_up(self, call: CallId) -> None:
        """At once."""

        async def order() -> None:
            self._check_link()
            self._exchange.end(self._exchange.legs[call], was_cut=True)

        await self._life.call(f"hang up {call}", order)

    def _check_link(self) -> None:
        if not self.is_linked:
            raise Unavailable("there is no link")

    async def set_service(self, number: str, service: Service) -> None:
        """Nothing is locked here."""
        del number, service

    async def services(self) -> Mapping[str, Service]:
        """Nothing is."""
        return {}

    async def inspect(self) -> Sequence[Finding]:
        """All is well."""
        return ()

    async def set_unaided(self, number: str, row: str | None) -> None:
        """Who gets no answer here dials nothing."""
        del number, row

    async def unaided(self) -> Mapping[str, str]:
        """None."""
        return {}
