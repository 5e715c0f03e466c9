"""The service beside a real exchange that asks it before it dials."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.integration.asterisk.generated import Generated
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding, rejecting, ringing
from tests.integration.asterisk.test_billing import until_true
from tests.integration.biller.process import Biller, Room
from tests.integration.loopback_ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab

POOR, RICH, EMPTY = "1005", "1001", "1006"
"""0.02 buy the fee of 0.015 and five seconds at 0.001, less the guard of half a second."""
CREDIT = """
[credit]
call_min_s = 3
"""
FORBIDDEN = 403
SET_UP_DELAY_S_MAX = 2.2

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True)
class Asked:
    """A real exchange and the biller that it asks."""

    lab: Lab
    biller: Biller

    async def reason(self) -> str:
        said = await self.lab.ami.event(
            "UserEvent", lambda event: event["UserEvent"] == "RtbillRefused"
        )
        return said["Reason"]

    async def pushed(self, extension: str, row: str) -> None:
        """Wait until the exchange holds this row of what it does alone."""

        async def holds() -> bool:
            return await self.lab.ami.get("rtbill/unaided", extension) == row

        await until_true(holds, f"no row {row}")


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with rooms and tariff, made once."""
    biller = Biller(tmp_path_factory.mktemp("rooms"), 1)
    biller.prepare([Room(RICH, "20.00"), Room(POOR, "0.02"), Room(EMPTY, "0.00")])
    return biller.database


@pytest.fixture
async def asked(lab: Lab, rooms: Path, tmp_path: Path) -> AsyncIterator[Asked]:
    """Rooms with much, little and no money; the exchange asks before it dials."""
    port = free_port()
    await lab.regenerate(Generated(inline_port=port))
    ami_port, secret = lab.server.ports.ami, lab.server.secret
    biller = Biller(tmp_path, ami_port, secret=secret, inline_port=port, more=CREDIT)
    biller.take_over(rooms)
    biller.start()
    try:
        await biller.ready()
        yield Asked(lab, biller)
    finally:
        biller.end()


async def test_call_is_granted_priced_and_cut_by_the_dialplans_own_timer(asked: Asked) -> None:
    call = await asked.lab.phones.call(POOR, "9555150").wait(State.UP)
    leg = await asked.lab.trunk_leg("555150")
    asked.biller.kill9()
    await call.ended(timeout_s=15)
    done = await asked.lab.done(leg["DestUniqueid"])
    assert done.ended is not None
    assert 3.9 < done.ended - done.answered <= 5.0


async def test_who_has_no_money_is_refused_before_anything_is_dialled(asked: Asked) -> None:
    assert await asked.lab.phones.call(EMPTY, "9555151").ended() == FORBIDDEN
    assert await asked.reason() == "balance"
    assert asked.lab.trunk_legs == []
    await asked.lab.phones.call(EMPTY, "112").wait(State.UP)
    await asked.lab.phones.call(EMPTY, "90800123456").wait(State.UP)


async def test_number_without_a_rate_is_refused_to_prepaid(asked: Asked) -> None:
    assert await asked.lab.phones.call(RICH, "90012125550100").ended() == FORBIDDEN
    assert await asked.reason() == "unrated"


async def test_money_counts_at_once_though_the_lock_still_stands(asked: Asked) -> None:
    await asked.lab.ami.put("rtbill/lock", EMPTY)
    asked.biller.run("credit", f"room-{EMPTY}", "5.00", "--key", "receipt-1")
    await asked.lab.phones.call(EMPTY, "9555152").wait(State.UP)


async def test_lock_by_hand_is_told_before_dialling(asked: Asked) -> None:
    asked.biller.run("lock", f"hall/{RICH}", "--reason", "lost key")
    assert await asked.lab.phones.call(RICH, "9555153").ended() == FORBIDDEN
    assert await asked.reason() == "locked"


async def test_telephone_that_calls_the_trunk_itself_is_hung_up_before_anybody_answers(
    asked: Asked,
) -> None:
    """Rung by a Dial of the site, which rtbill-inside does not watch."""
    asked.lab.phones.policies["1003"] = forwarding(quote("PJSIP/0900555@carrier", safe=""))
    asked.lab.phones.policies["1004"] = rejecting(486)
    asked.lab.carrier.policies["0900555"] = ringing()
    call = asked.lab.phones.call(RICH, "2100")
    leg = await asked.lab.trunk_leg("0900555")
    await asked.lab.hangup_of(leg["DestUniqueid"])
    await call.ended()
    states = asked.lab.ami.seen("Newstate", lambda event: event["Uniqueid"] == leg["DestUniqueid"])
    assert "6" not in [state["ChannelState"] for state in states]


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["hung", "dead"])
async def test_biller_that_does_not_answer_delays_little_and_leaves_what_it_pushed(
    asked: Asked, how: signal.Signals
) -> None:
    await asked.pushed(RICH, "closed")
    await asked.lab.ami.put("rtbill/unaided", "1002", "home:other/60:0")
    os.kill(asked.biller.pid, how)
    began = time.monotonic()
    assert await asked.lab.phones.call(RICH, "9555154").ended() == FORBIDDEN
    assert time.monotonic() - began < SET_UP_DELAY_S_MAX
    assert await asked.reason() == "silent"
    began = time.monotonic()
    await asked.lab.phones.call("1002", "9555155").wait(State.UP)
    assert time.monotonic() - began < SET_UP_DELAY_S_MAX
    if how is signal.SIGSTOP:
        os.kill(asked.biller.pid, signal.SIGCONT)


async def test_question_adds_little_to_the_set_up(asked: Asked) -> None:
    async def took_s(number: str) -> float:
        began = time.monotonic()
        call = await asked.lab.phones.call(RICH, number).wait(State.UP)
        took = time.monotonic() - began
        call.hang_up()
        return took

    # In turns, and the fastest of each: other work on the machine only ever adds.
    times = [(await took_s("9555156"), await took_s("90800555156")) for _ in range(7)]
    asking, without = map(min, zip(*times, strict=True))
    assert asking - without < 0.1, "20 ms and less on a quiet machine"
