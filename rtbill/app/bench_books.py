"""The books that the bench starts from: a tariff of 10,000 prefixes, 1,000 accounts with one
extension each, a million calls, all priced and posted by the program's own rules.

Making them takes a minute, so they are made once, by `python -m rtbill.app.bench_books FILE`, and
copied for each run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from balance import ledger
from rtbill.clock import SystemClock
from rtbill.domain.account import Account, AccountKind, AccountState, Extension, Membership
from rtbill.domain.call import EPOCH, CallId, CallRecord, Outcome, Source, from_epoch_us
from rtbill.domain.changes import AddTariff, Assign, Change, CreateAccount
from rtbill.domain.errors import Unavailable
from rtbill.domain.rated import CallStatus, NumberKind, RatedCall
from rtbill.domain.tariff import Rate, Tariff
from rtbill.domain.work import Operation
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import price
from rtbill.rating.tariff_file import read_tariff
from rtbill.storage.books import Books
from rtbill.storage.bulk import insert_rows
from rtbill.storage.migrate import migrate, migrations
from rtbill.storage.rows import CALL_COLUMNS, TRANSFER_COLUMNS, call_row, transfer_row
from rtbill.storage.sqlite import open_writer, process_lock

PBX = "bench"
TARIFF = "bench"
ZONE = "Europe/Berlin"
PREFIXES = 10_000
ACCOUNTS = 1_000
FIRST_EXTENSION = 20_000
CALLS = 1_000_000

_MADE_BY = 1
"""Raise it when the contents change: older files in the cache are then not used."""
_COUNTRY_CODES = (
    *("1", "7", "30", "31", "32", "33", "34", "36", "39", "41", "43", "44", "45", "46", "47"),
    *("48", "52", "54", "55", "61", "64", "65", "81", "82", "86", "90", "91", "351", "353", "420"),
)
_CREDIT_MICROS = 1_000_000 * 1_000_000
_HISTORY_ENDS_US = 1_790_000_000 * 1_000_000
_BETWEEN_CALLS_US = 20 * 1_000_000
_CHUNK = 20_000
_NEW_BALANCES = """
    INSERT INTO balance (account, currency, micros, version)
    SELECT account, currency, sum(amount_micros), count(*) FROM entry WHERE TRUE
    GROUP BY account, currency
    ON CONFLICT (account, currency)
    DO UPDATE SET micros = excluded.micros, version = excluded.version
"""


def tariff_text() -> str:
    """The tariff as a file: a rate for each country, then longer prefixes; a fifth by the hour."""
    draw = random.Random(1)  # noqa: S311 - seeded, not secret
    prefixes = list(_COUNTRY_CODES)
    known = set(prefixes)
    while len(prefixes) < PREFIXES:
        length = draw.randint(1, 4)
        prefix = draw.choice(_COUNTRY_CODES) + f"{draw.randrange(10**length):0{length}}"
        if prefix not in known:
            known.add(prefix)
            prefixes.append(prefix)
    lines = [
        "prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,days,hours"
    ]
    for number, prefix in enumerate(prefixes):
        fee = draw.choice(("0", "0.05", "0.1"))
        steps = draw.choice(("60,1", "60,60", "30,6"))
        cheap, dear = (draw.randint(low, low + 900) for low in (100, 2000))
        if number % 5 == 0:
            lines.append(
                f"{prefix},Zone {prefix} day,{fee},0.{dear:04},{steps},mon-fri,08:00-18:00"
            )
        lines.append(f"{prefix},Zone {prefix},{fee},0.{cheap:04},{steps},,")
    return "\n".join(lines) + "\n"


def prefixes_of(rates: tuple[Rate, ...]) -> list[str]:
    """Every prefix once."""
    return list(dict.fromkeys(rate.prefix for rate in rates))


def cached_name(calls: int = CALLS) -> str:
    """The file's name in the cache; another one for another schema or other contents."""
    contents = "".join(migrations().values()) + tariff_text()
    digest = hashlib.sha256(contents.encode()).hexdigest()[:12]
    return f"books-{calls}-{_MADE_BY}-{digest}.sqlite"


def made_books(cache: Path, calls: int = CALLS) -> Path:
    """The file in the cache, made now by a child process if it is not there yet."""
    path = cache / cached_name(calls)
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        module = "rtbill.app.bench_books"
        command = [sys.executable, "-m", module, str(path), str(calls)]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own module
            raise Unavailable(f"the books of the bench could not be made in {cache}")
    return path


