"""What a provider holds for us: each movement of it, and what they come to (RP-71)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.money import Money


class MovementKind(StrEnum):
    """What moved a balance."""

    PAYMENT = "payment"
    REFUND = "refund"
    """Also one that did not come about and is ours again."""
    DISPUTE = "dispute"
    FEE = "fee"
    """Of the provider, beside those that each payment carries."""
    PAYOUT = "payout"
    """To our bank, or back from it."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceMovement:
    """One movement of the balance."""

    id: str
    kind: MovementKind
    words: str
    """The kind in the provider's words."""
    about: str
    """The provider's id of what it is of: a charge, a refund, a dispute, a payout."""
    money: Money
    """Before the fee; below zero when it went from us."""
    fee: Money
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSums:
    """What the movements of a span come to in one currency; in micros, below zero where it went
    from us.
    """

    currency: str
    payments: int = 0
    refunds: int = 0
    disputes: int = 0
    fees: int = 0
    """All of them: those of payments too."""
    payouts: int = 0
    others: int = 0
    unexplained: int = 0
    """Of all these, what neither the provider's list nor our books account for."""

    @property
    def change(self) -> int:
        """By how much the balance is higher after the span."""
        moved = self.payments + self.refunds + self.disputes + self.others
        return moved + self.fees + self.payouts
