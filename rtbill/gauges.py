"""Gauges that nobody sets as things happen: they are counted every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rtbill.billing import Billing
from rtbill.jobs import Enforcement
from rtbill.ports import Clock, Meter, Store

EVERY_S = 5.0
ACCOUNTS_SLICE = 100
"""Accounts with open holds that are looked at before others get their turn."""


async def keep_gauges(
    billing: Billing, rounds: Enforcement, store: Store, meter: Meter, clock: Clock
) -> None:
    """Count and set them for ever."""
    gauges = Gauges(billing, rounds, store, meter)
    while True:
        await gauges.refresh()
        await clock.sleep(EVERY_S)


class Gauges:
    """Remembers what was shown, so that what is over falls to 0."""

    def __init__(self, billing: Billing, rounds: Enforcement, store: Store, meter: Meter) -> None:
        self._billing = billing
        self._rounds = rounds
        self._store = store
        self._meter = meter
        self._held: dict[str, int] = {}
        self._by_kind: dict[str, int] = {}

    async def refresh(self) -> None:
        """Set all of them."""
        self._meter.gauge("rtbill_store_queue", self._store.queued)
        await self._count_holds()
        await self._count_services()
        self._count_alarms()

    async def _count_holds(self) -> None:
        """Open holds by exchange, and by currency what they come to."""
        holds = dict.fromkeys(self._billing.lines, 0)
        held = dict.fromkeys(self._held, 0)
        for count, state in enumerate(self._billing.directory.holding(), start=1):
            currency = state.account.currency
            held[currency] = held.get(currency, 0) + state.held_micros
            for hold in state.holds:
                holds[hold.pbx] = holds.get(hold.pbx, 0) + 1
            if count % ACCOUNTS_SLICE == 0:
                await asyncio.sleep(0)
        self._held = held
        self._show("rtbill_holds_open", holds, "pbx")
        self._show("rtbill_held_micros", held, "currency")

    async def _count_services(self) -> None:
        wanted = confirmed = differing = 0
        for line in self._billing.lines.values():
            name = line.pbx.name
            self._meter.gauge("rtbill_calls_live", line.tracker.count(), pbx=name)
            undone = len(self._rounds.would_lock(name))
            self._meter.gauge("rtbill_services_left_undone", undone, pbx=name)
            tally = await self._rounds.tally(line)
            wanted += tally.wanted
            confirmed += tally.confirmed
            differing += len(tally.differing)
        self._meter.gauge("rtbill_services_wanted", wanted)
        self._meter.gauge("rtbill_services_confirmed", confirmed)
        self._meter.gauge("rtbill_services_differing", differing)

    def _count_alarms(self) -> None:
        by_kind = dict.fromkeys(self._by_kind, 0)
        for alarm in self._billing.alarms.active():
            by_kind[alarm.kind] = by_kind.get(alarm.kind, 0) + 1
        self._by_kind = by_kind
        self._show("rtbill_alarms", by_kind, "kind")

    def _show(self, name: str, values: Mapping[str, int], label: str) -> None:
        for value, count in values.items():
            self._meter.gauge(name, count, **{label: value})