def make(path: Path, calls: int) -> None:
    """Write the file whole or not at all."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        with process_lock(draft), contextlib.closing(open_writer(draft)) as connection:
            migrate(connection, str(draft))
            # A file that is thrown away after a crash need not survive one.
            for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
                connection.execute(f"PRAGMA {setting}")
            rates = read_tariff(tariff_text()).rates
            tariff = Tariff(
                name=TARIFF, version=1, currency="EUR", zone=ZONE, valid_from=EPOCH, rates=rates
            )
            states = _open_accounts(connection, tariff)
            _add_history(connection, tariff, states, calls)
            connection.execute("PRAGMA journal_mode = WAL")
        draft.rename(path)
    finally:
        for left in draft.parent.glob(draft.name + "*"):
            left.unlink()


def _open_accounts(connection: sqlite3.Connection, tariff: Tariff) -> list[AccountState]:
    books = Books(connection, SystemClock())
    changes: list[Change] = [AddTariff(tariff)]
    credits: list[Operation] = []
    for number in range(ACCOUNTS):
        extension = Extension(PBX, str(FIRST_EXTENSION + number))
        account = _account(number)
        changes += [
            CreateAccount(account),
            Assign(Membership(account=account.id, extension=extension, valid_from=EPOCH)),
        ]
        credits.append(_Credit(account.id).operation())
    problems = [answer for answer in books.commit(changes) if isinstance(answer, Exception)]
    answers = books.commit(credits)
    problems += [answer for answer in answers if isinstance(answer, Exception)]
    if problems:
        raise problems[0]
    return [
        answer.facts.state
        for answer in answers
        if answer is not None and not isinstance(answer, Exception) and answer.facts is not None
    ]


def _account(number: int) -> Account:
    is_prepaid = number % 2 == 0
    return Account(
        id=f"a{FIRST_EXTENSION + number}",
        name=f"Account {number}",
        kind=AccountKind.PREPAID if is_prepaid else AccountKind.POSTPAID,
        currency="EUR",
        credit_limit_micros=0 if is_prepaid else _CREDIT_MICROS,
        tariff=TARIFF,
    )


@dataclass(frozen=True, slots=True)
class _Credit:
    account: str

    def operation(self) -> Operation:
        """Money enough for years."""
        key = f"opening-{self.account}"
        at = from_epoch_us(_HISTORY_ENDS_US) - timedelta(days=400)
        return Operation(
            self.account,
            ledger.credit_key(key),
            lambda state, _pools: ledger.credit(state, _CREDIT_MICROS, key, at, "opening balance"),
        )


def _add_history(
    connection: sqlite3.Connection, tariff: Tariff, states: list[AccountState], calls: int
) -> None:
    """Calls round the accounts, one after the other in time, straight into the tables."""
    table = RateTable(tariff)
    next_transfer: int = connection.execute("SELECT max(id) FROM transfer").fetchone()[0] + 1
    connection.execute("BEGIN")
    connection.execute("INSERT INTO balance VALUES ('revenue:standard', 'EUR', 0, 0)")
    call_rows, transfer_rows = [], []
    for number, call in enumerate(_history(table, calls), start=1):
        index = (number - 1) % ACCOUNTS
        facts = ledger.post_call(states[index], call)
        states[index] = facts.state
        posted_us = (call.record.ended_at - EPOCH) // timedelta(microseconds=1)
        call_rows.append((number, posted_us, *call_row(call)))
        for transfer in facts.transfers:
            transfer_rows.append((next_transfer, posted_us, *transfer_row(transfer)))
            next_transfer += 1
        if len(call_rows) == _CHUNK or number == calls:
            insert_rows(connection, f"INSERT INTO call (id, posted_at, {CALL_COLUMNS})", call_rows)
            insert_rows(
                connection,
                f"INSERT INTO transfer (id, posted_at, {TRANSFER_COLUMNS})",
                transfer_rows,
            )
            call_rows.clear()
            transfer_rows.clear()
    connection.execute(_NEW_BALANCES)
    connection.execute("INSERT OR REPLACE INTO call_count VALUES ('rated', ?)", (calls,))
    connection.execute("COMMIT")


def _history(table: RateTable, calls: int) -> Iterator[RatedCall]:
    draw = random.Random(2)  # noqa: S311 - seeded, not secret
    prefixes = prefixes_of(table.tariff.rates)
    began_us = _HISTORY_ENDS_US - calls * _BETWEEN_CALLS_US
    for number in range(calls):
        prefix = prefixes[int(draw.random() * len(prefixes))]
        left = 12 - len(prefix)
        digits = f"{prefix}{int(draw.random() * 10**left):0{left}}"
        answered_us = began_us + number * _BETWEEN_CALLS_US
        talk_us = 5_000_000 + int(draw.random() * 175_000_000)
        answered_at = from_epoch_us(answered_us)
        leg = f"{answered_us // 1_000_000}.{number}"
        extension = str(FIRST_EXTENSION + number % ACCOUNTS)
        record = CallRecord(
            CallId(PBX, leg),
            extension,
            "00" + digits,
            "carrier",
            answered_at,
            from_epoch_us(answered_us + talk_us),
            16,
            Outcome.ENDED,
            Source.EVENTS,
        )
        cost = price(table, "+" + digits, answered_at, talk_us)
        account = f"a{extension}"
        kind = NumberKind.CHARGEABLE
        yield RatedCall(record, account, CallStatus.RATED, kind, "+" + digits, cost)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
