"""Top-ups and refunds that have to be seen to by the clock: after a start, and when they are due.

Each has a time of its own, in the books, and is moved on before its provider is asked: one whose
provider is silent, or that fails each time, holds nothing else up (RP-62).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta

from payments.attempts import Event
from rtbill.alarms import Alarms
from rtbill.domain.errors import PortFailed
from rtbill.domain.top_up import FINAL, Follow, Paying, Reversal, TopUp, TopUpState
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter
from rtbill.replenishment.top_up_driver import TopUpDriver

LOOK_S = 1.0
GAUGES_S = 10.0
DUE_MAX = 200
AT_ONCE_MAX = 10
"""Of one gateway: another one's silence is not its own."""
TROUBLE_S = 60.0
"""Before one that failed here is tried again."""
IN_FLIGHT_MAX = 100_000
LINK_AGAIN = timedelta(hours=1)
"""A link for a confirmation asked for so recently may not have got out before the process ended."""
_LOST = {TopUpState.ASKED: Event.CREATE_LOST, TopUpState.SENT: Event.CONFIRM_LOST}

_logger = logging.getLogger(__name__)


class TopUpLooks:
    """Sees to what is due."""

    def __init__(
        self,
        driver: TopUpDriver,
        reader: PaymentReader,
        alarms: Alarms,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._driver = driver
        self._reader = reader
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._busy: set[str] = set()
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._not_before: dict[str, float] = {}
        self._gauged_s = -GAUGES_S
        self._stopped: set[str] = set()
        driver.watch(self._moved)

    async def serve(self) -> None:
        """Take up what was under way, and then see for ever to what is due."""
        async with asyncio.TaskGroup() as group:
            for row in await self._reader.top_ups_in_flight(IN_FLIGHT_MAX):
                self._tell_person(row)
                self._start(group, row.reference, row.gateway, self._take_up(row))
            while True:
                try:
                    await self._look(group)
                    await self._gauge()
                    self._alarms.clear("top-ups", "due")
                except PortFailed as error:
                    self._alarms.raise_("top-ups", "due", f"cannot be looked through: {error}")
                except Exception:  # the books may be readable again in a second
                    _logger.exception("top-ups that are due cannot be looked through")
                await self._clock.sleep(LOOK_S)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        now = self._clock.now()
        for row in await self._reader.due_top_ups(now, DUE_MAX):
            if self._is_free(row.reference):
                self._start(group, row.reference, row.gateway, self._driver.see_to(row))
        for reversal in await self._reader.due_refunds(now, DUE_MAX):
            if self._is_free(reversal.key):
                self._start(group, reversal.key, reversal.gateway, self._refund(reversal))

    def _is_free(self, key: str) -> bool:
        if key in self._busy or len(self._busy) >= 2 * DUE_MAX:
            return False
        return self._not_before.get(key, 0.0) <= self._clock.monotonic()

    def _start(
        self, group: asyncio.TaskGroup, key: str, gateway: str, work: Awaitable[object]
    ) -> None:
        self._busy.add(key)
        group.create_task(self._one(key, gateway, work), name=f"top-up {key}")

    async def _one(self, key: str, gateway: str, work: Awaitable[object]) -> None:
        gate = self._gates.setdefault(gateway, asyncio.Semaphore(AT_ONCE_MAX))
        try:
            async with gate:
                await work
            self._not_before.pop(key, None)
        except PortFailed as error:
            self._not_before[key] = self._clock.monotonic() + TROUBLE_S
            _logger.warning("a top-up has to wait", extra={"key": key, "why": str(error)})
        except Exception:  # a poison one blocks nobody
            self._not_before[key] = self._clock.monotonic() + TROUBLE_S
            _logger.exception("a top-up cannot be seen to", extra={"key": key})
        finally:
            self._busy.discard(key)

    async def _take_up(self, row: TopUp) -> None:
        """What an earlier process left. Its questions were lost with it."""
        lost = _LOST.get(row.state)
        if lost is not None:
            await self._driver.happened(row, lost, "the process that asked has ended")
        elif row.state is TopUpState.ACTION_NEEDED:
            if self._clock.now() - row.moved_at < LINK_AGAIN:
                self._driver.tell(Paying(reason="again", top_up=row, follows=(Follow.LINK,)))
        else:
            await self._driver.see_to(row)

    async def _refund(self, reversal: Reversal) -> None:
        await self._driver.ask_refund(reversal)

    # ---------------------------------------------------------------- what a person sees

    def _moved(self, paying: Paying) -> None:
        if paying.stop is not None:
            self._alarms.stand("gateway", paying.stop.gateway, paying.stop.reason)
        if Follow.ALARM in paying.follows:
            self._meter.count("rtbill_topup_oddities_total")
        if paying.top_up is not None:
            self._tell_person(paying.top_up)

    def _tell_person(self, row: TopUp) -> None:
        if row.needs_person and not row.is_final:
            text = f"nobody knows what became of {row.money} at {row.gateway}; `rtbill pay resolve`"
            self._alarms.stand("top-up", row.reference, text)
        elif row.alarm and not row.is_final:
            self._alarms.stand("top-up", row.reference, row.alarm)
        else:
            self._alarms.clear("top-up", row.reference)

    async def _gauge(self) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._gauged_s + GAUGES_S:
            return
        self._gauged_s = now_s
        rows = await self._reader.top_ups_in_flight(IN_FLIGHT_MAX)
        states = Counter(row.state for row in rows)
        for state in set(TopUpState) - FINAL:
            self._meter.gauge("rtbill_topups_in_flight", states[state], state=state)
        stops = {each.gateway: each.reason for each in await self._reader.gateway_stops()}
        for gateway, reason in stops.items():
            self._alarms.stand("gateway", gateway, reason)
        for gateway in self._stopped - stops.keys():
            self._alarms.clear("gateway", gateway)
        self._stopped = set(stops)
