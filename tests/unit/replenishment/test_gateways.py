"""Asking a payment gateway: deadlines, mistakes of its own, and gateways that are gone."""

from __future__ import annotations

import asyncio

import pytest

from payments.looking import ANSWER_MAX
from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.gateway import PaymentGateway
from rtbill.replenishment.gateways import ANSWER_MAX_S, Gateways
from tests.fakes.environment import CountingMeter
from tests.fakes.fake_gateway import FakeGateway, Provider
from tests.fakes.virtual_clock import VirtualClock


def gateways(meter: CountingMeter | None = None) -> Gateways:
    clock = VirtualClock()
    return Gateways([FakeGateway(Provider(clock))], clock, meter or CountingMeter(), 0.01)


async def test_silence_is_an_unknown_outcome_when_its_deadline_has_passed() -> None:
    async def silent(_gateway: PaymentGateway) -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(OutcomeUnknown, match="did not answer within"):
        await gateways().ask("fake", "create", silent)


def test_the_deadline_is_before_the_top_up_is_looked_up_all_the_same() -> None:
    assert ANSWER_MAX.total_seconds() > ANSWER_MAX_S


async def test_a_mistake_in_a_gateway_is_an_unknown_outcome_too() -> None:
    async def wrong(_gateway: PaymentGateway) -> str:
        raise KeyError("id")

    with pytest.raises(OutcomeUnknown, match="failed: KeyError"):
        await gateways().ask("fake", "create", wrong)


async def test_one_that_is_configured_no_more_surely_heard_nothing() -> None:
    async def any_(_gateway: PaymentGateway) -> str:
        return "answer"

    with pytest.raises(Unavailable, match="'gone' is not configured any more"):
        await gateways().ask("gone", "find", any_)


@pytest.mark.parametrize("error", [Unavailable("down"), OutcomeUnknown("lost"), Refused("no")])
async def test_what_it_raises_comes_through_as_it_is(error: Exception) -> None:
    async def failing(_gateway: PaymentGateway) -> str:
        raise error

    with pytest.raises(type(error)) as caught:
        await gateways().ask("fake", "create", failing)
    assert caught.value is error


async def test_each_question_is_counted_and_timed() -> None:
    async def answering(_gateway: PaymentGateway) -> str:
        return "answer"

    meter = CountingMeter()
    assert await gateways(meter).ask("fake", "create", answering) == "answer"
    assert meter.counts["rtbill_gateway_asked_total"] == 1
    assert meter.observed["rtbill_gateway_seconds"] == [0.0]


async def test_closing_lets_go_of_each() -> None:
    own = gateways()
    await own.close()

    assert own.named("fake").is_closed  # type: ignore[attr-defined]
