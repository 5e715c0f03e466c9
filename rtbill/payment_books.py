"""The part of ports.Reader about payments: reading for people, for start-up and for what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rtbill.domain.replenishment import (
    GatewayStop,
    InboxEvent,
    KeptMethod,
    PayLink,
    PendingSetUp,
    Replenishment,
)
from rtbill.domain.top_up import (
    Reversal,
    TopUp,
    TopUpEvent,
)


class PaymentReader(Protocol):
    """What the books hold about payments, as committed; never used to decide about money."""

    async def top_up(self, reference: str) -> TopUp | None:
        """The top-up of this reference."""
        ...

    async def top_up_of(self, gateway: str, provider_id: str) -> TopUp | None:
        """The one that the provider knows by this id."""
        ...

    async def top_ups(self, account: str | None, limit: int) -> Sequence[TopUp]:
        """Of one account, or of all; newest first."""
        ...

    async def top_ups_paid(self, gateway: str, since: datetime, until: datetime) -> Sequence[TopUp]:
        """Credited in this span, oldest first: to compare with the provider's list."""
        ...

    async def top_ups_in_flight(self, limit: int) -> Sequence[TopUp]:
        """Those that are not final, oldest first."""
        ...

    async def due_top_ups(self, at: datetime, limit: int) -> Sequence[TopUp]:
        """Those that have to be seen to by then, the most overdue first."""
        ...

    async def top_up_events(self, reference: str) -> Sequence[TopUpEvent]:
        """Its steps, in order."""
        ...

    async def reversals(self, top_up: str) -> Sequence[Reversal]:
        """What became of its refunds and disputes, oldest first."""
        ...

    async def reversals_of(
        self, gateway: str, since: datetime, until: datetime
    ) -> Sequence[Reversal]:
        """Those of one provider that came to their stage in this span, oldest first."""
        ...

    async def due_refunds(self, at: datetime, limit: int) -> Sequence[Reversal]:
        """Refunds of ours that the provider has to be asked for by then; each has its own time, so
        none blocks the others.
        """
        ...

    async def methods(self, account: str) -> Sequence[KeptMethod]:
        """What the account may be topped up from; removed ones are left out."""
        ...

    async def method(self, gateway: str, reference: str) -> KeptMethod | None:
        """The one that the provider knows by this name, whoever's it is."""
        ...

    async def customer(self, account: str, gateway: str) -> str:
        """The provider's name for the account's holder; empty where it has none."""
        ...

    async def expiring_methods(self, until: tuple[int, int]) -> Sequence[KeptMethod]:
        """Kept ones whose last good month is this (year, month) or earlier."""
        ...

    async def replenishments(self) -> Sequence[Replenishment]:
        """Every account's settings, by account."""
        ...

    async def replenishment(self, account: str) -> Replenishment | None:
        """One account's settings."""
        ...

    async def gateway_stops(self) -> Sequence[GatewayStop]:
        """Providers at which nothing is begun, and why."""
        ...

    async def waiting_gateway_events(self, limit: int) -> Sequence[InboxEvent]:
        """Those not processed, the least tried and then the oldest first."""
        ...

    async def newest_gateway_event(self, gateway: str) -> datetime | None:
        """When the newest that it told happened: where asking after an outage begins."""
        ...

    async def set_up(self, reference: str) -> PendingSetUp | None:
        """The set-up of this reference, as long as it is waited for."""
        ...

    async def set_up_of(self, gateway: str, page: str) -> PendingSetUp | None:
        """The one for which the provider made this page, as long as it is waited for."""
        ...

    async def due_set_ups(self, at: datetime, limit: int) -> Sequence[PendingSetUp]:
        """Those that the provider is to be asked about by then, the most overdue first."""
        ...

    async def pay_link(self, token_hash: str) -> PayLink | None:
        """The link of this hash, used or not."""
        ...
