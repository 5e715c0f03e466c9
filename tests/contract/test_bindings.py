"""Codes, PINs and trunks in every store, and calls and legs that say where they came from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rtbill.domain.changes import Bind, CreateAccount, Together, Unbind
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.origin import Origin
from rtbill.domain.payer_key import Binding, KeyKind, PayerKey
from tests.contract.conftest import Sides
from tests.fakes.books import a_call, a_leg, a_record, an_account, posting
from tests.fakes.environment import NOON

DAY = timedelta(days=1)
CODE = PayerKey(KeyKind.CODE, "4711")


def bound(account: str = "room-1", key: PayerKey = CODE, **dates: object) -> Binding:
    return replace(Binding(account=account, key=key, valid_from=NOON), **dates)  # type: ignore[arg-type]


async def test_keys_are_read_as_they_were_bound(books: Sides) -> None:
    kept = [
        bound(person="Lena", valid_until=NOON + DAY),
        bound(key=PayerKey(KeyKind.PIN, "9b2f" * 10)),
        bound(key=PayerKey(KeyKind.TRUNK, "branch", "hotel")),
        bound(key=PayerKey(KeyKind.CODE, "branch")),
    ]
    await books.store.change(Together(tuple(Bind(each) for each in kept)))
    found = await books.reader.bindings()
    assert sorted(found, key=lambda each: each.key) == sorted(kept, key=lambda each: each.key)


async def test_a_key_stands_for_one_account_at_a_time(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    await books.store.change(Bind(bound()))
    with pytest.raises(Conflict, match="account code 4711 belongs to account room-1"):
        await books.store.change(Bind(bound("room-2")))
    await books.store.change(Bind(bound("room-2", valid_from=NOON + DAY), move=True))
    assert await books.reader.bindings() == [
        bound(valid_until=NOON + DAY),
        bound("room-2", valid_from=NOON + DAY),
    ]


async def test_a_key_ends_when_it_is_taken_away(books: Sides) -> None:
    await books.store.change(Bind(bound()))
    await books.store.change(Unbind("room-1", CODE, NOON + DAY))
    assert await books.reader.bindings() == [bound(valid_until=NOON + DAY)]
    with pytest.raises(Refused, match="nobody holds account code 4711"):
        await books.store.change(Unbind("room-1", CODE, NOON + DAY))


async def test_what_would_tell_a_pin_is_in_no_refusal(books: Sides) -> None:
    digest = "9b2f" * 10
    pin = PayerKey(KeyKind.PIN, digest)
    await books.store.change(Bind(bound(key=pin)))
    with pytest.raises(Conflict) as refused:
        await books.store.change(Bind(bound(key=pin)))
    assert digest not in str(refused.value)


async def test_a_key_is_bound_to_an_account_that_exists(books: Sides) -> None:
    with pytest.raises(UnknownAccount, match="nobody"):
        await books.store.change(Bind(bound("nobody")))


async def test_a_transaction_that_fails_binds_nothing(books: Sides) -> None:
    with pytest.raises(UnknownAccount):
        await books.store.change(Together((Bind(bound()), Bind(bound("nobody")))))
    assert await books.reader.bindings() == []


async def test_a_call_keeps_where_it_came_from(books: Sides) -> None:
    record = a_record(origin=Origin("4711", "branch"))
    await books.store.submit(posting(a_call(record=record)))
    found = await books.reader.call("hotel/1")
    assert found is not None
    assert found.record.origin == Origin("4711", "branch")


async def test_a_leg_in_progress_keeps_where_it_came_from(books: Sides) -> None:
    leg = replace(a_leg(), origin=Origin("pin:" + "9b2f" * 10, "branch"))
    books.store.note_live(leg)
    await books.store.change(Bind(bound()))
    [row] = await books.reader.live_rows()
    assert row.leg == leg
