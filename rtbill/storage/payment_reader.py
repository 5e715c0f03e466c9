"""The part of ports.Reader about payments: top-ups, what pays them, what waits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from rtbill.domain.call import epoch_us, from_epoch_us
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
from rtbill.storage.bulk import Row
from rtbill.storage.payment_rows import (
    INBOX_COLUMNS,
    LINK_COLUMNS,
    METHOD_COLUMNS,
    REPLENISHMENT_COLUMNS,
    REVERSAL_COLUMNS,
    SET_UP_COLUMNS,
    STOP_COLUMNS,
    TOP_UP_COLUMNS,
    TOP_UP_EVENT_COLUMNS,
    event_from,
    inbox_from,
    link_from,
    method_from,
    month_number,
    replenishment_from,
    reversal_from,
    set_up_from,
    stop_from,
    top_up_from,
)
from rtbill.storage.payment_steps import IN_FLIGHT, OF_PAYMENT

_T = TypeVar("_T")

# ruff: noqa: S608 - the only names put into these texts are constants of rtbill.storage
_TOP_UPS = f"SELECT {TOP_UP_COLUMNS} FROM top_up"
_NEWEST = "ORDER BY wanted_at DESC, reference DESC LIMIT ?"
_METHODS = f"SELECT {METHOD_COLUMNS} FROM payment_method"
_SETTINGS = f"SELECT {REPLENISHMENT_COLUMNS} FROM replenishment"
_SET_UPS = f"SELECT {SET_UP_COLUMNS} FROM set_up"
_PAID = (
    f"{_TOP_UPS} WHERE gateway = ? AND paid_at >= ? AND paid_at < ? AND paid_at IS NOT NULL"
    " ORDER BY paid_at, reference"
)
_CUSTOMER = (
    "SELECT customer FROM payment_method WHERE account = ? AND gateway = ? AND customer <> ''"
    " ORDER BY kept_at DESC LIMIT 1"
)


class PaymentRows(ABC):
    """Queries of a reader that can list rows."""

    @abstractmethod
    async def _list(
        self,
        convert: Callable[[Row], _T],
        query: str,
        *values: str | int | None,
        **named: str | int | None,
    ) -> list[_T]:
        """The rows of a query, as values."""

    async def top_up(self, reference: str) -> TopUp | None:
        """The top-up of this reference."""
        return _first(await self._list(top_up_from, f"{_TOP_UPS} WHERE reference = ?", reference))

    async def top_up_of(self, gateway: str, provider_id: str) -> TopUp | None:
        """The one that the provider knows by this id."""
        return _first(await self._list(top_up_from, OF_PAYMENT, gateway, provider_id))

    async def top_ups(self, account: str | None, limit: int) -> Sequence[TopUp]:
        """Of one account, or of all; newest first."""
        if account is None:
            return await self._list(top_up_from, f"{_TOP_UPS} {_NEWEST}", limit)
        query = f"{_TOP_UPS} WHERE account = ? {_NEWEST}"
        return await self._list(top_up_from, query, account, limit)

    async def top_ups_paid(self, gateway: str, since: datetime, until: datetime) -> Sequence[TopUp]:
        """Credited from `since` up to, not including, `until`, oldest first."""
        span = epoch_us(since), epoch_us(until)
        return await self._list(top_up_from, _PAID, gateway, *span)

    async def top_ups_in_flight(self, limit: int) -> Sequence[TopUp]:
        """Those that are not final, oldest first."""
        query = f"{_TOP_UPS} WHERE {IN_FLIGHT} ORDER BY wanted_at, reference LIMIT ?"
        return await self._list(top_up_from, query, limit)

    async def due_top_ups(self, at: datetime, limit: int) -> Sequence[TopUp]:
        """Those that have to be seen to by then, the most overdue first."""
        query = (
            f"{_TOP_UPS} WHERE next_look IS NOT NULL AND next_look <= ?"
            " ORDER BY next_look, reference LIMIT ?"
        )
        return await self._list(top_up_from, query, epoch_us(at), limit)

    async def top_up_events(self, reference: str) -> Sequence[TopUpEvent]:
        """Its steps, in order."""
        query = (
            f"SELECT {TOP_UP_EVENT_COLUMNS} FROM top_up_event WHERE reference = ? ORDER BY number"
        )
        return await self._list(event_from, query, reference)

    async def reversals(self, top_up: str) -> Sequence[Reversal]:
        """What became of its refunds and disputes, by the time of their stage."""
        query = f"SELECT {REVERSAL_COLUMNS} FROM reversal WHERE top_up = ? ORDER BY at, key"
        return await self._list(reversal_from, query, top_up)

    async def reversals_of(
        self, gateway: str, since: datetime, until: datetime
    ) -> Sequence[Reversal]:
        """Those of one provider that came to their stage in this span, oldest first."""
        query = (
            f"SELECT {REVERSAL_COLUMNS} FROM reversal WHERE gateway = ? AND at >= ? AND at < ?"
            " ORDER BY at, key"
        )
        span = epoch_us(since), epoch_us(until)
        return await self._list(reversal_from, query, gateway, *span)

    async def due_refunds(self, at: datetime, limit: int) -> Sequence[Reversal]:
        """Refunds of ours that have to be asked for by then, the most overdue first."""
        query = (
            f"SELECT {REVERSAL_COLUMNS} FROM reversal WHERE next_try IS NOT NULL AND next_try <= ?"
            " ORDER BY next_try, key LIMIT ?"
        )
        return await self._list(reversal_from, query, epoch_us(at), limit)

    async def methods(self, account: str) -> Sequence[KeptMethod]:
        """What the account may be topped up from, in the order in which it was kept."""
        query = f"{_METHODS} WHERE account = ? AND removed_at IS NULL ORDER BY kept_at, reference"
        return await self._list(method_from, query, account)

    async def method(self, gateway: str, reference: str) -> KeptMethod | None:
        """The one that the provider knows by this name, whoever's it is, also when removed."""
        query = f"{_METHODS} WHERE gateway = ? AND reference = ?"
        return _first(await self._list(method_from, query, gateway, reference))

    async def customer(self, account: str, gateway: str) -> str:
        """The provider's name for the account's holder; empty where it has none."""
        return _first(await self._list(lambda row: str(row[0]), _CUSTOMER, account, gateway)) or ""

    async def expiring_methods(self, until: tuple[int, int]) -> Sequence[KeptMethod]:
        """Kept ones whose last good month is this or earlier, the first to expire first."""
        query = (
            f"{_METHODS} WHERE removed_at IS NULL AND expires <= ? ORDER BY expires, account,"
            " reference"
        )
        return await self._list(method_from, query, month_number(until))

    async def replenishments(self) -> Sequence[Replenishment]:
        """Every account's settings, by account."""
        return await self._list(replenishment_from, f"{_SETTINGS} ORDER BY account")

    async def replenishment(self, account: str) -> Replenishment | None:
        """One account's settings."""
        query = f"{_SETTINGS} WHERE account = ?"
        return _first(await self._list(replenishment_from, query, account))

    async def gateway_stops(self) -> Sequence[GatewayStop]:
        """Providers at which nothing is begun, and why."""
        query = f"SELECT {STOP_COLUMNS} FROM gateway_stop ORDER BY gateway"
        return await self._list(stop_from, query)

    async def waiting_gateway_events(self, limit: int) -> Sequence[InboxEvent]:
        """Those not processed, the least tried and then the oldest first."""
        query = (
            f"SELECT {INBOX_COLUMNS} FROM gateway_event WHERE processed_at IS NULL"
            " ORDER BY tries, at, gateway, id LIMIT ?"
        )
        return await self._list(inbox_from, query, limit)

    async def newest_gateway_event(self, gateway: str) -> datetime | None:
        """When the newest that it told happened."""
        query = "SELECT max(at) FROM gateway_event WHERE gateway = ?"
        [(at,)] = await self._list(tuple, query, gateway)
        return None if at is None else from_epoch_us(at)

    async def set_up(self, reference: str) -> PendingSetUp | None:
        """The one of this reference that is waited for."""
        query = f"{_SET_UPS} WHERE reference = ?"
        return _first(await self._list(set_up_from, query, reference))

    async def set_up_of(self, gateway: str, page: str) -> PendingSetUp | None:
        """The one for which the provider made this page."""
        query = f"{_SET_UPS} WHERE gateway = ? AND page = ?"
        return _first(await self._list(set_up_from, query, gateway, page))

    async def due_set_ups(self, at: datetime, limit: int) -> Sequence[PendingSetUp]:
        """Those to ask about by then, the most overdue first."""
        query = f"{_SET_UPS} WHERE next_look <= ? ORDER BY next_look, reference LIMIT ?"
        return await self._list(set_up_from, query, epoch_us(at), limit)

    async def pay_link(self, token_hash: str) -> PayLink | None:
        """The link of this hash, used or not."""
        query = f"SELECT {LINK_COLUMNS} FROM pay_link WHERE token_hash = ?"
        return _first(await self._list(link_from, query, token_hash))


def _first(found: Sequence[_T]) -> _T | None:
    return found[0] if found else None
