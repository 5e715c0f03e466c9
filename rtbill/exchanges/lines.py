"""One exchange at work, as every part of the program sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from rtbill.calls.tracker import Tracker
from rtbill.domain.account import Extension, Service
from rtbill.domain.call import CallId, CallRecord, Outcome
from rtbill.domain.observation import Observation
from rtbill.domain.rated import RatedCall
from rtbill.domain.work import Committed
from rtbill.ports import Clock, Pbx

T = TypeVar("T")


@dataclass(slots=True)
class Pending:
    """A call handed to the store, waiting to be durable."""

    record: CallRecord
    call: RatedCall
    future: asyncio.Future[Committed]
    heard_at: float
    observed: tuple[Observation, ...] = ()
    """What would have been done about it."""


@dataclass(slots=True)
class Held(Generic[T]):
    """One kind of fact that the exchange holds about extensions."""

    confirmed: dict[str, T] | None = None
    """By number, as last seen; None until read after the link came up."""
    read_s: float = 0.0
    """Monotonic instant at which all of it was last read."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Something changed that a round should look at: `changed`, or all where that names nobody."""
    changed: set[str] = field(default_factory=set)
    """What the next round looks at, leaving the rest to the next one by the clock: numbers of
    extensions, or the accounts that hold them where the fact follows the account.
    """
    is_all_due: bool = True
    """The next round looks at all, whatever `changed` names."""

    def look_at(self, name: str) -> None:
        """Have a round look at this extension, or at those of this account, now."""
        self.changed.add(name)
        self.wake.set()

    def look_at_all(self) -> None:
        """Have a round look at every extension now."""
        self.is_all_due = True
        self.wake.set()

    def take(self) -> frozenset[str] | None:
        """What the round that begins now looks at; None: all."""
        is_all = self.is_all_due or not self.changed
        numbers = None if is_all else frozenset(self.changed)
        self.is_all_due = False
        self.changed.clear()
        return numbers


@dataclass(slots=True)
class Line:
    """One exchange at work: its port, its calls, what it was last seen to hold."""

    pbx: Pbx
    tracker: Tracker
    pending: asyncio.Queue[Pending]
    is_up: bool = False
    heard_at: datetime | None = None
    since: datetime | None = None
    """When the link last came or went."""
    services: Held[Service] = field(default_factory=lambda: Held[Service]())
    """Locks and diverts."""
    unaided: Held[str | None] = field(default_factory=lambda: Held[str | None]())
    """What it does with calls on which it gets no answer."""
    restored: asyncio.Event = field(default_factory=asyncio.Event)
    """The link came (back) and nobody has inspected the exchange since."""
    commands: asyncio.TaskGroup | None = None
    """Owner of the commands under way; None while the line is not served."""
    in_flight: dict[CallId, Outcome] = field(default_factory=dict)
    """Calls handed to the store and not yet durable."""
    emergencies: set[CallId] = field(default_factory=set)
    """Emergency calls in progress that somebody has been told of."""
    let_through: set[CallId] = field(default_factory=set)
    """Calls being dialled that would have been refused, were that enforced here."""
    barred: set[CallId] = field(default_factory=set)
    """Calls that a telephone sent to a trunk by itself: to be hung up, however far they are."""
    clock_ahead: timedelta = timedelta()
    """How much our clock was ahead of the exchange's, as its latest snapshot showed."""
    _told: tuple[datetime, float] | None = None
    """What the exchange's clock showed then, and the monotonic instant of it."""

    def learn_clock(self, at: datetime, made_s: float, clock: Clock) -> None:
        """The exchange's clock showed `at` at this monotonic instant of ours."""
        self._told = at, made_s
        self.clock_ahead = clock.now() - self.now(clock)

    def now(self, clock: Clock) -> datetime:
        """What the exchange's clock shows; however often ours is set since we learnt it."""
        if self._told is None:
            return clock.now()
        at, read_s = self._told
        return at + timedelta(seconds=clock.monotonic() - read_s)

    def forget_held(self) -> None:
        """Nothing is known any more of what the exchange holds."""
        self.services.confirmed = self.unaided.confirmed = None

    def wake(self) -> None:
        """Have the rounds look at all that the exchange holds now."""
        self.services.look_at_all()
        self.unaided.look_at_all()


def look_at(lines: Mapping[str, Line], extensions: Iterable[Extension]) -> None:
    """Have rounds look at the service of these extensions now."""
    for extension in extensions:
        if extension.pbx in lines:
            lines[extension.pbx].services.look_at(extension.number)
