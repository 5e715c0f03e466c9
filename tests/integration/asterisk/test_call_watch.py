"""Watching a test call on a real exchange: what arrived, what was missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.asterisk.inspection.call_seen import CallSeen, call_findings
from adapters.asterisk.inspection.call_watch import watch_call
from rtbill.clock import SystemClock
from rtbill.domain.finding import Severity
from tests.integration.asterisk.planting import Garden
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import rejecting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration.asterisk.lab import Lab

LONG_ENOUGH_S = 8.0


async def watched(
    lab: Lab, number: str, dial: Callable[[], Awaitable[None]], seconds: float = LONG_ENOUGH_S
) -> CallSeen:
    """What is seen of a call that is dialled once the watch is ready."""
    ready = asyncio.Event()
    settings = Garden(lab.server).settings()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(
            watch_call(settings, SystemClock(), number, seconds, ready.set), name="watch"
        )
        await ready.wait()
        await dial()
    return watching.result()


def problems(seen: CallSeen) -> list[str]:
    return [each.code for each in call_findings(seen) if each.severity is Severity.PROBLEM]


async def test_a_call_that_arrives_as_it_must_has_no_problem(lab: Lab) -> None:
    async def dial() -> None:
        call = lab.phones.call("1001", "9555700")
        await call.wait(State.UP)
        leg = await lab.trunk_leg("555700")
        await lab.ami.action("AbsoluteTimeout", Channel=leg["DestChannel"], Timeout="60")
        await asyncio.sleep(1.5)  # the watch looks at the timer a second after the answer
        call.hang_up()

    seen = await watched(lab, "9555700", dial)
    assert problems(seen) == []
    assert (seen.trunk, seen.payer, seen.dialled) == ("carrier", "1001", "555700")
    assert seen.is_answered
    assert seen.is_stamped
    assert seen.timer_s is not None
    assert 50 <= seen.timer_s <= 60
    assert seen.live_row
    assert seen.done_row
    assert seen.is_ended


async def test_a_locked_extension_is_told_apart(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1002")

    async def dial() -> None:
        await lab.phones.call("1002", "9555701").ended()

    seen = await watched(lab, "9555701", dial)
    assert seen.refused == "locked"
    assert problems(seen) == ["call-refused"]


async def test_a_busy_number_is_no_problem_of_the_exchange(lab: Lab) -> None:
    lab.carrier.policies["555702"] = rejecting(486)

    async def dial() -> None:
        await lab.phones.call("1001", "9555702").ended()

    seen = await watched(lab, "9555702", dial)
    assert problems(seen) == []
    assert [each.code for each in call_findings(seen)] == ["call-answer"]
    assert seen.cause == "17"


async def test_a_leg_that_passed_no_dialplan_of_ours_has_no_payer_and_no_stamp(lab: Lab) -> None:
    async def dial() -> None:
        await lab.ami.action(
            "Originate",
            Channel="Local/555703@straight-out/n",
            Application="Wait",
            Data="2",
            Async="true",
        )

    garden = Garden(lab.server)
    garden.append(
        "extensions.conf", "[straight-out]\nexten => _X!,1,Dial(PJSIP/${EXTEN}@carrier)\n"
    )
    garden.reload()
    try:
        seen = await watched(lab, "555703", dial)
    finally:
        garden.restore()
    assert seen.trunk == "carrier"
    assert problems(seen) == ["call-payer", "call-number", "call-answer", "call-record"]


async def test_nothing_dialled_is_nothing_seen(lab: Lab) -> None:
    async def dial() -> None:
        return

    assert problems(await watched(lab, "9555704", dial, seconds=0.5)) == ["call-not-seen"]
