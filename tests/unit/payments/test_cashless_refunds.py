"""Money that goes back to a cashless card, and what the provider lists of a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from payments.cashless_mapping import Act, ListMapping
from payments.cashless_table import read_mapping_file
from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Approved,
    Created,
    ListedPayment,
    Refund,
    Refunded,
    RefundState,
)
from simulator.cashless_tricks import Trick
from tests.fakes.cashless import MAPPINGS, Provider, a_charge, a_provider

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


async def reserved(provider: Provider, reference: str) -> str:
    answer = await provider.gateway.create(a_charge(reference))
    assert isinstance(answer, Created)
    return answer.provider_id


async def taken(provider: Provider) -> str:
    provider.books.now = lambda: NOW
    known = await reserved(provider, a_charge().reference)
    assert isinstance(await provider.gateway.confirm(a_charge(), known), Approved)
    return known


def a_refund(known: str, micros: int = 5_000_000, reference: str = "77") -> Refund:
    return Refund(
        reference=reference,
        charge=a_charge().reference,
        provider_id=known,
        money=Money(micros, "EUR"),
    )


async def test_money_goes_back_once() -> None:
    async with a_provider() as provider:
        known = await taken(provider)
        done = Refunded("R000001", known, Money(5_000_000, "EUR"), RefundState.DONE, "77")
        assert await provider.gateway.refund(a_refund(known)) == done
        assert await provider.gateway.refund(a_refund(known)) == done
        assert provider.balance() == 5_000 - 1_250 + 500


async def test_more_than_was_taken_does_not_go_back() -> None:
    async with a_provider() as provider:
        known = await taken(provider)
        with pytest.raises(Refused, match=r"house refuses refund 77: .*INSUFFICIENT_FUNDS"):
            await provider.gateway.refund(a_refund(known, 12_510_000))


@pytest.mark.parametrize(
    ("trick", "error"),
    [
        (Trick.LOST, OutcomeUnknown),
        (Trick.WRONG_AMOUNT, OutcomeUnknown),
        (Trick.WRONG_REFERENCE, OutcomeUnknown),
        (Trick.FAULT_EMPTY, OutcomeUnknown),
        (Trick.FAULT_NEW, OutcomeUnknown),
        (Trick.BUSY, Unavailable),
    ],
)
async def test_a_refund_in_doubt_is_not_done_and_not_refused(
    trick: Trick, error: type[Exception]
) -> None:
    async with a_provider() as provider:
        known = await taken(provider)
        provider.server.tricks.plan("refund", trick)
        with pytest.raises(error, match="house: refund 77: "):
            await provider.gateway.refund(a_refund(known))


async def test_the_list_of_a_day_has_its_payments_and_refunds() -> None:
    async with a_provider() as provider:
        known = await taken(provider)
        await provider.gateway.refund(a_refund(known))
        await reserved(provider, "2")  # not taken: it is not listed
        listed = await provider.gateway.listed(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
        assert list(listed) == [
            ListedPayment(known, a_charge().reference, Money(12_500_000, "EUR"), NOW),
            ListedPayment("R000001", "77", Money(5_000_000, "EUR"), NOW, is_refund=True),
        ]
        assert await provider.gateway.listed(NOW - timedelta(days=2), NOW) == []


async def test_a_list_that_was_cut_is_not_taken_for_the_whole() -> None:
    shipped = read_mapping_file(MAPPINGS["cashless"])
    listing = shipped.acts[Act.LIST]
    assert isinstance(listing, ListMapping)
    wrong = replace(listing, items=("total",), total=("payment", "amount"))
    async with a_provider() as provider:
        await taken(provider)
        provider.gateway._asking._mapping = replace(shipped, acts={**shipped.acts, Act.LIST: wrong})
        with pytest.raises(OutcomeUnknown, match="it lists 1 payments and speaks of 1250"):
            await provider.gateway.listed(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
