"""Events that wait, sent until each is out: in order, but one that is refused holds up no other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from rtbill.domain.changes import DropEvents, EventsSent
from rtbill.domain.errors import PortFailed, Unavailable
from rtbill.domain.outside import WaitingEvent
from rtbill.feed import Feed
from rtbill.notify.webhook import WebhookQueue
from rtbill.ports import Clock, Meter, Store

ALARM = "webhook"
IDLE_S = 1.0
PAUSE_MIN_S = 5.0
PAUSE_MAX_S = 3600.0
WINDOW = 500
"""Waiting events that are looked at."""
REFUSED_IN_A_ROW_MAX = 3
"""After so many events that were not taken it is the receiver that is out of order."""
GONE = 410
_EVENTS = "rtbill_webhook_events_total"


class AlarmBell(Protocol):
    """Where it is told that something cannot be delivered."""

    def raise_(self, kind: str, subject: str, text: str) -> None:
        """Something is wrong."""
        ...

    def clear(self, kind: str, subject: str) -> None:
        """It is over."""
        ...


class Post(Protocol):
    """What hands an event to a receiver."""

    async def send(self, identity: str, body: bytes, at_s: int) -> int:
        """The status of the answer; Unavailable when there was none."""
        ...


@dataclass(slots=True)
class _PutOff:
    """An event that was not taken."""

    failures: int
    until: float
    """By the monotonic clock."""


class WebhookSender:
    """One receiver's postman."""

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        *,
        name: str,
        queue: WebhookQueue,
        post: Post,
        give_up: timedelta,
        feed: Feed,
        store: Store,
        alarms: AlarmBell,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._name = name
        self._queue = queue
        self._post = post
        self._give_up = give_up
        self._feed = feed
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._put_off: dict[int, _PutOff] = {}
        self._failures = 0
        """Rounds in a row in which the receiver took nothing."""
        self._lost = 0

    async def serve(self) -> None:
        """Send for ever; ends by cancellation, or when the receiver says that it is gone."""
        while not self._queue.is_off:
            await self._clock.sleep(_pause_s(self._failures) if self._failures else IDLE_S)
            try:
                await self.round()
            except PortFailed as failed:  # the books: the events are safe there
                if not self._queue.is_off:
                    self._failed(f"the books cannot be used: {failed}")

    async def round(self) -> None:
        """Send what is due."""
        waiting = await self._feed.waiting_events(self._name, WINDOW)
        numbers = {each.id for each in waiting}
        self._put_off = {key: each for key, each in self._put_off.items() if key in numbers}
        now, refused = self._clock.monotonic(), 0
        for each in waiting:
            put_off = self._put_off.get(each.id)
            if put_off is not None and put_off.until > now:
                continue
            said = await self._sent(each)
            if self._queue.is_off:
                return
            if said is None:
                refused = 0
                self._taken()
            elif said:
                refused += 1
                if refused >= REFUSED_IN_A_ROW_MAX:
                    self._failed(said)
                    return
            else:
                return

    async def _sent(self, waiting: WaitingEvent) -> str | None:
        """None: it is out. What was answered instead; empty when nothing was, which is told."""
        event, at_s = waiting.event, int(self._clock.now().timestamp())
        try:
            status = await self._post.send(event.event, event.body.encode(), at_s)
        except Unavailable as failed:
            await self._not_taken(waiting, str(failed))
            self._failed(str(failed))
            return ""
        if 200 <= status < 300:
            await self._store.change(EventsSent((waiting.id,)))
            self._meter.count(_EVENTS, webhook=self._name, outcome="taken")
            return None
        if status == GONE:
            await self._end()
            return ""
        said = _words(status)
        await self._not_taken(waiting, said)
        return said

    async def _not_taken(self, waiting: WaitingEvent, said: str) -> None:
        """Later again; or never, and that is told, when it has waited too long."""
        self._meter.count(_EVENTS, webhook=self._name, outcome="put_off")
        if self._clock.now() - waiting.event.at > self._give_up:
            await self._store.change(EventsSent((waiting.id,)))
            self._meter.count(_EVENTS, webhook=self._name, outcome="lost")
            self._lost += 1
            hours = self._give_up // timedelta(hours=1)
            text = f"{self._lost} events were given up after {hours} h, the last because {said}; "
            text += "compare the receiver's books with GET /v1/calls and /v1/accounts"
            self._alarms.raise_(ALARM, f"{self._name} lost", text)
            return
        known = self._put_off.get(waiting.id)
        failures = known.failures + 1 if known else 1
        self._put_off[waiting.id] = _PutOff(failures, self._clock.monotonic() + _pause_s(failures))

    async def _end(self) -> None:
        self._queue.is_off = True
        text = "the receiver answered 410 Gone, so it is told nothing more; take its [[webhook]] "
        text += "out of the configuration, or correct url, and start rtbill anew"
        self._alarms.raise_(ALARM, self._name, text)
        await self._store.change(DropEvents(self._name))

    def _taken(self) -> None:
        self._failures = 0
        self._alarms.clear(ALARM, self._name)

    def _failed(self, said: str) -> None:
        """The second time in a row is told."""
        self._failures += 1
        if self._failures > 1:
            text = f"events wait: {said}; they are sent again for up to {self._give_up}"
            self._alarms.raise_(ALARM, self._name, text)


def _words(status: int) -> str:
    if 300 <= status < 400:
        return f"it answered {status}, a redirect, which is not followed: mend url"
    return f"it answered {status} and not 2xx"


def _pause_s(failures: int) -> float:
    """Seconds until the next attempt, spread so that receivers are not met by all at once."""
    longest = min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(failures - 1, 16))
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads load
