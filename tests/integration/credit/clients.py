"""Clients that all reserve, extend, settle, release and credit the same two accounts at once.

After every commit, in the thread that made it and before anybody is answered, what the file holds
is compared with what the writer decided by; every now and then all clients pause, and what they
believe is compared with the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest import mock

from balance import holds, ledger
from balance.holds import SliceTerms, Wish
from rtbill import consequences
from rtbill.consequences import Policies
from rtbill.domain.bundle import Draw
from rtbill.domain.call import CallId
from rtbill.domain.changes import CreateAccount
from rtbill.domain.hold import HoldStep
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed, Holding, Operation
from rtbill.storage import writer
from rtbill.storage.books import Answer, Books, Work
from rtbill.storage.sqlite import open_reader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_price, a_record, an_account
from tests.fakes.environment import NOON, CountingMeter, ManualClock

CLIENTS = 64
ACCOUNTS = ("room-1", "room-1", "room-1", "room-2")
"""Most work is on the first."""
OPENING_MICROS = 1_000_000
CREDIT_MICROS_MAX = 120_000
"""Of one credit: in all somewhat less than calls take when they may."""
FEE_MICROS, SECOND_MICROS = 3_000, 700
TERMS = SliceTerms(slice_min_s=10, slice_max_s=60, call_min_s=20, call_max_s=600)
CALLS_MAX = 40
PAUSES = 20
POLICIES = Policies({})
HELD_IN_FILE = """
    SELECT account.id, balance.micros, coalesce(sum(open_hold.micros), 0), count(open_hold.key)
    FROM account JOIN balance ON balance.account = account.id
    LEFT JOIN open_hold ON open_hold.account = account.id GROUP BY account.id
