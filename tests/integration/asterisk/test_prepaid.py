"""Prepaid calls on a real exchange: money that comes in late, is shared, and warns before it ends;
and calls that are transferred.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.prepaid import (
    EARLY_S,
    GERMANY,
    GUARD_S,
    TARIFF,
    Prepaid,
    beside,
    until,
)
from tests.integration.asterisk.server import CARRIER_IP, PHONE_IP
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.sip_call import Call

SHORT, SHARED = "1001", "1003"
SHORT_MICROS, SHARED_MICROS = 100_000, 200_000
"""One call of 8 s; two of 16 s together."""
LAST_S = 1.5
"""So long before the end of its last slice the money comes in."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="session")
def prepaid_rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with rooms and tariff, made once."""
    biller = Biller(tmp_path_factory.mktemp("prepaid"), 1)
    biller.prepare([Room(SHORT, "0.10"), Room(SHARED, "0.20")], TARIFF)
    return biller.database


@pytest.fixture
async def reactive(lab: Lab, prepaid_rooms: Path, tmp_path: Path) -> AsyncIterator[Prepaid]:
    """The exchange does not ask."""
    async with beside(lab, tmp_path, prepaid_rooms, inline=False) as site:
        yield site


@pytest.fixture(params=[True, False], ids=["inline", "reactive"])
async def prepaid(
    request: pytest.FixtureRequest, lab: Lab, prepaid_rooms: Path, tmp_path: Path
) -> AsyncIterator[Prepaid]:
    """In either mode."""
    async with beside(lab, tmp_path, prepaid_rooms, inline=request.param) as site:
        yield site


async def ended(call: Call) -> None:
    await call.ended(timeout_s=30)


async def cut_by(site: Prepaid, number: str, micros: int) -> int:
    """Check that the call was cut when so much money was gone; gives its price by hand."""
    talk_s, affordable_s = await site.talk_s(number), GERMANY.affordable_s(micros)
    assert affordable_s - GUARD_S - EARLY_S <= talk_s <= affordable_s
    price = GERMANY.price(talk_s)
    booked = await site.booked(number)
    assert (booked.status, booked.price_micros) == ("rated", price)
    return price


# ---- money that comes in


async def test_top_up_just_before_the_end_of_the_last_slice_saves_the_call(
    prepaid: Prepaid,
) -> None:
    call = await prepaid.call_out(SHORT, "30555700")
    old_end_s = GERMANY.affordable_s(SHORT_MICROS)
    await prepaid.talked_until("30555700", old_end_s - LAST_S)
    held = await prepaid.is_held(SHORT)
    assert (held.granted_s, held.is_final) == (old_end_s, True)
    await prepaid.credit(SHORT, "0.05")
    await prepaid.talked_until("30555700", old_end_s + 1)
    assert call.state is State.UP
    await ended(call)
    price = await cut_by(prepaid, "30555700", SHORT_MICROS + 50_000)
    assert prepaid.balance(SHORT) == SHORT_MICROS + 50_000 - price


# ---- two calls, one balance


async def test_two_calls_at_once_together_spend_no_more_than_there_is(prepaid: Prepaid) -> None:
    numbers = ("30555701", "30555702")
    calls = [await prepaid.call_out(SHARED, number) for number in numbers]
    for call in calls:
        await ended(call)
    prices = [GERMANY.price(await prepaid.talk_s(number)) for number in numbers]
    booked = [(await prepaid.booked(number)).price_micros for number in numbers]
    assert booked == prices
    assert sum(prices) <= SHARED_MICROS
    assert prepaid.balance(SHARED) == SHARED_MICROS - sum(prices)
    await prepaid.nothing_is_held()


async def test_call_goes_on_with_the_money_that_another_one_leaves(prepaid: Prepaid) -> None:
    short = await prepaid.call_out(SHARED, "30555703")
    long = await prepaid.call_out(SHARED, "30555704")
    await prepaid.talked_until("30555703", 2.5)
    short.hang_up()
    price = GERMANY.price(await prepaid.talk_s("30555703"))
    await ended(long)
    left = SHARED_MICROS - price
    # Half of the money, which was its share while both talked, would have ended it long before.
    assert await prepaid.talk_s("30555704") > GERMANY.affordable_s(SHARED_MICROS // 2) + 3
    price = await cut_by(prepaid, "30555704", left)
    assert prepaid.balance(SHARED) == left - price


# ---- the warning


async def test_tone_before_the_end_is_heard_by_who_pays_and_not_by_the_far_end(
    reactive: Prepaid,
) -> None:
    with hearing(PHONE_IP) as near, hearing(CARRIER_IP) as far:
        reactive.lab.phones.sound_port = near.getsockname()[1]
        reactive.lab.carrier.sound_port = far.getsockname()[1]
        call = await reactive.call_out(SHORT, "30555705")
        await reactive.talked_until("30555705", 3.0)
        assert not keys_heard(near)
        await ended(call)
        assert keys_heard(near) == {"1"}
        assert not keys_heard(far)


@contextmanager
def hearing(ip: str) -> Iterator[socket.socket]:
    """Where a telephone's sound arrives."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound:
        sound.bind((ip, 0))
        sound.settimeout(0)
        yield sound


def keys_heard(sound: socket.socket) -> set[str]:
    """Which keys came as telephone events (RFC 4733, payload type 101) since the last look."""
    keys: set[str] = set()
    while True:
        try:
            packet = sound.recv(2048)
        except BlockingIOError:
            return keys
        if packet[1] & 0x7F == 101:
            keys.add("0123456789*#"[packet[12]])


# ---- transfers


@pytest.mark.parametrize("how", ["blind", "attended", "redirected"])
async def test_transferred_call_is_still_cut_when_the_money_is_gone_and_later_when_some_comes_in(
    reactive: Prepaid, how: str
) -> None:
    number = "30555706"
    call = await reactive.call_out(SHORT, number)
    if how == "blind":
        call.transfer("1002")
    elif how == "attended":
        call.hold()
        inside = await reactive.lab.phones.call(SHORT, "1002").wait(State.UP)
        await reactive.lab.talking("PJSIP/1002-")
        call.transfer_to(inside)
        assert await call.transfer_outcome() == 200
    else:
        channel = (await reactive.lab.trunk_leg(f"0049{number}"))["DestChannel"]
        await reactive.lab.ami.action(
            "Redirect", Channel=channel, Context="from-phones", Exten="1002", Priority="1"
        )
    other = await (await reactive.lab.phones.next_incoming("1002")).wait(State.UP)
    await reactive.talked_until(number, 5.0)
    await reactive.credit(SHORT, "0.03")
    await ended(other)
    price = await cut_by(reactive, number, SHORT_MICROS + 30_000)
    assert reactive.balance(SHORT) == SHORT_MICROS + 30_000 - price


async def test_transferred_call_is_cut_by_the_exchange_although_the_biller_is_dead(
    reactive: Prepaid,
) -> None:
    call = await reactive.call_out(SHORT, "30555707")
    await until(lambda: reactive.cable.sent.count(b"AbsoluteTimeout") > 0, "no timer is set")
    await reactive.talked_until("30555707", 1.5)
    held = await reactive.is_held(SHORT)
    reactive.biller.kill9()
    call.transfer("1002")
    other = await (await reactive.lab.phones.next_incoming("1002")).wait(State.UP)
    await ended(other)
    assert GERMANY.price(await reactive.talk_s("30555707")) <= held.micros
