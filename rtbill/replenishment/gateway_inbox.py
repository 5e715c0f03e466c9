"""What providers tell: kept first, answered at once, and looked into afterwards.

A webhook only says that something happened. What, is asked of the provider, so its order, its
repetition and its body decide nothing about money (RP-41). The body is not kept: nothing is read
from it later, and it names people.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rtbill.alarms import Alarms
from rtbill.domain.errors import BadRecord, PortFailed, Refused, Unavailable
from rtbill.domain.payment import GatewayEvent
from rtbill.domain.payment_changes import (
    ForgetGatewayEvents,
    GatewayEventTried,
    KeepGatewayEvents,
)
from rtbill.domain.replenishment import InboxEvent
from rtbill.gateway import PaymentGateway, WrongMode
from rtbill.outbox import pause_s
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter, Store
from rtbill.replenishment.gateway_news import GatewayNews
from rtbill.replenishment.gateways import LIST_MAX_S, Gateways

BODY_BYTES_MAX = 1 << 20
KEEP_MAX_S = 1.5
"""A provider waits 2 s for our answer, and tells again when there is none."""
BATCH = 50
AT_ONCE_MAX = 10
ROUND_S = 1.0
TRIES_ALARM = 6
GIVEN_UP = timedelta(days=3)
POLL_S = 3600.0
POLL_AGAIN_S = 60.0
"""After a provider that could not be asked."""
POLL_TICK_S = 5.0
POLL_OVERLAP = timedelta(minutes=5)
"""Providers list their events a little later than these happened."""
POLL_FIRST = timedelta(days=1)
"""So far back where nothing was ever told."""
KEPT = timedelta(days=40)
"""Longer than a provider repeats an event, so that one is known when it comes again."""
_ALARM = "gateway"

_logger = logging.getLogger(__name__)


class GatewayInbox:
    """Hears, keeps, and has looked into."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        gateways: Gateways,
        news: GatewayNews,
        store: Store,
        reader: PaymentReader,
        alarms: Alarms,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._gateways = gateways
        self._news = news
        self._store = store
        self._reader = reader
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._arrived = asyncio.Event()
        self._not_before: dict[tuple[str, str], float] = {}
        self._busy: set[tuple[str, str]] = set()
        self._asked_until: dict[str, datetime] = {}

    async def hear(self, gateway: str, raw: bytes, headers: Mapping[str, str]) -> str:
        """The id of a webhook, which is durable then. BadRecord: forged, stale, too large, or of
        another mode. Unavailable: not kept, it has to be told again.
        """
        if len(raw) > BODY_BYTES_MAX:
            self._count(gateway, "too large")
            raise BadRecord(f"a webhook is at most {BODY_BYTES_MAX} bytes")
        try:
            event = self._gateways.named(gateway).read_event(raw, headers)
        except WrongMode as wrong:
            self._count(gateway, "wrong mode")
            self._alarms.raise_(_ALARM, f"{gateway} mode", str(wrong))
            raise
        except BadRecord:
            self._count(gateway, "refused")
            raise
        self._count(gateway, "heard")
        try:
            async with asyncio.timeout(KEEP_MAX_S):
                await self._keep(gateway, [event])
        except TimeoutError as late:
            raise Unavailable("the books are busy; tell it again") from late
        return event.id

    def _count(self, gateway: str, result: str) -> None:
        self._meter.count("rtbill_webhooks_total", gateway=gateway, result=result)

    async def _keep(self, gateway: str, events: Sequence[GatewayEvent]) -> None:
        now = self._clock.now()
        kept = tuple(
            InboxEvent(
                gateway=gateway,
                id=each.id,
                kind=each.kind,
                about=each.about,
                at=each.at,
                received_at=now,
            )
            for each in events
        )
        if kept:
            await self._store.change(KeepGatewayEvents(kept))
            self._arrived.set()

    async def serve(self) -> None:
        """Look into what was told, for ever, and ask for what was not."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll(), name="gateway events")
            group.create_task(self._forget(), name="old gateway events")
            group.create_task(self._wake(), name="gateway events by the clock")
            while True:
                self._arrived.clear()
                try:
                    await self._round(group)
                except Exception:  # the books may be readable again in a second
                    _logger.exception("what providers told cannot be read")
                await self._arrived.wait()

    async def _wake(self) -> None:
        while True:
            await self._clock.sleep(ROUND_S)
            self._arrived.set()

    # ------------------------------------------------------------------ looking into them

    async def _round(self, group: asyncio.TaskGroup) -> None:
        waiting = await self._reader.waiting_gateway_events(BATCH + len(self._not_before))
        now_s = self._clock.monotonic()
        for event in waiting:
            key = event.gateway, event.id
            if len(self._busy) >= AT_ONCE_MAX:
                return  # each that is done wakes us
            if key not in self._busy and self._not_before.get(key, 0.0) <= now_s:
                self._busy.add(key)
                group.create_task(self._one(event), name=f"event {event.id}")

    async def _one(self, event: InboxEvent) -> None:
        key = event.gateway, event.id
        try:
            await self._look_into(event)
        except Exception:  # one that cannot be kept as tried blocks no other
            _logger.exception("an event of a provider failed", extra={"event_id": event.id})
            self._put_off(key, event.tries + 1)
        finally:
            self._busy.discard(key)
            self._arrived.set()

    async def _look_into(self, event: InboxEvent) -> None:
        asked = GatewayEvent(event.id, event.kind, event.about, event.at)
        try:
            found = await self._gateways.ask(
                event.gateway, "event", lambda gateway: gateway.look_up(asked)
            )
            results = [await self._news.take(event.gateway, told) for told in found]
        except (PortFailed, Refused, BadRecord) as error:
            await self._failed(event, str(error))
            return
        result = "; ".join(results) or "does not concern us"
        await self._tried(event, result, is_done=True)
        self._meter.observe(
            "rtbill_webhook_seconds", (self._clock.now() - event.received_at).total_seconds()
        )
        self._alarms.clear(_ALARM, f"{event.gateway} event {event.id}")

    async def _failed(self, event: InboxEvent, why: str) -> None:
        tries = event.tries + 1
        is_over = self._clock.now() - event.received_at >= GIVEN_UP
        if tries >= TRIES_ALARM or is_over:
            text = f"{event.kind} about {event.about} cannot be looked into: {why}"
            text += "; it is given up, look at the provider" if is_over else ""
            self._alarms.raise_(_ALARM, f"{event.gateway} event {event.id}", text)
        self._put_off((event.gateway, event.id), tries)
        await self._tried(event, why, is_done=is_over)

    def _put_off(self, key: tuple[str, str], tries: int) -> None:
        self._not_before[key] = self._clock.monotonic() + pause_s(tries, 0.5)

    async def _tried(self, event: InboxEvent, result: str, *, is_done: bool) -> None:
        at = self._clock.now() if is_done else None
        await self._store.change(GatewayEventTried(event.gateway, event.id, result[:500], at))
        if is_done:
            self._not_before.pop((event.gateway, event.id), None)

    # ------------------------------------------------------------- asking for what was not

    async def _poll(self) -> None:
        next_s: dict[str, float] = {}
        while True:
            for gateway in self._gateways:
                if gateway.abilities.tells and self._clock.monotonic() >= next_s.get(
                    gateway.name, 0.0
                ):
                    pause = await self._poll_one(gateway)
                    next_s[gateway.name] = self._clock.monotonic() + pause
            await self._clock.sleep(POLL_TICK_S)

    async def _poll_one(self, gateway: PaymentGateway) -> float:
        """Seconds until it is asked again."""
        name, subject = gateway.name, f"{gateway.name} events"
        try:
            now, since = self._clock.now(), await self._unasked_since(name)
            events = await self._gateways.ask(
                name, "events", lambda asked: asked.events_since(since), LIST_MAX_S
            )
            await self._keep(name, events)
            self._asked_until[name] = now
        except (PortFailed, Refused, BadRecord) as error:
            self._alarms.raise_(_ALARM, subject, f"it does not say what happened: {error}")
            return POLL_AGAIN_S
        except Exception:
            _logger.exception("a provider's events cannot be kept", extra={"gateway": name})
            return POLL_AGAIN_S
        self._alarms.clear(_ALARM, subject)
        return POLL_S

    async def _unasked_since(self, gateway: str) -> datetime:
        """Since when something may have happened that nobody told. Before a start that is an hour
        more than the newest is old: what it missed then, this process never asked for.
        """
        if gateway in self._asked_until:
            return self._asked_until[gateway] - POLL_OVERLAP
        newest = await self._reader.newest_gateway_event(gateway)
        if newest is None:
            return self._clock.now() - POLL_FIRST
        return newest - timedelta(seconds=POLL_S) - POLL_OVERLAP

    async def _forget(self) -> None:
        while True:
            try:
                await self._store.change(ForgetGatewayEvents(self._clock.now() - KEPT))
            except PortFailed as error:
                _logger.warning("old events stay", extra={"why": str(error)})
            await self._clock.sleep(24 * POLL_S)
