"""The balance at Stripe, movement by movement (rule RP-71)."""

from __future__ import annotations

from datetime import timedelta

from payments.provider_balance import prove
from rtbill.domain.money import Money
from rtbill.domain.payment import Refund
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice

DAY = timedelta(days=1)


async def _a_day(office: StripeOffice) -> None:
    """Two payments of 10.00: 3.00 given back, one disputed, the rest paid out."""
    provider_id = await office.paid(office.a_charge())
    await office.paid(office.a_charge("disputed", reference="202611270002"))
    money = Money(3_000_000, "EUR")
    await office.gateway.refund(
        Refund(reference="55", charge=REFERENCE, provider_id=provider_id, money=money)
    )
    office.provider.payments.pay_out("eur")


async def test_charges_refunds_disputes_and_payouts_add_up_to_the_balance(
    office: StripeOffice,
) -> None:
    await _a_day(office)
    movements = await office.gateway.movements(NOON - DAY, NOON + DAY)
    seen = [(each.words, str(each.money), str(each.fee)) for each in movements]
    # The simulated provider takes 1.5 % and 0.25; the payout is what is left: 10 - 3 - 2 * 0.40.
    assert seen == [
        ("charge", "10.00 EUR", "0.40 EUR"),
        ("charge", "10.00 EUR", "0.40 EUR"),
        ("adjustment", "-10.00 EUR", "0.00 EUR"),
        ("refund", "-3.00 EUR", "0.00 EUR"),
        ("payout", "-6.20 EUR", "0.00 EUR"),
    ]
    assert [str(each.kind) for each in movements] == [
        *("payment", "payment", "dispute", "refund", "payout")
    ]
    assert movements[3].about == office.provider.books.all_of("refund")[0]["id"]
    assert await office.gateway.movements(NOON + DAY, NOON + 2 * DAY) == []


async def test_a_day_at_the_provider_is_proven_by_its_list_and_our_disputes(
    office: StripeOffice,
) -> None:
    await _a_day(office)
    span = NOON - DAY, NOON + DAY
    movements, listed = await office.gateway.movements(*span), await office.gateway.listed(*span)
    [dispute] = office.provider.books.all_of("dispute")
    ours = {dispute["id"]: Money(10_000_000, "EUR")}

    proof = prove(movements, listed, ours, *span)
    assert proof.differences == ()
    [sums] = proof.sums
    # 20.00 paid, 3.00 back, 10.00 objected to, twice 0.40 of fee; all that is left paid out.
    assert (sums.fees, sums.payouts, sums.change) == (-800_000, -6_200_000, 0)
    assert [str(each.kind) for each in prove(movements, listed, {}, *span).differences] == [
        "unexplained"
    ]
