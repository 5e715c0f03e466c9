"""Damage to what is booked as tax that the proof of the books must find."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from rtbill.domain.changes import CreateAccount
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.verify_vat import VAT_PROOFS
from rtbill.storage.writer import StoreSettings
from tests.contract.conftest import Sides
from tests.contract.test_vat import book, buy, refund
from tests.fakes.books import a_call, an_account, credit, posting
from tests.fakes.environment import CountingMeter, ManualClock

TRIGGERS = (
    *("vat_entry_is_final", "vat_entry_is_kept", "vat_terms_are_final", "vat_terms_are_kept"),
    *("transfer_is_final", "transfer_is_kept"),
)


@pytest.fixture
async def sound(settings: StoreSettings) -> Path:
    """Closed books: 10.00 were bought by card, of which 2.00 went back, and 5.00 at the desk."""
    clock = ManualClock()
    async with (
        SqliteStore(settings, clock, CountingMeter()) as store,
        SqliteReader(settings.path) as reader,
    ):
        books = Sides(store, reader, clock)
        await store.change(CreateAccount(an_account()))
        await book(books).close()
        await buy(books)
        await store.submit(posting(a_call("1")))
        await store.submit(credit("desk", 5_000_000))
        await refund(books, 2, "71")
        await book(books).close()
    return settings.path


def test_books_with_tax_have_no_problem(sound: Path) -> None:
    assert verify(sound) == []


OF_CREDIT = "belongs_to = 'stripe:pi_1:credit'"
DAMAGE = {
    "tax that is gone from the balances": (
        "UPDATE vat_credit SET vat_micros = vat_micros - 1",
        "micros of tax wait in VAT deferred in EUR, in the balances are",
    ),
    "more taxed than there is": (
        "UPDATE vat_credit SET taxed_micros = 13000000",
        "13000000 micros of account room-1 are called taxed, its balance was 12750000",
    ),
    "an entry of another amount than its transfer's": (
        f"UPDATE vat_entry SET gross_micros = gross_micros + 1 WHERE {OF_CREDIT}",
        "of 10000001 micros is booked with stripe:pi_1:credit, which moves 10000000",
    ),
    "tax as high as the price": (
        f"UPDATE vat_entry SET micros = 10000000 WHERE {OF_CREDIT}",
        "is 10000000 micros of 10000000",
    ),
    "an entry that is there twice": (
        "INSERT INTO vat_entry SELECT id + 100, day, debit, credit, micros, gross_micros, currency,"
        f" rate, source, movements, belongs_to, reverses, upto FROM vat_entry WHERE {OF_CREDIT}",
        "the tax of stripe:pi_1:credit is booked 2 times",
    ),
    "a refund that takes back too much": (
        "UPDATE vat_entry SET micros = 1596640 WHERE reverses IS NOT NULL",
        "of stripe:pi_1:credit, more tax was taken back than became due: -1 micros are left",
    ),
    "a place in the books that is not there yet": (
        "UPDATE vat_closed SET upto = 99",
        "tax is booked up to movement 99, there are 4",
    ),
    "terms that are gone": ("DELETE FROM vat_terms", "tax is booked and nobody said how"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(sound: Path, what: str) -> None:
    statement, problem = DAMAGE[what]
    with contextlib.closing(sqlite3.connect(sound, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
    assert any(problem in each for each in verify(sound)), verify(sound)


def test_each_proof_has_its_damage() -> None:
    assert len(DAMAGE) == len(VAT_PROOFS)


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE vat_entry SET micros = 1", "an entry of tax is never changed"),
        ("DELETE FROM vat_entry", "an entry of tax is never deleted"),
        ("UPDATE vat_terms SET percent_ppm = 1", "terms of tax are never changed"),
        ("DELETE FROM vat_terms", "terms of tax are never deleted"),
    ],
)
def test_what_is_booked_stays(sound: Path, statement: str, refusal: str) -> None:
    with (
        contextlib.closing(sqlite3.connect(sound)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=refusal),
    ):
        connection.execute(statement)
