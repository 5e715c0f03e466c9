"""Accounts whose service may have become another without a movement of their own money."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Turned:
    """Filled as bundles are used up or renewed; emptied by one task, some at a time."""

    def __init__(self) -> None:
        self._accounts: dict[str, None] = {}
        self.arrived = asyncio.Event()

    def add(self, accounts: Iterable[str]) -> None:
        """To be looked at."""
        self._accounts.update(dict.fromkeys(accounts))
        if self._accounts:
            self.arrived.set()

    def take(self, count_max: int) -> list[str]:
        """The next of them, in the order in which they came; none when all are looked at."""
        taken = list(self._accounts)[:count_max]
        for account in taken:
            del self._accounts[account]
        if not self._accounts:
            self.arrived.clear()
        return taken
