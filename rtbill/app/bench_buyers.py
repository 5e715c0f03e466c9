"""The accounts of the bench that buy credit by themselves, put into its books beforehand."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from balance import ledger
from rtbill.app.bench_books import PBX, TARIFF
from rtbill.app.bench_provider import NAME
from rtbill.clock import SystemClock
from rtbill.domain.account import Account, AccountKind, Extension, Membership
from rtbill.domain.call import EPOCH
from rtbill.domain.changes import Assign, Change, CreateAccount
from rtbill.domain.payment import MethodKind, PaymentMethod
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.replenishment import Agreement, KeptMethod, Replenishment
from rtbill.domain.work import Operation
from rtbill.storage.books import Books
from rtbill.storage.sqlite import open_writer, process_lock

STEADY, BURST, SETTLED, UNLOCKS = 750, 500, 1_000, 250
BUYERS = STEADY + BURST + SETTLED + UNLOCKS
FIRST_NUMBER = 30_000
OPENED = timedelta(days=2)


class Buyers:
    """Takes accounts that have not bought yet."""

    HAVE_MICROS = 6_000_000
    SPENT_MICROS = 2_000_000
    THRESHOLD_MICROS = 5_000_000

    def __init__(self) -> None:
        self._next = 0

    def take(self, count: int) -> Sequence[str]:
        """So many."""
        first, self._next = self._next, self._next + count
        assert self._next <= BUYERS
        return [f"b{FIRST_NUMBER + number}" for number in range(first, self._next)]

    @staticmethod
    def number(account: str) -> str:
        """Its extension."""
        return account[1:]


def add_buyers(database: Path) -> None:
    """Prepaid accounts with an extension, a card, settings, and a little more than their
    threshold.
    """
    clock = SystemClock()
    at = clock.now() - OPENED
    changes: list[Change] = []
    credits: list[Operation] = []
    for number in range(FIRST_NUMBER, FIRST_NUMBER + BUYERS):
        changes += _changes(str(number), at)
        credits.append(_credit(f"b{number}", at))
    with process_lock(database), contextlib.closing(open_writer(database)) as connection:
        books = Books(connection, clock)
        for answer in (*books.commit(changes), *books.commit(credits)):
            if isinstance(answer, Exception):
                raise answer


def _changes(number: str, at: datetime) -> list[Change]:
    account = f"b{number}"
    agreed = Agreement(text_version="1", at=at, address="127.0.0.1")
    card = PaymentMethod(
        gateway=NAME, kind=MethodKind.CARD, reference=f"pm_{account}", label="Visa 4242"
    )
    settings = Replenishment(
        account=account,
        is_on=True,
        threshold_micros=Buyers.THRESHOLD_MICROS,
        increment_micros=10_000_000,
        charge_max_micros=50_000_000,
        day_max_micros=100_000_000,
        month_max_micros=200_000_000,
        gateway=NAME,
        method=card.reference,
        agreement=agreed,
    )
    member = Membership(account=account, extension=Extension(PBX, number), valid_from=EPOCH)
    return [
        CreateAccount(
            Account(
                id=account,
                name=f"Buyer {number}",
                kind=AccountKind.PREPAID,
                currency="EUR",
                tariff=TARIFF,
            )
        ),
        Assign(member),
        KeepMethod(KeptMethod(account=account, method=card, kept_at=at, agreement=agreed)),
        SetReplenishment(settings),
    ]


def _credit(account: str, at: datetime) -> Operation:
    key = f"opening-{account}"
    return Operation(
        account,
        ledger.credit_key(key),
        lambda state, _pools: ledger.credit(state, Buyers.HAVE_MICROS, key, at, "opening balance"),
    )
