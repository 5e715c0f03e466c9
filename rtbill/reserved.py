"""Minutes and money of bundles that calls in progress count on: there for no other call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rtbill.domain.bundle import Draw, PoolKey


class Reserved:
    """What is reserved of pools, by the key of the hold that counts on it.

    In memory alone: whoever takes up a call reserves for it anew. What a call took of its pools is
    reserved until that is committed, so nothing is counted on twice.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, dict[PoolKey, int]] = {}
        self._by_pool: dict[PoolKey, int] = {}

    def put(self, key: str, draws: Iterable[Draw]) -> None:
        """The call may take these, and nothing else."""
        self.drop(key)
        wanted: dict[PoolKey, int] = {}
        for draw in draws:
            wanted[draw.pool] = wanted.get(draw.pool, 0) + draw.amount
        if wanted:
            self._by_key[key] = wanted
            for pool, amount in wanted.items():
                self._by_pool[pool] = self._by_pool.get(pool, 0) + amount

    def drop(self, key: str) -> None:
        """The call takes no more than is committed."""
        for pool, amount in self._by_key.pop(key, {}).items():
            left = self._by_pool[pool] - amount
            if left:
                self._by_pool[pool] = left
            else:
                del self._by_pool[pool]

    def by_others(self, key: str) -> Mapping[PoolKey, int]:
        """What all calls but this one count on, by pool."""
        own = self._by_key.get(key)
        if not own:
            return dict(self._by_pool)
        return {pool: amount - own.get(pool, 0) for pool, amount in self._by_pool.items()}
