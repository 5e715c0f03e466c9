"""What a person at the desk may order, by name: the command line and the local API speak to this.

Arguments and answers are plain JSON values; money is decimal text beside its currency; a date
without a time is midnight in the site's zone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from rtbill.billing import Billing
from rtbill.desk.bundles import Bundles, BundleSettings
from rtbill.desk.cash import CashDesk
from rtbill.desk.contacts import Contacts
from rtbill.desk.payer_keys import PayerKeys
from rtbill.desk.price_lists import PriceLists
from rtbill.desk.price_plans import PricePlans
from rtbill.desk.registry import Registry
from rtbill.domain.account import (
    AT_DESK,
    DeskLock,
    Incoming,
    Outgoing,
    Service,
)
from rtbill.domain.changes import LiftDeskLock, SetDeskLock
from rtbill.domain.errors import BadRecord
from rtbill.domain.pins import Pins
from rtbill.formats.wording import Wording
from rtbill.jobs import Enforcement
from rtbill.ports import Clock, Reader, Store
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.repricing.runs import Runs
from rtbill.repricing.waiting_calls import WaitingCalls

_EXTENSION = re.compile(r"[0-9A-Za-z*#+._-]{1,32}")
Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class Desk:
    """Carries out one order at a time against the books, in a running service or without one."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        billing: Billing,
        enforcement: Enforcement,
        store: Store,
        reader: Reader,
        clock: Clock,
        zone: str,
        currency: str,
        pbxs: Sequence[str],
        calendars: Calendars = NO_CALENDARS,
        pins: Pins | None = None,
        trunks: Collection[tuple[str, str]] = (),
    ) -> None:
        """`trunks` are pairs of exchange and trunk group."""
        self._billing = billing
        self._enforcement = enforcement
        self._store = store
        self._clock = clock
        self._wording = Wording(zone, pbxs)
        self._prices = asyncio.Lock()
        pins = pins or Pins()
        registry = Registry(
            billing=billing,
            store=store,
            reader=reader,
            clock=clock,
            wording=self._wording,
            pins=pins,
            trunks=trunks,
        )
        contacts = Contacts(
            directory=billing.directory, alarms=billing.alarms, store=store, reader=reader
        )
        self.runs = Runs(
            billing=billing, store=store, reader=reader, clock=clock, wording=self._wording
        )
        cash = CashDesk(billing, reader)
        waiting = WaitingCalls(billing=billing, store=store, reader=reader, clock=clock)
        self._orders: dict[str, Callable[[Arguments], Awaitable[Answer]]] = {
            "accounts.import": registry.import_accounts,
            "accounts.contact": contacts.order,
            "group.add": registry.group_add,
            "group.remove": registry.group_remove,
            **self._key_orders(reader, pins, trunks),
            **self._price_orders(reader, zone, currency, calendars),
            "credit": cash.credit,
            "refund": cash.refund,
            "lock": self._lock,
            "unlock": self._unlock,
            "calls.bill": waiting.bill,
            "calls.drop": waiting.drop,
            **self.runs.orders(),
        }

    def _key_orders(
        self, reader: Reader, pins: Pins, trunks: Collection[tuple[str, str]]
    ) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        keys = PayerKeys(
            billing=self._billing,
            store=self._store,
            reader=reader,
            clock=self._clock,
            wording=self._wording,
            pins=pins,
            trunks=trunks,
        )
        return {"group.bind": keys.bind, "group.unbind": keys.unbind}

    def _price_orders(
        self, reader: Reader, zone: str, currency: str, calendars: Calendars
    ) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        price_lists = PriceLists(
            billing=self._billing,
            store=self._store,
            reader=reader,
            clock=self._clock,
            wording=self._wording,
            zone=zone,
            currency=currency,
            calendars=calendars,
        )
        price_plans = PricePlans(
            billing=self._billing,
            store=self._store,
            reader=reader,
            clock=self._clock,
            wording=self._wording,
            currency=currency,
        )
        settings = BundleSettings(currency, zone, frozenset(calendars))
        bundles = Bundles(self._billing, self._store, self._clock, self._wording, settings)
        orders = {
            "tariff.import": price_lists.import_version,
            "plan.import": price_plans.import_version,
            **bundles.orders(),
        }
        return {verb: self._alone(order) for verb, order in orders.items()}

    def add_order(self, verb: str, order: Callable[[Arguments], Awaitable[Answer]]) -> None:
        """Teach the desk an order that needs more than the books, such as a capture."""
        self._orders[verb] = order

    def add_orders(self, orders: Mapping[str, Callable[[Arguments], Awaitable[Answer]]]) -> None:
        """The same for several."""
        for verb, order in orders.items():
            self.add_order(verb, order)

    async def order(self, verb: str, arguments: Arguments) -> Answer:
        """Carry out one order; Refused, Conflict, BadRecord say what is wrong and what to do."""
        carry_out = self._orders.get(verb)
        if carry_out is None:
            known = ", ".join(sorted(self._orders))
            raise BadRecord(f"unknown order {verb!r}; known are {known}")
        try:
            return await carry_out(arguments)
        except KeyError as missing:
            raise BadRecord(f"{verb}: argument {missing} is missing") from None

    def _alone(
        self, order: Callable[[Arguments], Awaitable[Answer]]
    ) -> Callable[[Arguments], Awaitable[Answer]]:
        """The order, one after the other with all such: each makes a price book of what it read,
        which must hold what the one before it added.
        """

        async def carried_out(arguments: Arguments) -> Answer:
            async with self._prices:
                return await order(arguments)

        return carried_out

    # ------------------------------------------------------------------ locks by hand

    async def _lock(self, arguments: Arguments) -> Answer:
        extension = self._wording.extension(arguments["extension"])
        try:
            incoming = Incoming(arguments.get("incoming") or "ring")
        except ValueError:
            raise BadRecord("incoming is `ring` or `divert`") from None
        reason = str(arguments.get("reason") or "locked at the desk")
        service = Service(Outgoing.LOCKED, incoming)
        lock = DeskLock(extension, service, reason, self._clock.now(), _by(arguments))
        await self._store.change(SetDeskLock(lock))
        self._enforcement.desk_locks[extension] = lock
        self._billing.wake()
        return {"extension": str(extension), "outgoing": "locked", "incoming": str(incoming)}

    async def _unlock(self, arguments: Arguments) -> Answer:
        extension = self._wording.extension(arguments["extension"])
        reason = str(arguments.get("reason") or "unlocked at the desk")
        change = LiftDeskLock(extension, self._clock.now(), _by(arguments), reason)
        await self._store.change(change)
        self._enforcement.desk_locks.pop(extension, None)
        self._billing.wake()
        wanted = self._enforcement.wanted_of(extension.pbx, [extension.number]).get(
            extension.number, Service()
        )
        answer: Answer = {
            "extension": str(extension),
            "outgoing": str(wanted.outgoing),
            "incoming": str(wanted.incoming),
        }
        if wanted != Service():
            answer["note"] = "still locked for want of money; crediting the account opens it"
        return answer


def _by(arguments: Arguments) -> str:
    """Who orders about a lock by hand."""
    return str(arguments.get("by") or AT_DESK)
