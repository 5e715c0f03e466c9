"""The part of ports.Reader about bundles: which there are, who holds them, what is used of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from rtbill.domain.bundle import Bundle, GivenAllowance, PoolKey, Pools, PostedDraw
from rtbill.domain.call import epoch_us
from rtbill.storage.bulk import Row
from rtbill.storage.bundle_rows import BUNDLE_COLUMNS, bundle_from, given_from
from rtbill.storage.draw_rows import DRAW_COLUMNS, posted_draw_from

_T = TypeVar("_T")
_KEYS_MAX = 500

# ruff: noqa: S608 - the only names put into these texts are constants of rtbill.storage
_BUNDLES = f"SELECT {BUNDLE_COLUMNS} FROM bundle ORDER BY name, version"
_ALLOWANCES = """
    SELECT key, name, version, since, until, given_at, reason, json_group_array(account)
    FROM allowance JOIN bundle ON bundle.id = bundle JOIN allowance_account ON allowance = key
    GROUP BY key ORDER BY key
"""
_RECENT_POOLS = """
    SELECT allowance, period, used FROM pool JOIN allowance ON key = allowance
    JOIN bundle ON bundle.id = bundle WHERE period >= ? OR renewal = 'never'
"""
_POOLS = "SELECT allowance, period, used FROM pool WHERE (allowance, period) IN (VALUES {})"
_DRAWS = f"""
    SELECT {DRAW_COLUMNS} FROM draw
    WHERE call IN (SELECT call.key FROM call WHERE account = ?)
    AND posted_at >= coalesce(?, posted_at) AND posted_at < coalesce(?, posted_at + 1)
    ORDER BY id
"""


class BundleReader(ABC):
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

    async def bundles(self) -> Sequence[Bundle]:
        """Every version of every bundle, by name."""
        return await self._list(bundle_from, _BUNDLES)

    async def allowances(self) -> Sequence[GivenAllowance]:
        """All that were ever given, by key."""
        return await self._list(given_from, _ALLOWANCES)

    async def recent_pools(self, since: datetime) -> Pools:
        """What is used of those whose period begins then or later, and of those without an end."""
        return dict(await self._list(_pool, _RECENT_POOLS, epoch_us(since)))

    async def pools(self, keys: Sequence[PoolKey]) -> Pools:
        """What is used of these."""
        found: dict[PoolKey, int] = {}
        for start in range(0, len(keys), _KEYS_MAX):
            part = keys[start : start + _KEYS_MAX]
            query = _POOLS.format(",".join(["(?, ?)"] * len(part)))
            values: list[str | int] = [value for key in part for value in key]
            found |= dict(await self._list(_pool, query, *values))
        return found

    async def draws(
        self, account: str, since: datetime | None, until: datetime | None
    ) -> Sequence[PostedDraw]:
        """What the account's calls took and gave back from `since` up to, not including, `until`,
        in order.
        """
        bounds = [None if instant is None else epoch_us(instant) for instant in (since, until)]
        return await self._list(posted_draw_from, _DRAWS, account, *bounds)


def _pool(row: Row) -> tuple[PoolKey, int]:
    return PoolKey(row[0], row[1]), row[2]
