"""Accounts whose balance is to be looked at: each once, those with calls in progress first."""

from __future__ import annotations

import asyncio

from rtbill.ports import Clock

SECONDS_PER_MINUTE = 60.0


class TopUpQueue:
    """Bounded by the number of accounts: one that waits is not put in again, and one that is being
    looked at is looked at once more afterwards.
    """

    def __init__(self) -> None:
        self._urgent: dict[str, float] = {}
        self._others: dict[str, float] = {}
        self._taken: dict[str, float | None] = {}
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    @property
    def taken(self) -> int:
        """So many are being looked at."""
        return len(self._taken)

    def put(self, account: str, since_s: float, *, is_urgent: bool) -> None:
        """It has needed a look since then."""
        if account in self._taken:
            again = self._taken[account]
            self._taken[account] = since_s if again is None else again
            return
        if account in self._urgent:
            return
        if is_urgent:
            self._urgent[account] = self._others.pop(account, since_s)
        else:
            self._others.setdefault(account, since_s)
        self._arrived.set()

    def drop(self, account: str) -> None:
        """It needs no look any more."""
        self._urgent.pop(account, None)
        self._others.pop(account, None)
        if account in self._taken:
            self._taken[account] = None

    async def take(self) -> tuple[str, float]:
        """The next account and since when it waits; `done` follows."""
        while not self._urgent and not self._others:
            self._arrived.clear()
            await self._arrived.wait()
        waiting = self._urgent or self._others
        account = next(iter(waiting))
        since_s = waiting.pop(account)
        self._taken[account] = None
        return account, since_s

    def done(self, account: str) -> float | None:
        """It was looked at; since when it needs another look, if it does."""
        return self._taken.pop(account, None)


class TokenBucket:
    """So many a minute, evenly; as many at once after a pause."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        assert per_minute > 0
        self._per_s = per_minute / SECONDS_PER_MINUTE
        self._size = float(per_minute)
        self._clock = clock
        self._tokens, self._counted_s = self._size, clock.monotonic()

    async def take(self) -> None:
        """Return when it is somebody's turn."""
        while not self._has_one():
            await self._clock.sleep((1.0 - self._tokens) / self._per_s)

    def _has_one(self) -> bool:
        now_s = self._clock.monotonic()
        earned = (now_s - self._counted_s) * self._per_s
        self._tokens, self._counted_s = min(self._size, self._tokens + earned), now_s
        if self._tokens < 1.0 - 1e-9:  # a float's last digits must not cost a whole turn
            return False
        self._tokens -= 1.0
        return True