"""


class Prices:
    """A fee, and each second begun."""

    def cost_micros(self, talk_s: int) -> int:
        """Of this much talk."""
        return FEE_MICROS + SECOND_MICROS * max(1, talk_s)

    def affordable_s(self, micros: int, cap_s: int) -> int:
        """The exact inverse."""
        return min(max(0, (micros - FEE_MICROS) // SECOND_MICROS), cap_s)

    def draws(self, talk_s: int) -> tuple[Draw, ...]:  # noqa: ARG002 - the protocol's
        """Nothing: there are no bundles."""
        return ()


class WatchedBooks(Books):
    """Looks at the file after each commit."""

    commits = 0

    def commit(self, works: Sequence[Work]) -> list[Answer]:
        """The answers, once what they stand on is proven."""
        answers = super().commit(works)
        WatchedBooks.commits += 1
        for account, balance, held, count in self._connection.execute(HELD_IN_FILE):
            state = self._memory.accounts[account]
            assert balance - held >= 0, f"{account} has {balance} and holds {held}"
            assert (balance, held, count) == (
                state.balance_micros,
                sum(hold.micros for hold in state.holds),
                len(state.holds),
            ), f"{account} is not in the file as it was decided"
        return answers


@dataclass
class Counts:
    """What was done, by those who did it."""

    credited: Counter[str] = field(default_factory=Counter)
    debited: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    refused: int = 0
    final: int = 0
    """Slices that were as long as the money lasted."""


class Client:
    """One channel: it has a hold, or none; every step is awaited before the next."""

    def __init__(
        self, number: int, store: SqliteStore, counts: Counts, chance: random.Random
    ) -> None:
        self._number = number
        self._store = store
        self._counts = counts
        self._chance = chance
        self._calls = self._credits = 0
        self._ended: list[tuple[str, str, Operation]] = []
        self.account = ACCOUNTS[number % len(ACCOUNTS)]
        self.key = ""
        self.micros = self.granted_s = 0

    async def work(self, steps: int, pauses: asyncio.Barrier, look: Callable[[], None]) -> None:
        """So many steps, then a pause, in which one of all looks; again and again."""
        for _ in range(PAUSES):
            for _ in range(steps):
                await self._step()
            if await pauses.wait() == 0:
                look()
            await pauses.wait()
        if self.key:
            await self._settle()

    async def _step(self) -> None:
        roll = self._chance.random()
        if roll < 0.03:
            await self._credit()
        elif roll < 0.06 and self._ended:
            await self._repeat()
        elif not self.key:
            await self._reserve()
        elif roll < 0.55:
            await self._extend()
        elif roll < 0.9:
            await self._settle()
        else:
            await self._release()

    def _wish(self, key: str) -> Wish:
        return Wish(
            key=key,
            call=CallId("hotel", key) if self.key else None,
            pricing=Prices(),
            terms=TERMS,
            at=NOON,
            talked_s=self._chance.randrange(self.granted_s + 1),
        )

    async def _reserve(self) -> None:
        self._calls += 1
        key = f"{self._number}.{self._calls}"
        decide = partial(holds.reserve, wish=self._wish(key), calls_max=CALLS_MAX)
        facts = await self._hold("reserve", decide)
        if facts.state.hold(key) is None:
            self._counts.refused += 1
            return
        self.key = key
        self._see(facts)

    async def _extend(self) -> None:
        before = self.granted_s
        self._see(await self._hold("extend", partial(holds.extend, wish=self._wish(self.key))))
        assert self.granted_s >= before, "a grant never shrinks"

    async def _release(self) -> None:
        decide = partial(holds.resolve, key=self.key, step=HoldStep.RELEASE, at=NOON)
        await self._hold("release", decide)
        self._gone()

    async def _settle(self) -> None:
        talk_s = self._chance.randrange(self.granted_s + 1)
        price = FEE_MICROS + SECOND_MICROS * max(1, talk_s)
        assert price <= self.micros, "what it talked was held"
        ended_at = NOON + timedelta(seconds=talk_s)
        record = a_record(self.key, id=CallId("hotel", self.key), ended_at=ended_at)
        call = a_call(record=record, account=self.account, price=a_price(price))
        decide = partial(
            consequences.settle, call=call, policies=POLICIES, at=NOON, hold_key=self.key
        )
        operation = Operation(self.account, f"call:{record.id}", decide, record.id)
        committed = await self._submit("settle", operation)
        assert committed.facts is not None
        assert committed.facts.state.hold(self.key) is None
        self._counts.debited[self.account] += price
        self._ended.append((self.account, self.key, operation))
        self._gone()

    async def _credit(self) -> None:
        micros = self._chance.randint(1, CREDIT_MICROS_MAX)
        self._credits += 1
        key = f"{self._number}-{self._credits}"
        decide = partial(
            consequences.moved_at_desk,
            move=partial(ledger.credit, micros=micros, key=key, at=NOON, reason=""),
            policies=POLICIES,
            at=NOON,
        )
        operation = Operation(self.account, f"credit:{key}", decide)
        await self._submit("credit", operation)
        self._counts.credited[self.account] += micros
        self._ended.append((self.account, "", operation))

    async def _repeat(self) -> None:
        """What was done is asked for again, and nothing is done."""
        account, key, operation = self._chance.choice(self._ended[-20:])
        committed = await self._submit("repeat", operation)
        assert committed.facts is None
        if key:
            decide = partial(holds.resolve, key=key, step=HoldStep.POST, at=NOON)
            again = await self._store.hold(Holding(account, decide))
            assert again.facts is not None
            assert again.facts.holds == ()

    async def _hold(self, what: str, decide: partial[Facts]) -> Facts:
        committed = await self._store.hold(Holding(self.account, decide))
        return self._proven(what, committed)

    async def _submit(self, what: str, operation: Operation) -> Committed:
        committed = await self._store.submit(operation)
        if committed.facts is not None:
            self._proven(what, committed)
        else:
            self._counts.repeated += 1
        return committed

    def _proven(self, what: str, committed: Committed) -> Facts:
        assert committed.facts is not None
        assert committed.facts.state.grantable_micros >= 0
        self._counts.done[what] += 1
        return committed.facts

    def _see(self, facts: Facts) -> None:
        hold = facts.state.hold(self.key)
        assert hold is not None
        assert hold.micros == FEE_MICROS + SECOND_MICROS * hold.granted_s
        self.micros, self.granted_s = hold.micros, hold.granted_s
        self._counts.final += hold.is_final

    def _gone(self) -> None:
        self.key, self.micros, self.granted_s = "", 0, 0
        self.account = self._chance.choice(ACCOUNTS)


async def run(folder: Path, operations: int, seed: int) -> dict[str, float]:
    """Have so many steps done and assert that all is right; what was done."""
    path = folder / "books.db"
    counts = Counts()
    WatchedBooks.commits = 0
    with mock.patch.object(writer, "Books", WatchedBooks):
        async with SqliteStore(StoreSettings(path=path), ManualClock(), CountingMeter()) as store:
            for account in sorted(set(ACCOUNTS)):
                await store.change(CreateAccount(an_account(account)))
                await store.submit(_opening(account))
                counts.credited[account] += OPENING_MICROS
            clients = [
                Client(number, store, counts, random.Random(f"{seed}/{number}"))
                for number in range(CLIENTS)
            ]
            pauses = asyncio.Barrier(CLIENTS)
            steps = -(-operations // (CLIENTS * PAUSES))
            look = partial(_compare, path, clients)
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.work(steps, pauses, look))
    _prove(path, counts)
    return {
        "operations": CLIENTS * PAUSES * steps,
        "commits": WatchedBooks.commits,
        "refused": counts.refused,
        "final": counts.final,
        "repeated": counts.repeated,
        **counts.done,
    }


def _opening(account: str) -> Operation:
    decide = partial(
        consequences.moved_at_desk,
        move=partial(ledger.credit, micros=OPENING_MICROS, key=account, at=NOON, reason=""),
        policies=POLICIES,
        at=NOON,
    )
    return Operation(account, f"credit:{account}", decide)


def _compare(path: Path, clients: Sequence[Client]) -> None:
    """While nothing goes on: what is open is what the clients have."""
    believed = {client.key: (client.account, client.micros) for client in clients if client.key}
    with _rows(path, "SELECT key, account, micros FROM open_hold") as rows:
        assert {key: (account, micros) for key, account, micros in rows} == believed


def _prove(path: Path, counts: Counts) -> None:
    with _rows(path, "SELECT account, micros FROM balance") as rows:
        balances = {account: micros for account, micros in rows}  # noqa: C416 - rows are no pairs
    for account in set(ACCOUNTS):
        assert balances[account] == counts.credited[account] - counts.debited[account]
    with _rows(path, "SELECT count(*) FROM open_hold") as rows:
        assert rows == [(0,)]
    ends = "SELECT sum(step IN ('post', 'release', 'expire')) FROM hold_event GROUP BY hold"
    with _rows(path, f"SELECT DISTINCT * FROM ({ends})") as rows:
        assert rows == [(1,)], "each hold ends once"
    assert verify(path) == []


@contextlib.contextmanager
def _rows(path: Path, query: str) -> Iterator[list[sqlite3.Row]]:
    with contextlib.closing(open_reader(path)) as connection:
        yield connection.execute(query).fetchall()
