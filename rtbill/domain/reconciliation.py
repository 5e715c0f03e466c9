"""What a provider's books and ours say of the same days, and where they differ (RP-70)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.money import Money
from rtbill.domain.provider_balance import BalanceSums


class DifferenceKind(StrEnum):
    """How two books can differ about one payment."""

    MISSING_HERE = "missing here"
    """It bears our reference, and no account was credited."""
    MISSING_THERE = "missing there"
    """An account was credited, or debited, and the provider knows of no such payment."""
    AMOUNT_DIFFERS = "amount differs"
    UNEXPLAINED = "unexplained"
    """The provider has it, and it bears no reference of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OurPayment:
    """A payment or a refund as our books have it."""

    reference: str
    provider_id: str
    account: str
    money: Money
    at: datetime
    is_refund: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDifference:
    """One payment about which the books differ."""

    kind: DifferenceKind
    at: datetime
    reference: str
    provider_id: str
    account: str = ""
    ours: Money | None = None
    theirs: Money | None = None
    is_refund: bool = False
    note: str = ""
    is_settled: bool = False
    """It was put right by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The books of one provider, compared with ours over a span."""

    gateway: str
    since: datetime
    until: datetime
    compared: int
    """Payments and refunds that both have, and of the same amount."""
    differences: Sequence[PaymentDifference]
    balance: Sequence[BalanceSums] = ()
    """What the provider's balance did, by currency; of one that keeps a balance for us."""
    balance_problem: str = ""
    """Why it is not told of one that does."""

    @property
    def open(self) -> list[PaymentDifference]:
        """Those that a person has to look at."""
        return [each for each in self.differences if not each.is_settled]
