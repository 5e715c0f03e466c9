"""Damage to top-ups, refunds and disputes that the proof of the books must find."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest

from payments import heard, settling, wanting
from payments.attempts import Event
from payments.heard import Heard
from payments.looking import Terms
from payments.wanting import GiveBack
from rtbill.domain.account import AccountState
from rtbill.domain.changes import CreateAccount
from rtbill.domain.payment import Approved, Disputed, DisputeState, Outcome
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import Asker, PaymentState
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.verify_payments import PAYMENT_PROOFS
from rtbill.storage.writer import StoreSettings
from tests.contract.test_top_ups import step, wanting_it
from tests.fakes.books import an_account
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.fakes.till import EUR, a_method, euros
from tests.fakes.till import settings as buying

TRIGGERS = (
    *("top_up_is_final", "top_up_is_kept", "top_up_paid_once", "top_up_event_is_final"),
    *("top_up_event_is_kept", "reversal_is_kept", "transfer_is_final", "transfer_is_kept"),
)


@pytest.fixture
async def sound(settings: StoreSettings) -> StoreSettings:
    """Closed books: one top-up was paid and went back in part, one wholly, and one is wanted."""
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        for name in ("room-1", "room-2"):
            await store.change(CreateAccount(an_account(name)))
        await store.change(KeepMethod(a_method()))
        await store.change(SetReplenishment(buying(month_max_micros=200 * EUR)))

        async def hear(reference: str, *events: Event | Outcome | Disputed) -> None:
            for event in events:
                await store.take_step(step(partial(_heard, told=event), reference))

        for reference in ("1", "2"):
            asked = wanting_it(reference, asked_by=Asker.HOLDER, money=euros(10))
            await store.take_step(asked)
            await hear(reference, Event.CREATE_ASKED, Approved(f"pi_{reference}", euros(10)))
        back = GiveBack(key="77", money=euros(4), reason="", at=NOON)
        await store.take_step(step(partial(wanting.give_back, wanted=back), "1"))
        await hear("2", Disputed("dp_2", "pi_2", euros(10), DisputeState.WITHDRAWN))
        await store.change(KeepMethod(a_method("pm_2")))
        third = wanting_it(
            "3", asked_by=Asker.HOLDER, money=euros(10), gateway="stripe", method="pm_2"
        )
        await store.take_step(third)
    return settings


def _heard(state: AccountState, kept: PaymentState, told: Event | Outcome | Disputed) -> Facts:
    assert kept.top_up is not None
    if isinstance(told, Event):
        what: Heard | None = Heard(event=told, at=NOON)
    elif isinstance(told, Disputed):
        what = heard.dispute(kept, told, NOON)
    else:
        what = heard.outcome(kept.top_up, told, NOON)
    assert what is not None
    return settling.settle(state, kept, what, Terms())


@contextlib.contextmanager
def by_hand(settings: StoreSettings) -> Iterator[sqlite3.Connection]:
    """A connection without triggers, checks and references."""
    with contextlib.closing(sqlite3.connect(settings.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DROP INDEX top_up_in_flight")
        yield connection


def test_books_with_top_ups_have_no_problem(sound: StoreSettings) -> None:
    assert verify(sound.path) == []


DAMAGE = {
    "a credit that is gone": (
        "DELETE FROM transfer WHERE key = 'stripe:pi_1:credit'",
        "top-up 1 of room-1 is approved and has no credit of 10000000 micros",
    ),
    "a credit of another amount": (
        "UPDATE transfer SET amount_micros = 10000001 WHERE key = 'stripe:pi_1:credit'",
        "top-up 1 of room-1 is approved and has no credit of 10000000 micros",
    ),
    "a credit that became the cash desk's": (
        "UPDATE transfer SET debit = 'cash' WHERE key = 'stripe:pi_2:credit'",
        "top-up 2 of room-1 is reversed and has no credit of 10000000 micros",
    ),
    "a payment that is forgotten": (
        "UPDATE top_up SET state = 'declined' WHERE reference = '1'",
        "transfer stripe:pi_1:credit credits a top-up to room-1 that was not paid",
    ),
    "a refund that is gone": (
        "DELETE FROM transfer WHERE key = 'stripe:77:refund'",
        "room-1: payments and what went back make 6000000 micros with stripe, its transfers make"
        " 10000000",
    ),
    "more that went back than refunds say": (
        "UPDATE top_up SET reversed_micros = 5000000 WHERE reference = '1'",
        "of top-up 1, 5000000 micros went back, its refunds and disputes make 4000000",
    ),
    "a refund that failed and is booked": (
        "UPDATE reversal SET stage = 'failed' WHERE key = '77'",
        "refund 77 is failed and 4000000 micros of it are booked",
    ),
    "a dispute that is not booked": (
        "UPDATE reversal SET booked_micros = 0 WHERE key = 'dp_2'",
        "dispute dp_2 is withdrawn and 0 micros of it are booked",
    ),
    "a top-up that is reversed and has something left": (
        "UPDATE top_up SET state = 'reversed' WHERE reference = '1'",
        "top-up 1 is reversed, of which 4000000 micros went back",
    ),
    "two under way": (
        "UPDATE top_up SET state = 'unknown' WHERE reference = '2'",
        "account room-1 has 2 top-ups under way",
    ),
    "a step that is gone": (
        "DELETE FROM top_up_event WHERE reference = '1' AND number = 2",
        "top-up 1 is approved after 4 steps, its steps are 3 and end approved",
    ),
    "a state that no step led to": (
        "UPDATE top_up SET state = 'sent' WHERE reference = '3'",
        "top-up 3 is sent after 1 steps, its steps are 1 and end wanted",
    ),
    "steps that do not lead from one to the next": (
        "UPDATE top_up_event SET before = 'sent' WHERE reference = '2' AND number = 3",
        "step 3 of top-up 2 begins sent, the one before it ended asked",
    ),
    "another currency": (
        "UPDATE top_up SET currency = 'CHF' WHERE reference = '3'",
        "top-up 3 is in CHF, its account room-1 is kept in EUR",
    ),
    "grace without a doubt": (
        "UPDATE account SET grace_micros = 5 WHERE id = 'room-2'",
        "account room-2 has grace of 5 micros and no top-up under way",
    ),
}


@pytest.mark.parametrize(("statement", "sentence"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found(sound: StoreSettings, statement: str, sentence: str) -> None:
    with by_hand(sound) as connection:
        assert connection.execute(statement).rowcount >= 1
    assert sentence in verify(sound.path)


def test_every_proof_has_found_something() -> None:
    found = " ".join(sentence for _, sentence in DAMAGE.values())
    for template, _ in PAYMENT_PROOFS:
        pieces = [piece for piece in template.replace("}", "{").split("{")[::2] if len(piece) > 8]
        assert all(piece.strip() in found for piece in pieces), template


KEPT = {
    "DELETE FROM top_up": "a top-up is never deleted",
    "UPDATE top_up SET amount_micros = 1": "what a top-up was begun as is never changed",
    "UPDATE top_up SET state = 'declined' WHERE reference = '1'": "that was paid stays paid",
    "UPDATE top_up_event SET cause = ''": "a step of a top-up is never changed",
    "DELETE FROM top_up_event": "a step of a top-up is never deleted",
    "DELETE FROM reversal": "a refund or dispute is never deleted",
    "DELETE FROM payment_method": "a payment method is never deleted",
}


@pytest.mark.parametrize("statement", KEPT)
def test_what_is_kept_for_ever_cannot_be_changed(sound: StoreSettings, statement: str) -> None:
    with (
        contextlib.closing(sqlite3.connect(sound.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=KEPT[statement]),
    ):
        connection.execute(statement)


def test_a_second_one_under_way_is_refused_by_the_table_itself(sound: StoreSettings) -> None:
    with (
        contextlib.closing(sqlite3.connect(sound.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=r"top_up\.account"),
    ):
        connection.execute(
            "INSERT INTO top_up SELECT '4', account, amount_micros, currency, gateway, method,"
            " asked_by, 'sent', wanted_at, moved_at, vat_point, attempt, '', NULL, NULL, NULL,"
            " NULL, 0, 0, NULL, '', NULL, 0, 1, 0, '' FROM top_up WHERE reference = '3'"
        )
