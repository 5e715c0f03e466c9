"""What every store does with cards that holders are about to give."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.errors import UnknownAccount
from rtbill.domain.payment_changes import (
    BeginSetUp,
    EndSetUp,
    KeepMethod,
    LookAtSetUp,
    RemoveMethod,
)
from rtbill.domain.replenishment import SET_UPS_MAX, PendingSetUp
from tests.contract.conftest import Sides
from tests.fakes.environment import NOON
from tests.fakes.till import a_method, agreement

HOUR = timedelta(hours=1)


def a_set_up(reference: str = "1", **fields: Any) -> PendingSetUp:
    """Of room-1: to be asked about in an hour, good for a day."""
    made = PendingSetUp(
        reference=reference,
        account="room-1",
        gateway="fake",
        page=f"page_{reference}",
        agreement=agreement(),
        begun_at=NOON,
        expires_at=NOON + 24 * HOUR,
        next_look=NOON + HOUR,
    )
    return replace(made, **fields)


async def test_a_set_up_is_found_by_its_reference_and_its_page_until_it_ends(books: Sides) -> None:
    store, reader = books.store, books.reader
    await store.change(BeginSetUp(a_set_up()))
    assert await reader.set_up("1") == await reader.set_up_of("fake", "page_1") == a_set_up()
    assert await reader.set_up_of("other", "page_1") is None
    await store.change(EndSetUp("1"))
    assert await reader.set_up("1") is await reader.set_up_of("fake", "page_1") is None


async def test_set_ups_that_are_due_come_in_the_order_of_their_time(books: Sides) -> None:
    store, reader = books.store, books.reader
    for number in ("1", "2", "3"):
        await store.change(BeginSetUp(a_set_up(number)))
    await store.change(LookAtSetUp("1", NOON + 2 * HOUR))
    await store.change(LookAtSetUp("unknown", NOON))
    assert [each.reference for each in await reader.due_set_ups(NOON + HOUR, 9)] == ["2", "3"]
    later = await reader.due_set_ups(NOON + 2 * HOUR, 9)
    assert [each.reference for each in later] == ["2", "3", "1"]
    assert [each.reference for each in await reader.due_set_ups(NOON + 2 * HOUR, 1)] == ["2"]


async def test_a_card_is_kept_in_the_commit_that_ends_its_set_up_and_never_again(
    books: Sides,
) -> None:
    store, reader = books.store, books.reader
    card = a_method(reference="pm_given")
    await store.change(BeginSetUp(a_set_up()))
    await store.change(KeepMethod(card, "1"))
    assert await reader.set_up("1") is None
    assert await reader.method(*card.key) == card
    await store.change(RemoveMethod("room-1", *card.key, NOON))
    await store.change(KeepMethod(card, "1"))
    removed = await reader.method(*card.key)
    assert removed is not None
    assert removed.removed_at == NOON


async def test_the_oldest_set_ups_of_an_account_end_when_there_are_too_many(books: Sides) -> None:
    for number in range(SET_UPS_MAX + 2):
        begun = NOON + timedelta(minutes=number)
        await books.store.change(BeginSetUp(a_set_up(f"{number:03}", begun_at=begun)))
    left = await books.reader.due_set_ups(NOON + 24 * HOUR, 1000)
    assert [each.reference for each in left] == [f"{each:03}" for each in range(2, SET_UPS_MAX + 2)]


async def test_a_set_up_of_an_unknown_account_is_refused(books: Sides) -> None:
    with pytest.raises(UnknownAccount):
        await books.store.change(BeginSetUp(a_set_up(account="nobody")))
