"""Damage to bundles, pools and draws that the proof of the books must find."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from balance import ledger
from rtbill.domain.bundle import Draw, Unit
from rtbill.domain.changes import AddBundle, AddRun, CreateAccount, MoveRun
from rtbill.domain.rated import START, Repriced
from rtbill.domain.rerating import RunState
from rtbill.domain.work import Repricing
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.verify_bundles import BUNDLE_PROOFS
from rtbill.storage.writer import StoreSettings
from tests.contract.test_rerating import a_difference, a_run
from tests.fakes.books import a_call, a_price, an_account
from tests.fakes.bundles import a_bundle, a_credit, given, pool, taking
from tests.fakes.environment import NOON, CountingMeter, ManualClock

TRIGGERS = (
    *("call_settled_is_final", "rerated_call_is_final", "draw_is_final", "draw_is_kept"),
    *("pool_holds_no_more", "allowance_only_ends", "bundle_is_final"),
)
BONUS = pool("bonus")


@pytest.fixture
async def sound(settings: StoreSettings) -> StoreSettings:
    """Closed books: one call took of minutes, another of money, and a run changed what it took."""
    async with (
        SqliteStore(settings, ManualClock(), CountingMeter()) as store,
        SqliteReader(settings.path) as reader,
    ):
        for name in ("room-1", "room-2"):
            await store.change(CreateAccount(an_account(name)))
        for bundle in (a_bundle(), a_credit()):
            await store.change(AddBundle(bundle))
        await store.change(given())
        await store.change(given("bonus", "welcome"))
        await store.submit(taking(a_call("talk", micros=0), pool()))
        money = taking(a_call("paid"), BONUS, amount=1_000_000, needs=200_000, unit=Unit.MONEY)
        await store.submit(money)
        await store.change(AddRun(a_run(), (a_difference(),)))
        await store.change(MoveRun(1, RunState.UNDER_WAY, NOON))
        _, paid = await reader.priced_calls("room-1", a_run(), START, 10)
        again = Repriced(paid, a_price(150_000), (Draw(BONUS, Unit.MONEY, 150_000),))
        slice_ = Repricing(
            run=1,
            account="room-1",
            calls=(again,),
            is_last=True,
            decide=lambda state, left, _: ledger.reprice(state, 1, left, NOON),
            pools=(BONUS,),
        )
        await store.reprice(slice_)
        await store.change(MoveRun(1, RunState.DONE, NOON))
    return settings


@contextlib.contextmanager
def by_hand(settings: StoreSettings) -> Iterator[sqlite3.Connection]:
    """A connection without triggers, checks and references."""
    with contextlib.closing(sqlite3.connect(settings.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        yield connection


def test_books_with_bundles_have_no_problem(sound: StoreSettings) -> None:
    assert verify(sound.path) == []


DAMAGE = {
    "a pool that was raised": (
        "UPDATE pool SET used = 61 WHERE allowance = 'gift'",
        "61 are used of allowance gift in the period 1791201600000000, its draws make 60",
    ),
    "a draw that is gone": (
        "DELETE FROM draw WHERE call = 'hotel/talk'",
        "60 are used of allowance gift in the period 1791201600000000, its draws make 0",
    ),
    "more than the bundle holds": (
        "UPDATE bundle SET amount = 59 WHERE name = 'minutes'",
        "60 are used of allowance gift in the period 1791201600000000, which holds 59",
    ),
    "more given back than taken": (
        "UPDATE draw SET amount = -60 WHERE call = 'hotel/talk'",
        "call hotel/talk took -60 of allowance gift: more was given back than taken",
    ),
    "a draw of what the account does not hold": (
        "UPDATE allowance_account SET account = 'room-2' WHERE allowance = 'gift'",
        "call hotel/talk drew from allowance gift, which its account room-1 does not hold",
    ),
    "a draw of another unit": (
        "UPDATE draw SET unit = 'money' WHERE call = 'hotel/talk'",
        "call hotel/talk drew money of allowance gift, which holds another unit or currency",
    ),
    "a bundle of another currency": (
        "UPDATE bundle SET currency = 'CHF' WHERE name = 'minutes'",
        "call hotel/talk drew seconds of allowance gift, which holds another unit or currency",
    ),
    "a first price of which bundles pay another part": (
        "UPDATE call SET bundle_micros = 1 WHERE key = 'hotel/paid'",
        "bundles pay 1 micros of call hotel/paid as of run none, its draws make 200000",
    ),
    "a newer price of which bundles pay another part": (
        "UPDATE rerated_call SET bundle_micros = 1",
        "bundles pay 1 micros of call hotel/paid as of run 1, its draws make 150000",
    ),
    "a newer price that forgot what bundles paid": (
        "UPDATE rerated_call SET old_bundle_micros = 1",
        "run 1 says that bundles paid 1 micros of call hotel/paid, but they paid 200000",
    ),
    "bundles that pay more than the price": (
        "UPDATE rerated_call SET price_micros = 149999",
        "call hotel/paid is paid by bundles with 150000 micros and costs 149999",
    ),
    "a debit of what bundles paid": (
        "UPDATE call SET bundle_micros = 0 WHERE key = 'hotel/paid'",
        "run 1 says that bundles paid 200000 micros of call hotel/paid, but they paid 0",
    ),
}


@pytest.mark.parametrize(("statement", "sentence"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found(sound: StoreSettings, statement: str, sentence: str) -> None:
    with by_hand(sound) as connection:
        assert connection.execute(statement).rowcount >= 1
    assert sentence in verify(sound.path)


def test_every_proof_has_found_something() -> None:
    found = " ".join(sentence for _, sentence in DAMAGE.values())
    for template, _ in BUNDLE_PROOFS:
        pieces = [piece for piece in template.replace("}", "{").split("{")[::2] if len(piece) > 8]
        assert all(piece.strip() in found for piece in pieces), template
