"""Refunds are found by provider and time, for the comparison with the provider's list."""

from __future__ import annotations

from datetime import timedelta

from payments import heard, settling, wanting
from payments.attempts import Event
from payments.heard import Heard
from payments.looking import Terms
from payments.replenish import Bounds, Wish
from payments.wanting import GiveBack, New
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.money import Money
from rtbill.domain.payment import Approved
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import Asker, PaymentState
from rtbill.domain.vat import VatPoint
from rtbill.domain.work import TopUpStep
from tests.contract.conftest import Sides
from tests.fakes.environment import NOON
from tests.fakes.till import REFERENCE, a_method, settings

HOUR = timedelta(hours=1)
TEN = Money(10_000_000, "EUR")


async def paid(books: Sides) -> None:
    """Room 1 bought ten euros."""
    await books.store.change(KeepMethod(a_method()))
    await books.store.change(SetReplenishment(settings()))

    def decide(state: AccountState, kept: PaymentState, _pools: Pools) -> Facts:
        if kept.top_up is None:
            wish = Wish(asked_by=Asker.BALANCE, at=NOON)
            new = New(reference=REFERENCE, vat_point=VatPoint.USE)
            return wanting.want(state, kept, wish, Bounds(), new)
        next_ = {"wanted": Event.CREATE_ASKED, "asked": Event.CREATED}.get(kept.top_up.state)
        what = heard.outcome(kept.top_up, Approved("pi_1", TEN), NOON)
        if next_ is not None:
            what = Heard(event=next_, at=NOON, provider_id="pi_1")
        return settling.settle(state, kept, what, Terms())

    for _ in range(4):
        await books.store.take_step(TopUpStep("room-1", REFERENCE, decide))


async def test_refunds_of_a_provider_within_a_span(books: Sides) -> None:
    await paid(books)
    gateway = a_method().method.gateway
    for number in range(3):
        wanted = GiveBack(
            key=str(70 + number),
            money=Money((1 + number) * 1_000_000, "EUR"),
            reason="moved out",
            at=NOON + number * HOUR,
        )

        def decide(
            state: AccountState, kept: PaymentState, _pools: Pools, wanted: GiveBack = wanted
        ) -> Facts:
            return wanting.give_back(state, kept, wanted)

        await books.store.take_step(TopUpStep("room-1", REFERENCE, decide))

    async def keys(since: timedelta, until: timedelta, of: str = gateway) -> list[str]:
        found = await books.reader.reversals_of(of, NOON + since, NOON + until)
        return [each.key for each in found]

    assert await keys(0 * HOUR, 9 * HOUR) == ["70", "71", "72"]
    assert await keys(HOUR, 2 * HOUR) == ["71"]
    assert await keys(0 * HOUR, 9 * HOUR, "another") == []
