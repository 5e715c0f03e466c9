"""One account that buys credit, with its books in memory: each step is checked as a store does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from payments import settling, wanting
from payments.attempts import Event
from payments.heard import Heard
from payments.looking import Terms
from payments.replenish import Bounds, Wish
from payments.wanting import New
from rtbill.domain.account import OPEN_SERVICE, AccountState
from rtbill.domain.ledger import Transfer
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.payment import MethodKind, PaymentMethod
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.rated import Facts
from rtbill.domain.replenishment import Agreement, KeptMethod, Replenishment
from rtbill.domain.top_up import Asker, PaymentState, TopUp, TopUpState, new_reference
from rtbill.domain.vat import VatPoint
from rtbill.domain.work import TopUpStep
from tests.fakes.books import an_account
from tests.fakes.environment import NOON
from tests.fakes.memory_payments import MemoryPayments

EUR = 1_000_000
REFERENCE = new_reference(NOON, 1)
LAST_MONTH = NOON - timedelta(days=30)


def euros(amount: float) -> Money:
    """So many, to the cent."""
    return Money(round(amount * 100) * 10_000, "EUR")


def agreement(**fields: Any) -> Agreement:
    """Somebody ticked a box last month."""
    values: dict[str, Any] = {"text_version": "2026-1", "at": LAST_MONTH, "address": "192.0.2.7"}
    return Agreement(**(values | fields))


def a_method(reference: str = "pm_1", **fields: Any) -> KeptMethod:
    """A card that was given last month."""
    method = PaymentMethod(
        gateway="stripe",
        kind=MethodKind.CARD,
        reference=reference,
        customer="cus_1",
        label="Visa 4242",
        expires=(2030, 12),
    )
    values: dict[str, Any] = {
        "account": "room-1",
        "method": method,
        "kept_at": LAST_MONTH,
        "agreement": agreement(),
    }
    return KeptMethod(**(values | fields))


def settings(**fields: Any) -> Replenishment:
    """Below 5.00 it buys tens, 50.00 at once, 100.00 a day and 300.00 a month at most."""
    values: dict[str, Any] = {
        "account": "room-1",
        "is_on": True,
        "threshold_micros": 5 * EUR,
        "increment_micros": 10 * EUR,
        "charge_max_micros": 50 * EUR,
        "day_max_micros": 100 * EUR,
        "month_max_micros": 300 * EUR,
        "gateway": "stripe",
        "method": "pm_1",
        "agreement": agreement(),
    }
    return Replenishment(**(values | fields))


def a_top_up(reference: str = REFERENCE, **fields: Any) -> TopUp:
    """Ten euros that were just wanted."""
    values: dict[str, Any] = {
        "reference": reference,
        "account": "room-1",
        "money": euros(10),
        "gateway": "stripe",
        "method": "pm_1",
        "asked_by": Asker.BALANCE,
        "state": TopUpState.WANTED,
        "wanted_at": NOON,
        "moved_at": NOON,
        "vat_point": VatPoint.TOP_UP,
    }
    return TopUp(**(values | fields))


class Till:
    """Room 1 with a card and settings. `at` is its clock."""

    def __init__(self, balance_micros: int = 0, terms: Terms | None = None) -> None:
        self.at = NOON
        self.terms = terms or Terms()
        self.state = AccountState(an_account(), balance_micros, 0, OPEN_SERVICE)
        self.transfers: list[Transfer] = []
        self.notices: list[Notice] = []
        self.books = MemoryPayments(lambda _account: self.state)
        self.books.change(KeepMethod(a_method()))
        self.books.change(SetReplenishment(settings()))

    def pass_time(self, **span: float) -> None:
        """Move its clock."""
        self.at += timedelta(**span)

    def step(
        self, decide: Callable[[AccountState, PaymentState], Facts], reference: str = REFERENCE
    ) -> Facts:
        """Decide, check, keep."""
        step = TopUpStep("room-1", reference, lambda state, books, _pools: decide(state, books))
        facts = self.books.decide(self.state, step, {}, self.at)
        self.state = facts.state
        self.transfers += facts.transfers
        self.notices += facts.notices
        return facts

    def want(self, reference: str = REFERENCE, **fields: Any) -> Facts:
        """By itself, unless the fields say otherwise."""
        values: dict[str, Any] = {"asked_by": Asker.BALANCE, "at": self.at}
        wish = Wish(**(values | fields))
        new = New(reference=reference, vat_point=VatPoint.TOP_UP)
        return self.step(
            lambda state, books: wanting.want(state, books, wish, Bounds(), new), reference
        )

    def hear(self, heard: Heard | Event, reference: str = REFERENCE) -> Facts:
        """An event, as if the transaction had looked at nothing else."""
        what = Heard(event=heard, at=self.at) if isinstance(heard, Event) else heard
        return self.step(
            lambda state, books: settling.settle(state, books, what, self.terms), reference
        )

    def ask(self, event: Event, reference: str = REFERENCE) -> Facts:
        """CREATE_ASKED or CONFIRM_ASKED."""
        return self.step(
            lambda state, books: wanting.go_on(state, books, event, self.at, self.terms), reference
        )

    def see_to(self, reference: str = REFERENCE) -> Facts:
        """Its time has come."""
        return self.step(
            lambda state, books: wanting.see_to(state, books, self.at, self.terms), reference
        )

    @property
    def row(self) -> TopUp:
        """The first top-up."""
        return self.books.top_ups[REFERENCE]

    def put(self, **fields: Any) -> None:
        """Another row than came about; only for tests that need no history."""
        self.books.top_ups[REFERENCE] = replace(self.row, **fields)

    @property
    def kinds(self) -> list[str]:
        """Of the notices."""
        return [each.kind for each in self.notices]
