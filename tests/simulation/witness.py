"""Follows the journal from commit to commit, with sums of its own: what must be true after each.

Works from the entries and steps alone, and believes no balance and no list of holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from rtbill.domain.hold import ENDS, Hold, HoldEvent, HoldStep
from rtbill.ports import PostedTransfer
from tests.fakes.memory_store import MemoryStore

ABSORBED = "absorbed:"
"""Keys of what is given back of calls that were ended too late."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a hold, and when it became durable."""

    at_s: float
    event: HoldEvent


@dataclass(slots=True)
class Purse:
    """One account by the witness' own sums."""

    limit: int
    balance: int = 0
    entries: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)
    course: list[tuple[float, int]] = field(default_factory=list)
    """When what may be granted became another sum, and which."""

    @property
    def grantable(self) -> int:
        """Balance and credit limit, less all that is held."""
        return self.balance + self.limit - sum(hold.micros for hold in self.holds.values())


class Witness:
    """Everything that was ever written."""

    def __init__(
        self, books: MemoryStore, run_s: Callable[[], float], found: Callable[[str], None]
    ) -> None:
        """`found` is told of each violation."""
        self.purses: dict[str, Purse] = {}
        self.steps: list[Step] = []
        self.credits: list[tuple[float, str, int]] = []
        """When, whose, how much."""
        self.latest: dict[str, Step] = {}
        """The latest step of each open hold, by key."""
        self.on_final: Callable[[Hold], None] = lambda _hold: None
        self._books, self._run_s, self._tell = books, run_s, found
        self._told: set[str] = set()
        self._transfers: list[PostedTransfer] = []
        self._postings: Counter[str] = Counter()
        self.absorbed: dict[str, tuple[str, int]] = {}
        """By key: whose loss we took over, and how much of it."""

    def look(self) -> None:
        """After each piece of work: an operation, a step of a hold, a change."""
        books = self._books
        if len(books._accounts) > len(self.purses):
            self._open_purses()
        entries, steps = len(self._transfers), len(self.steps)
        for posted in islice(books._transfers.values(), entries, None):
            self._entry(posted)
        for event in islice(books._hold_events, steps, None):
            self._step(event)
        self._compare()

    def _open_purses(self) -> None:
        for account, state in self._books._accounts.items():
            if account not in self.purses:
                self.purses[account] = Purse(state.account.credit_limit_micros)

    def _entry(self, posted: PostedTransfer) -> None:
        """I4, I5 and I12: each call is debited once, each entry leaves the balance that it says."""
        self._transfers.append(posted)
        transfer = posted.transfer
        assert transfer.account is not None
        purse = self.purses[transfer.account]
        purse.balance += transfer.change_micros
        purse.entries += 1
        if transfer.key.startswith(ABSORBED):
            self.absorbed[transfer.key] = transfer.account, transfer.change_micros
        elif transfer.call is None:
            self.credits.append((self._run_s(), transfer.account, transfer.change_micros))
        else:
            self._postings[transfer.call] += 1
            if self._postings[transfer.call] > 1:
                self._found(
                    f"I4: {transfer.call} was debited {self._postings[transfer.call]} times"
                )
        if (transfer.version, transfer.balance_after_micros) != (purse.entries, purse.balance):
            self._found(
                f"I12: {transfer.key} leaves {transfer.balance_after_micros} at version "
                f"{transfer.version}, its entries make {purse.balance} at {purse.entries}"
            )

    def _step(self, event: HoldEvent) -> None:
        """I2 and CC-03: nothing is granted that is not there, and each hold ends once."""
        hold = event.hold
        self.steps.append(Step(self._run_s(), event))
        self.latest[hold.key] = self.steps[-1]
        purse = self.purses[hold.account]
        before = purse.holds.get(hold.key)
        if event.step in ENDS:
            if before is None:
                self._found(f"CC-03: the hold {hold.key} ended twice")
            purse.holds.pop(hold.key, None)
            self.latest.pop(hold.key, None)
            return
        if (before is None) != (event.step is HoldStep.OPEN):
            self._found(f"CC-03: the hold {hold.key} takes the step {event.step} out of order")
        purse.holds[hold.key] = hold
        has_grown = before is None or hold.micros > before.micros
        if has_grown and hold.micros > 0 and purse.grantable < 0:
            self._found(f"I2: {hold.key} holds {hold.micros}, {purse.grantable} are left")
        if hold.is_final:
            self.on_final(hold)

    def _compare(self) -> None:
        """I1 and I6: what the books say is what their entries make; no hold outlives its call."""
        now_s, books = self._run_s(), self._books
        for account, state in books._accounts.items():
            purse = self.purses[account]
            if state.balance_micros != purse.balance:
                self._found(
                    f"I1: {account} has {state.balance_micros}, its entries make {purse.balance}"
                )
            if {hold.key: hold for hold in state.holds} != purse.holds:
                self._found(f"I15: the holds of {account} do not follow from their steps")
            for hold in state.holds:
                call = books._calls.get(str(hold.call))
                # What another account held is given back by a step of its own.
                if call is not None and call.account == account:
                    self._found(f"I6: {hold.key} is held though {hold.call} is in the books")
            if not purse.course or purse.course[-1][1] != purse.grantable:
                purse.course.append((now_s, purse.grantable))

    def _found(self, violation: str) -> None:
        if violation not in self._told:
            self._told.add(violation)
            self._tell(violation)

    def at_the_end(self) -> Iterator[str]:
        """I15: nothing that was written has changed or gone."""
        if list(self._books._transfers.values()) != self._transfers:
            yield "I15: entries have changed or gone"
        if self._books._hold_events != [step.event for step in self.steps]:
            yield "I15: steps of holds have changed or gone"
