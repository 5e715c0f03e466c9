"""An open store on a file, with the builders of tests/fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rtbill.domain.changes import CreateAccount
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import an_account
from tests.fakes.environment import CountingMeter, ManualClock


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    """Short pauses between tries."""
    return StoreSettings(
        path=tmp_path / "books.db",
        close_timeout_s=5,
        retry_pause_min_s=0.01,
        retry_pause_max_s=0.05,
    )


@pytest.fixture
def meter() -> CountingMeter:
    """What the store measured."""
    return CountingMeter()


@pytest.fixture
async def store(settings: StoreSettings, meter: CountingMeter) -> AsyncIterator[SqliteStore]:
    """Open, with one account, room-1, of balance zero."""
    async with SqliteStore(settings, ManualClock(), meter) as opened:
        await opened.change(CreateAccount(an_account()))
        yield opened
