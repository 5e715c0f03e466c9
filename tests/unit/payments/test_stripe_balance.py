"""The balance at Stripe, movement by movement (rule RP-71)."""

from __future__ import annotations

from datetime import timedelta

from rtbill.domain.money import Money
from rtbill.domain.payment import Refund
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice

DAY = timedelta(days=1)


async def test_charges_refunds_disputes_and_payouts_add_up_to_the_balance(
    office: StripeOffice,
) -> None:
    provider_id = await office.paid(office.a_charge())
    await office.paid(office.a_charge("disputed", reference="202611270002"))
    money = Money(3_000_000, "EUR")
    await office.gateway.refund(
        Refund(reference="55", charge=REFERENCE, provider_id=provider_id, money=money)
    )
    office.provider.payments.pay_out("eur")
    movements = await office.gateway.movements(NOON - DAY, NOON + DAY)
    seen = [(each.kind, str(each.money), str(each.fee)) for each in movements]
    # The simulated provider takes 1.5 % and 0.25; the payout is what is left: 10 - 3 - 2 * 0.40.
    assert seen == [
        ("charge", "10.00 EUR", "0.40 EUR"),
        ("charge", "10.00 EUR", "0.40 EUR"),
        ("adjustment", "-10.00 EUR", "0.00 EUR"),
        ("refund", "-3.00 EUR", "0.00 EUR"),
        ("payout", "-6.20 EUR", "0.00 EUR"),
    ]
    assert movements[3].about == office.provider.books.all_of("refund")[0]["id"]
    assert await office.gateway.movements(NOON + DAY, NOON + 2 * DAY) == []
