"""Our balance at Stripe: every movement, so that the clearing account can be proven (rule RP-71).

Payments and refunds stand here in the currency that Stripe settles in, less its fees; payouts to
the bank take the balance down again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from payments.secret_text import shown
from payments.stripe_objects import read_instant, read_money, second_of
from payments.stripe_wire import PAGES_MAX, StripeWire
from rtbill.domain.provider_balance import BalanceMovement, MovementKind

_KINDS: Mapping[str, MovementKind] = {
    **dict.fromkeys(("charge", "payment"), MovementKind.PAYMENT),
    **dict.fromkeys(
        ("refund", "payment_refund", "refund_failure", "payment_failure_refund"),
        MovementKind.REFUND,
    ),
    "adjustment": MovementKind.DISPUTE,
    **dict.fromkeys(("stripe_fee", "network_cost", "tax_fee"), MovementKind.FEE),
    **dict.fromkeys(("payout", "payout_cancel", "payout_failure"), MovementKind.PAYOUT),
}
"""Of what rtbill has to do with; all else is told as it stands."""


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
                    kind=_KINDS.get(str(each.get("type")), MovementKind.OTHER),
                    words=shown(each.get("type")),
                    about=shown(each.get("source")),
                    money=read_money(each, what),
                    fee=read_money(fee, what),
                    at=read_instant(each),
                )
            )
    return found[::-1]
