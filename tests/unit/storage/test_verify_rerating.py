"""Damage to runs and newer prices that the proof of the books must find."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest

from balance import ledger
from rtbill.domain.changes import AddRun, CreateAccount, MarkInvoiced, MoveRun
from rtbill.domain.rated import START, Repriced
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection
from rtbill.domain.work import Repricing
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.verify_rerating import RERATING_PROOFS
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_price, an_account, credit, posting
from tests.fakes.environment import NOON, CountingMeter, ManualClock

TRIGGERS = (
    *("call_settled_is_final", "call_invoiced_once", "transfer_is_final", "transfer_is_kept"),
    *("rerated_call_is_final", "rerated_call_is_kept", "rerating_is_kept"),
)
PRICES = (100_000, 0, 300_000)
"""What three runs, one after the other, make of calls that cost 0.25."""


@pytest.fixture
async def sound(settings: StoreSettings) -> StoreSettings:
    """Closed books in which three runs changed two calls, one of them invoiced; a third call costs
    nothing any more.
    """
    clock = ManualClock()
    async with (
        SqliteStore(settings, clock, CountingMeter()) as store,
        SqliteReader(settings.path) as reader,
    ):
        await store.change(CreateAccount(an_account()))
        await store.submit(credit("one"))
        for leg in ("plain", "invoiced", "gone"):
            await store.submit(posting(a_call(leg)))
        await store.change(MarkInvoiced(("hotel/invoiced",), "2026-10"))
        for number, micros in enumerate(PRICES, start=1):
            await _carry_out(store, reader, number, micros)
    return settings


async def _carry_out(store: SqliteStore, reader: SqliteReader, number: int, micros: int) -> None:
    run = Run(
        id=number,
        kind=RunKind.RERATE,
        state=RunState.PLANNED,
        made_at=NOON,
        made_by="kim",
        moved_at=NOON,
        selection=Selection(),
        prices="digest",
        newest_call=10,
        looked_at=3,
    )
    calls = [
        Repriced(call, a_price(0 if call.key == "hotel/gone" else micros))
        for call in await reader.priced_calls("room-1", run, START, 10)
    ]
    calls = [each for each in calls if each.call.micros != each.price.micros]
    difference = Difference(
        account="room-1",
        currency="EUR",
        changed=len(calls),
        unpriced=0,
        old_micros=sum(each.call.micros for each in calls),
        new_micros=sum(each.price.micros for each in calls),
    )
    await store.change(AddRun(run, (difference,)))
    await store.change(MoveRun(number, RunState.UNDER_WAY, NOON))
    decide = partial(ledger.reprice, run=number, at=NOON)
    slice_ = Repricing(
        run=number,
        account="room-1",
        calls=tuple(calls),
        is_last=True,
        decide=lambda state, left, _pools: decide(state, calls=left),
    )
    await store.reprice(slice_)
    await store.change(MoveRun(number, RunState.DONE, NOON))


@contextlib.contextmanager
def by_hand(settings: StoreSettings) -> Iterator[sqlite3.Connection]:
    """A connection without triggers, checks and references."""
    with contextlib.closing(sqlite3.connect(settings.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        yield connection


def test_books_with_calls_rated_again_have_no_problem(sound: StoreSettings) -> None:
    assert verify(sound.path) == []


_PLAIN = "(SELECT id FROM call WHERE key = 'hotel/plain')"
_TRANSFER = "(SELECT id FROM transfer WHERE key = '{}')"
_BACK = _TRANSFER.format("rerate:1:room-1:hotel/plain:back")
DAMAGE = {
    "a newer price of another account": (
        f"UPDATE rerated_call SET account = 'room-9' WHERE run = 3 AND call = {_PLAIN}",
        "run 3 did not post the price of call hotel/plain as it says",
    ),
    "an old price that was changed": (
        f"UPDATE rerated_call SET old_micros = 1 WHERE run = 2 AND call = {_PLAIN}",
        "run 2 takes call hotel/plain from 1 micros, but it cost 100000",
    ),
    "a newer price that was changed": (
        f"UPDATE rerated_call SET price_micros = 1 WHERE run = 3 AND call = {_PLAIN}",
        "call hotel/plain owes 1 micros, but was debited 3 times, in all 300000 micros",
    ),
    "a newer price of nothing that was not": (
        f"UPDATE rerated_call SET price_micros = 0 WHERE run = 3 AND call = {_PLAIN}",
        "call hotel/plain owes nothing, but its transfers make 300000 micros",
    ),
    "a newer price that was taken out": (
        f"DELETE FROM rerated_call WHERE run = 3 AND call = {_PLAIN}",
        "run 3 is done with 2 calls done, the books hold 1",
    ),
    "a posting that is not named": (
        f"UPDATE rerated_call SET posting = NULL WHERE run = 3 AND call = {_PLAIN}",
        "run 3 did not post the price of call hotel/plain as it says",
    ),
    "an adjustment that is not named": (
        "UPDATE rerated_call SET posting = NULL WHERE run = 3 AND call ="
        " (SELECT id FROM call WHERE key = 'hotel/invoiced')",
        "hotel/invoiced takes back or adjusts a call, but belongs to no run",
    ),
    "a posting of another call": (
        f"UPDATE rerated_call SET posting = {_TRANSFER.format('rerate:3:room-1:hotel/invoiced')}"
        f" WHERE run = 3 AND call = {_PLAIN}",
        "run 3 did not post the price of call hotel/plain as it says",
    ),
    "a reversal of another transfer": (
        f"UPDATE transfer SET reverses = 'call:hotel/gone' WHERE id = {_BACK}",
        "transfer call:hotel/gone is taken back 2 times",
    ),
    "a reversal of nothing": (
        f"UPDATE transfer SET reverses = NULL WHERE id = {_BACK}",
        "run 1 did not post the price of call hotel/plain as it says",
    ),
    "a run that claims more": (
        "UPDATE rerating SET done = 9 WHERE id = 1",
        "run 1 is done with 9 calls done, the books hold 3",
    ),
    "a dry run that said otherwise": (
        "UPDATE rerating_account SET new_micros = 5 WHERE run = 1",
        "run 1 changed 3 calls of room-1 from 750000 to 200000 micros, its dry run said otherwise",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found(sound: StoreSettings, kind: str) -> None:
    statement, sentence = DAMAGE[kind]
    with by_hand(sound) as connection:
        assert connection.execute(statement).rowcount == 1
    problems = verify(sound.path)
    assert any(sentence in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE call SET price_micros = 1", "a settled call is never changed"),
        ("UPDATE call SET invoiced = '2026-11' WHERE key = 'hotel/invoiced'", "invoiced once"),
        ("UPDATE rerated_call SET price_micros = 1", "a newer price is never changed"),
        ("DELETE FROM rerated_call", "a newer price is never deleted"),
        ("DELETE FROM rerating", "a run is never deleted"),
    ],
)
def test_the_tables_themselves_refuse_to_forget(
    sound: StoreSettings, statement: str, why: str
) -> None:
    with (
        contextlib.closing(sqlite3.connect(sound.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=why),
    ):
        connection.execute(statement)


def test_every_proof_is_tried_by_some_damage() -> None:
    assert len(DAMAGE) >= len(RERATING_PROOFS)
