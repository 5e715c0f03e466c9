"""Minutes and money of bundles that calls in progress count on: there for no other call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from balance.holds import ROUNDED_UP_MAX_S, Wish
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Draw, PoolKey


class Reserved:
    """What is reserved of pools, by the key of the hold that counts on it.

    In memory alone: whoever takes up a call reserves for it anew. A call that is over keeps what is
    reserved for it until its end is committed: no new hold counts on that. The ends of others come
    after its own in the store and find what it took.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, dict[PoolKey, int]] = {}
        self._by_pool: dict[PoolKey, int] = {}
        self._ending: set[str] = set()

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

    def for_next(self, state: AccountState, wish: Wish) -> None:
        """The call may take what its next slice takes at most, besides what it is granted now."""
        hold = state.hold(wish.key)
        from_s = max(wish.talked_s, hold.granted_s if hold else 0)
        most_s = from_s + wish.terms.slice_max_s + ROUNDED_UP_MAX_S
        self.put(wish.key, wish.pricing.draws(most_s))

    def end(self, key: str) -> None:
        """The call is over, and its end is handed to the store."""
        if key in self._by_key:
            self._ending.add(key)

    def drop(self, key: str) -> None:
        """The call takes no more than is committed."""
        self._ending.discard(key)
        for pool, amount in self._by_key.pop(key, {}).items():
            left = self._by_pool[pool] - amount
            if left:
                self._by_pool[pool] = left
            else:
                del self._by_pool[pool]

    def by_others(self, key: str, *, going_on: bool = False) -> Mapping[PoolKey, int]:
        """What all calls but this one count on, by pool; of those that go on alone."""
        others = dict(self._by_pool)
        for without in {key, *(self._ending if going_on else ())}:
            for pool, amount in self._by_key.get(without, {}).items():
                others[pool] -= amount
        return others
