"""What a provider of cashless cards has in its books: cards with money, and payments in two steps.

Amounts are whole minor units of one currency. No protocol here and no time but what is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Code(StrEnum):
    """Why something was not done."""

    BLOCKED = "CARD_BLOCKED"
    EXPIRED = "CARD_EXPIRED"
    UNKNOWN_CARD = "CARD_UNKNOWN"
    CURRENCY = "CURRENCY_UNKNOWN"
    FUNDS = "INSUFFICIENT_FUNDS"
    UNKNOWN = "REFERENCE_UNKNOWN"
    USED = "REFERENCE_USED"
    INVALID = "REQUEST_INVALID"
    BUSY = "TRY_AGAIN"


class NotDone(Exception):
    """A refusal."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.code = code


class Duplicates(StrEnum):
    """What becomes of a reference that comes again."""

    REFUSE = "refuse"
    REPLAY = "replay"
    ACCEPT = "accept"


@dataclass(slots=True)
class Card:
    """A card of the house."""

    balance: int
    refusal: Code | None = None
    """What every authorisation is refused with."""


@dataclass(slots=True)
class Payment:
    """One reservation and what became of it."""

    authorisation: str
    reference: str
    card: str
    amount: int
    currency: str
    at: datetime
    state: str = "reserved"
    """Later `captured` or `voided`."""
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back."""

    refund: str
    reference: str
    amount: int
    currency: str
    at: datetime


def _system_time() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 -- a simulator has no clock of the biller's


@dataclass(slots=True)
class Books:
    """Cards and payments."""

    cards: dict[str, Card]
    currency: str = "EUR"
    duplicates: Duplicates = Duplicates.REPLAY
    now: Callable[[], datetime] = _system_time
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    def authorise(self, reference: str, card: str, amount: int, currency: str) -> Payment:
        """A reservation; NotDone when the card cannot pay."""
        known = self._latest(reference)
        if known is not None and self.duplicates is Duplicates.REFUSE:
            raise NotDone(Code.USED)
        if known is not None and self.duplicates is Duplicates.REPLAY:
            return known
        if currency != self.currency:
            raise NotDone(Code.CURRENCY)
        if amount <= 0 or not (reference.isdigit() and len(reference) <= 20):
            raise NotDone(Code.INVALID)
        if card not in self.cards:
            raise NotDone(Code.UNKNOWN_CARD)
        payer = self.cards[card]
        if payer.refusal is not None:
            raise NotDone(payer.refusal)
        if payer.balance < amount:
            raise NotDone(Code.FUNDS)
        payer.balance -= amount
        number = f"A{len(self.payments) + 1:06}"
        made = Payment(number, reference, card, amount, currency, self.now())
        self.payments.append(made)
        return made

    def capture(self, reference: str, amount: int, currency: str) -> Payment:
        """The reservation, taken; taken twice it is taken once, let go it is not taken."""
        payment = self.find(reference)
        if (amount, currency) != (payment.amount, payment.currency):
            raise NotDone(Code.INVALID, "capture must be of what is reserved")
        if payment.state == "reserved":
            payment.state = "captured"
            payment.at = self.now()
        elif self.duplicates is Duplicates.REFUSE:
            raise NotDone(Code.USED if payment.state == "captured" else Code.UNKNOWN)
        return payment

    def void(self, reference: str) -> Payment:
        """The reservation, let go; what is captured stays captured."""
        payment = self.find(reference)
        if payment.state == "reserved":
            payment.state = "voided"
            self.cards[payment.card].balance += payment.amount
        return payment

    def find(self, reference: str) -> Payment:
        """The payment of that reference; NotDone when there is none."""
        payment = self._latest(reference)
        if payment is None:
            raise NotDone(Code.UNKNOWN)
        return payment

    def refund(self, reference: str, charge: str, amount: int, currency: str) -> Refund:
        """Money back on the card, at most what was captured."""
        known = next((each for each in self.refunds if each.reference == reference), None)
        if known is not None:
            return known
        payment = self.find(charge)
        left = payment.amount - payment.refunded if payment.state == "captured" else 0
        if currency != payment.currency or not 0 < amount <= left:
            raise NotDone(Code.FUNDS, "more than is left of it")
        payment.refunded += amount
        self.cards[payment.card].balance += amount
        made = Refund(f"R{len(self.refunds) + 1:06}", reference, amount, currency, self.now())
        self.refunds.append(made)
        return made

    def _latest(self, reference: str) -> Payment | None:
        return next((each for each in reversed(self.payments) if each.reference == reference), None)
