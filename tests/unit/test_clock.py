"""A clock that nobody sets, and calls whose biller's clock somebody sets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rtbill.clock import SteadyClock
from rtbill.domain.call import CallId
from rtbill.domain.events import CallAnswered, CallStarted, LinkRestored, Snapshot
from tests.fakes.builders import one_event
from tests.fakes.office import an_office
from tests.fakes.virtual_clock import VirtualClock, settle
from tests.unit.adapters.ami_text import dial_begin, newstate
from tests.unit.adapters.exchange import FakeExchange, ManualClock, a_pbx, running
from tests.unit.credit.test_holding import SECOND, limits

STEPS = [300.0, -300.0]


@pytest.mark.parametrize("step_s", STEPS)
async def test_a_steady_clock_goes_on_though_the_other_one_is_set(step_s: float) -> None:
    clock = VirtualClock()
    steady = SteadyClock(clock)
    at_first = clock.now()
    clock.step(step_s)
    await clock.advance(20)
    assert steady.now() - at_first == timedelta(seconds=20)
    assert steady.monotonic() == clock.monotonic()


@pytest.mark.parametrize("step_s", STEPS)
async def test_an_exchange_is_told_the_same_limit_though_our_clock_is_set(step_s: float) -> None:
    class Settable(ManualClock):
        ahead = timedelta()

        def now(self) -> datetime:
            return super().now() + self.ahead

    clock = Settable()
    call = CallId("lab", "1.2")
    async with FakeExchange() as exchange:
        pbx = a_pbx(exchange, SteadyClock(clock))  # type: ignore[arg-type]
        async with running(pbx) as listener:
            await listener.next(LinkRestored)
            await clock.advance(4)
            exchange.say(f"{dial_begin(at=4)}\n\n{newstate(at=4)}")
            await listener.next(CallStarted)
            await listener.next(CallAnswered)
            clock.ahead = timedelta(seconds=step_s)
            await pbx.limit(call, 119.5)
            [order] = exchange.asked("AbsoluteTimeout")
            assert float(order.get("Timeout") or 0) == pytest.approx(119.5, abs=0.01)
            assert not exchange.asked("Hangup")


@pytest.mark.parametrize("step_s", STEPS)
async def test_a_snapshot_soon_after_our_clock_was_set_ends_no_call_and_delays_no_renewal(
    step_s: float,
) -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(20)
        made_s = office.clock.monotonic()
        office.clock.step(step_s)
        shown = one_event("12:00:20 snapshot; live 1 answered=12:00:00")
        assert isinstance(shown, Snapshot)
        office.pbx.tell(replace(shown, made_s=made_s))
        await settle()
        await office.clock.advance(40)
        assert office.pbx.done("hang_up") == []
        assert limits(office) == [59.5, 119.5]
