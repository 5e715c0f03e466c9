"""The simulation's store keeps the contract of every store, however late it commits."""

from __future__ import annotations

import random

import pytest

from rtbill.domain.changes import CreateAccount
from tests.contract import test_observations, test_rerating, test_store
from tests.contract.conftest import Sides
from tests.fakes.books import an_account
from tests.fakes.environment import ManualClock
from tests.fakes.memory_store import MemoryStore
from tests.simulation.store import Disk, LateStore

# The contract's own tests, run once more with the fixture below.
globals().update(
    {
        name: test
        for suite in (test_store, test_observations, test_rerating)
        for name, test in vars(suite).items()
        if name.startswith("test_")
    }
)


@pytest.fixture
async def books() -> Sides:
    """Books with one account, room-1, of balance zero."""
    clock = ManualClock()
    memory = MemoryStore(clock)
    store = LateStore(Disk(memory), random.Random(1), slowest_s=0.0001, queue_max=1000)
    await store.change(CreateAccount(an_account()))
    return Sides(store, memory, clock)
