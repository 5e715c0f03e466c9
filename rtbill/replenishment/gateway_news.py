"""What a provider tells, as it stands in its own books when asked, taken to where it belongs."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import assert_never

from rtbill.domain.errors import Refused
from rtbill.domain.payment import (
    Absent,
    Disputed,
    MethodGone,
    MethodReady,
    MethodRenewed,
    Outcome,
    Refunded,
    Settled,
    Told,
)
from rtbill.domain.payment_changes import KeepMethod
from rtbill.domain.top_up import TopUp
from rtbill.payment_books import PaymentReader
from rtbill.ports import Store
from rtbill.replenishment.pay_methods import PayMethods
from rtbill.replenishment.top_up_driver import TopUpDriver

_logger = logging.getLogger(__name__)


class GatewayNews:
    """Takes the steps that news entail."""

    def __init__(
        self, driver: TopUpDriver, methods: PayMethods, reader: PaymentReader, store: Store
    ) -> None:
        self._driver = driver
        self._methods = methods
        self._reader = reader
        self._store = store

    async def take(self, gateway: str, told: Told) -> str:
        """What came of it, in words for the inbox."""
        match told:
            case Settled(reference, outcome):
                return await self._payment(gateway, reference, _provider_id(outcome), outcome)
            case Refunded() | Disputed():
                return await self._payment(gateway, "", told.provider_id, told)
            case MethodReady():
                return await self._ready(told)
            case MethodGone(reference):
                return await self._gone(gateway, reference)
            case MethodRenewed():
                return await self._renewed(told)
            case _:
                assert_never(told)

    async def find(self, gateway: str, reference: str, provider_id: str) -> TopUp | None:
        """Our top-up: by our own reference first, which no other payment at this provider has."""
        if reference:
            row = await self._reader.top_up(reference)
            if row is not None and row.gateway == gateway:
                return row
        return await self._reader.top_up_of(gateway, provider_id) if provider_id else None

    async def _payment(
        self, gateway: str, reference: str, provider_id: str, told: Outcome | Refunded | Disputed
    ) -> str:
        row = await self.find(gateway, reference, provider_id)
        if row is None:
            return "not of ours"
        paying = await self._driver.heard(row, told)
        return paying.reason

    async def _ready(self, told: MethodReady) -> str:
        try:
            kept = await self._methods.ready(told.set_up, told.method)
        except Refused as refused:
            return str(refused)
        return f"kept for {kept.account}" if kept else "nobody waits for it"

    async def _gone(self, gateway: str, reference: str) -> str:
        known = await self._reader.method(gateway, reference)
        if known is None or not known.is_kept:
            return "not of ours"
        await self._methods.drop(known.account, gateway, reference)
        return f"removed from {known.account}"

    async def _renewed(self, told: MethodRenewed) -> str:
        """The same name at the provider: its label and last month are new."""
        known = await self._reader.method(told.method.gateway, told.method.reference)
        if known is None or not known.is_kept:
            return "not of ours"
        method = replace(
            known.method,
            label=told.method.label or known.method.label,
            expires=told.method.expires or known.method.expires,
        )
        await self._store.change(KeepMethod(replace(known, method=method)))
        self._methods.wake(known.account)
        return f"renewed for {known.account}"


def _provider_id(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Absent) else outcome.provider_id
