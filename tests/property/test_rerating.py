"""Whatever is rated again, and however often it is tried: the balance is what was paid in less the
newest prices, and the books are proven.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from balance import ledger
from rtbill.domain.changes import AddRun, CreateAccount, MarkInvoiced, MoveRun
from rtbill.domain.rated import START, PricedCall, Repriced
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection
from rtbill.domain.work import Repricing
from rtbill.storage.books import Answer, Books, Work
from rtbill.storage.migrate import migrate
from rtbill.storage.rerating_queries import priced_page
from rtbill.storage.rerating_rows import priced_calls_from
from rtbill.storage.verify import problems_of
from tests.fakes.books import a_call, a_price, an_account, credit, posting
from tests.fakes.environment import NOON, ManualClock

CALLS = 5
OPENING = 10_000_000
PRICES = st.integers(0, 4).map(lambda price: price * 100_000)


@dataclass(frozen=True)
class Again:
    """One run: new prices of some calls, the length of its slices, what is invoiced before it, and
    whether it breaks off and is gone on with.
    """

    prices: dict[int, int]
    slice_calls: int
    invoiced: frozenset[int]
    breaks_off: bool


AGAIN = st.builds(
    Again,
    prices=st.dictionaries(st.integers(0, CALLS - 1), PRICES),
    slice_calls=st.integers(1, CALLS),
    invoiced=st.frozensets(st.integers(0, CALLS - 1), max_size=1),
    breaks_off=st.booleans(),
)


@dataclass
class Ledger:
    """Books in memory, and what every call should cost."""

    connection: sqlite3.Connection
    books: Books
    expected: dict[str, int] = field(default_factory=dict)

    def do(self, *works: Work) -> list[Answer]:
        """Each in a transaction of its own."""
        return [answer for work in works for answer in self.books.commit([work])]

    def calls(self, run: Run) -> list[PricedCall]:
        """As the reader would tell."""
        query, values = priced_page("room-1", run, START, CALLS)
        [(page,)] = self.connection.execute(query, values)
        return priced_calls_from(page)

    def balance(self) -> int:
        """As stored."""
        found = self.connection.execute("SELECT micros FROM balance WHERE account = 'room-1'")
        return int(found.fetchone()[0])


@contextlib.contextmanager
def opened(prices: list[int]) -> Iterator[Ledger]:
    """Calls at these prices, and money enough."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection, "memory")
        ledger_ = Ledger(connection, Books(connection, ManualClock()))
        ledger_.do(CreateAccount(an_account()), credit("opening", OPENING))
        for leg, micros in enumerate(prices):
            ledger_.do(posting(a_call(str(leg), micros=micros)))
            ledger_.expected[f"hotel/{leg}"] = micros
        yield ledger_


def slices(run: int, calls: list[Repriced], length: int) -> list[Repricing]:
    decide = partial(ledger.reprice, run=run, at=NOON)
    starts = range(0, max(1, len(calls)), length)
    return [
        Repricing(
            run=run,
            account="room-1",
            calls=tuple(calls[start : start + length]),
            is_last=start + length >= len(calls),
            decide=lambda state, left, _pools: decide(state, calls=left),
        )
        for start in starts
    ]


def carry_out(books: Ledger, number: int, again: Again) -> None:
    run = Run(
        id=number,
        kind=RunKind.RERATE,
        state=RunState.PLANNED,
        made_at=NOON,
        made_by="kim",
        moved_at=NOON,
        selection=Selection(),
        prices="",
        newest_call=CALLS,
        looked_at=CALLS,
    )
    for leg in again.invoiced:
        books.do(MarkInvoiced((f"hotel/{leg}",), f"invoice of {leg}"))
    wanted = {f"hotel/{leg}": micros for leg, micros in again.prices.items()}
    changed = [
        Repriced(call, a_price(wanted[call.key]))
        for call in books.calls(run)
        if wanted.get(call.key, call.micros) != call.micros
    ]
    difference = Difference(
        account="room-1",
        currency="EUR",
        changed=len(changed),
        unpriced=0,
        old_micros=sum(each.call.micros for each in changed),
        new_micros=sum(each.price.micros for each in changed),
    )
    books.do(AddRun(run, (difference,)), MoveRun(number, RunState.UNDER_WAY, NOON))
    parts = slices(number, changed, again.slice_calls)
    if again.breaks_off:
        books.do(*parts[:1])
        # Another cut of the same calls, as a program of another version might make it.
        parts = slices(number, changed, CALLS)
    answers = books.do(*parts, *parts, MoveRun(number, RunState.DONE, NOON))
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    books.expected |= {each.call.key: each.price.micros for each in changed}


@settings(max_examples=150)
@given(
    opening=st.lists(PRICES, min_size=CALLS, max_size=CALLS),
    runs=st.lists(AGAIN, max_size=4),
)
def test_the_balance_is_what_was_paid_in_less_the_newest_prices(
    opening: list[int], runs: list[Again]
) -> None:
    with opened(opening) as books:
        for number, again in enumerate(runs, start=1):
            carry_out(books, number, again)
            assert books.balance() == OPENING - sum(books.expected.values())
        shown = books.connection.execute("SELECT key, price_micros FROM priced_call")
        assert dict(shown.fetchall()) == books.expected
        assert problems_of(books.connection) == []
