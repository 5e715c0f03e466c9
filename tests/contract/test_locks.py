"""Locks by hand: whose they are, and what becomes of those that are replaced or lifted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtbill.domain.account import DeskLock, Extension, Incoming, LiftedLock, Outgoing, Service
from rtbill.domain.changes import LiftDeskLock, SetDeskLock
from rtbill.domain.errors import Refused
from tests.contract.conftest import Sides
from tests.fakes.environment import NOON

DESK = Extension("hotel", "1001")
LOCKED = Service(Outgoing.LOCKED, Incoming.DIVERT)


async def test_a_desk_lock_is_replaced_and_lifted(books: Sides) -> None:
    lock = DeskLock(DESK, LOCKED, "left without paying", NOON)
    first = replace(lock, reason="first", by="api:billing")
    await books.store.change(SetDeskLock(first))
    await books.store.change(SetDeskLock(lock))
    assert await books.reader.desk_locks() == [lock]
    lift = LiftDeskLock(DESK, NOON, "desk", "has paid")
    await books.store.change(lift)
    await books.store.change(lift)
    assert await books.reader.desk_locks() == []
    assert await books.reader.lifted_locks(9) == [
        LiftedLock(lock, NOON, "desk", "has paid"),
        LiftedLock(first, NOON, "desk", "replaced: left without paying"),
    ]


async def test_what_the_desk_locked_no_other_replaces_or_lifts(books: Sides) -> None:
    lock = DeskLock(DESK, LOCKED, "fraud", NOON)
    others = replace(lock, reason="not paid", by="api:billing")
    await books.store.change(SetDeskLock(others))
    await books.store.change(LiftDeskLock(DESK, NOON, "api:another", "paid"))
    assert await books.reader.lifted_locks(9) == [LiftedLock(others, NOON, "api:another", "paid")]
    await books.store.change(SetDeskLock(others))
    await books.store.change(SetDeskLock(lock))
    for change in (SetDeskLock(others), LiftDeskLock(DESK, NOON, "api:billing", "paid")):
        with pytest.raises(Refused, match=r"is locked at the desk \(fraud\); `rtbill unlock`"):
            await books.store.change(change)
    assert await books.reader.desk_locks() == [lock]
    await books.store.change(LiftDeskLock(DESK, NOON, "desk", "it was not"))
    lifted = [each.reason for each in await books.reader.lifted_locks(9)]
    assert lifted == ["it was not", "replaced: fraud", "paid"]
    assert [each.reason for each in await books.reader.lifted_locks(1)] == ["it was not"]
