"""Our balance at Stripe: every movement, so that the clearing account can be proven (rule RP-71).

Payments and refunds stand here in the currency that Stripe settles in, less its fees; payouts to
the bank take the balance down again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from payments.secret_text import shown
from payments.stripe_objects import read_instant, read_money, second_of
from payments.stripe_wire import PAGES_MAX, StripeWire
from rtbill.domain.money import Money


@dataclass(frozen=True, slots=True)
class BalanceMovement:
    """One movement of the balance."""

    id: str
    kind: str
    """In Stripe's words: `charge`, `refund`, `adjustment` (of a dispute), `payout`."""
    about: str
    """Stripe's id of the charge, refund, dispute or payout."""
    money: Money
    """Before the fee; below zero when it went from us."""
    fee: Money
    at: datetime


async def balance_movements(
    wire: StripeWire, since: datetime, until: datetime
) -> list[BalanceMovement]:
    """What moved in this span, oldest first; Unavailable or OutcomeUnknown."""
    found: list[BalanceMovement] = []
    pages = wire.pages(
        "the list of balance movements",
        wire.api.balance_transactions.list_async,
        PAGES_MAX,
        created={"gte": second_of(since), "lt": second_of(until)},
    )
    async for page in pages:
        for each in page:
            movement = shown(each.get("id"))
            what = f"balance movement {movement}"
            fee = {"amount": each.get("fee"), "currency": each.get("currency")}
            found.append(
                BalanceMovement(
                    id=movement,
                    kind=shown(each.get("type")),
                    about=shown(each.get("source")),
                    money=read_money(each, what),
                    fee=read_money(fee, what),
                    at=read_instant(each),
                )
            )
    return found[::-1]
