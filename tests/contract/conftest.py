"""Both kinds of books, each with one account, for the suites that every store must pass."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rtbill.domain.account import AccountState
from rtbill.domain.changes import CreateAccount
from rtbill.ports import Reader, Store
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import an_account
from tests.fakes.environment import CountingMeter, ManualClock
from tests.fakes.memory_store import MemoryStore


@dataclass(frozen=True)
class Sides:
    """A store, a reader of the same books, and their clock."""

    store: Store
    reader: Reader
    clock: ManualClock

    async def state(self, account: str = "room-1") -> AccountState:
        """As committed."""
        return next(one for one in await self.reader.accounts() if one.account.id == account)


@pytest.fixture(params=["memory", "sqlite"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sides]:
    """Books with one account, room-1, of balance zero."""
    clock = ManualClock()
    if request.param == "memory":
        memory = MemoryStore(clock)
        await memory.change(CreateAccount(an_account()))
        yield Sides(memory, memory, clock)
        return
    settings = StoreSettings(path=tmp_path / "books.db")
    async with (
        SqliteStore(settings, clock, CountingMeter()) as store,
        SqliteReader(settings.path) as reader,
    ):
        await store.change(CreateAccount(an_account()))
        yield Sides(store, reader, clock)
