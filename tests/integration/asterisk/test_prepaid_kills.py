"""kill -9 of biller, exchange and both during a prepaid call: the money is exact, or the call is
put before a person; nobody talks for more than was held.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.prepaid import GERMANY, TARIFF, Prepaid, beside, until
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab

SHORT, RICH = "1001", "1004"
SHORT_MICROS, RICH_MICROS = 100_000, 20_000_000
TAKE_UP_S_MAX = 2.0
NUMBER = "30555800"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="session")
def killed_rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with rooms and tariff, made once."""
    biller = Biller(tmp_path_factory.mktemp("killed"), 1)
    biller.prepare([Room(SHORT, "0.10"), Room(RICH, "20.00")], TARIFF)
    return biller.database


@pytest.fixture(params=[True, False], ids=["inline", "reactive"])
async def site(
    request: pytest.FixtureRequest, lab: Lab, killed_rooms: Path, tmp_path: Path
) -> AsyncIterator[Prepaid]:
    """In either mode."""
    async with beside(lab, tmp_path, killed_rooms, inline=request.param) as ready:
        yield ready


async def is_noted(site: Prepaid) -> None:
    """Wait until the call is in the database, and its timer in the exchange."""
    await until(lambda: bool(site.biller.query("SELECT * FROM live_call")), "not noted")
    await until(lambda: b"AbsoluteTimeout" in site.cable.sent, "no timer is set")


async def started_again(site: Prepaid) -> None:
    site.biller.start()
    await site.biller.ready()


def assert_exact(site: Prepaid, extension: str, before: int, price: int) -> None:
    assert site.balance(extension) == before - price
    assert "proven" in site.biller.run("verify")


async def test_dead_biller_cannot_let_a_call_talk_for_more_than_was_held(site: Prepaid) -> None:
    call = await site.call_out(SHORT, NUMBER)
    await is_noted(site)
    await site.talked_until(NUMBER, 1.5)
    held = await site.is_held(SHORT)
    site.biller.kill9()
    await call.ended(timeout_s=20)
    talk_s = await site.talk_s(NUMBER)
    assert talk_s <= held.granted_s
    assert GERMANY.price(talk_s) <= held.micros
    await started_again(site)
    booked = await site.booked(NUMBER)
    assert (booked.status, booked.price_micros) == ("rated", GERMANY.price(talk_s))
    await site.nothing_is_held()
    assert_exact(site, SHORT, SHORT_MICROS, GERMANY.price(talk_s))


async def test_restarted_biller_takes_up_the_call_within_two_seconds(site: Prepaid) -> None:
    call = await site.call_out(RICH, NUMBER)
    await is_noted(site)
    site.biller.kill9()
    granted_s = (await site.is_held(RICH)).granted_s
    site.cable.sent.clear()
    site.biller.start()
    await until(lambda: b"Action: Login" in site.cable.sent, "not signed in")
    signed_in = time.monotonic()
    await until(lambda: b"AbsoluteTimeout" in site.cable.sent, "the timer is not set again")
    assert time.monotonic() - signed_in < TAKE_UP_S_MAX
    await site.talked_until(NUMBER, granted_s + 1.0)
    assert call.state is State.UP, "its hold was not extended"
    call.hang_up()
    talk_s = await site.talk_s(NUMBER)
    booked = await site.booked(NUMBER)
    assert (booked.status, booked.price_micros) == ("rated", GERMANY.price(talk_s))
    await site.nothing_is_held()
    assert_exact(site, RICH, RICH_MICROS, GERMANY.price(talk_s))


@pytest.mark.parametrize("both", [False, True], ids=["exchange", "both"])
async def test_killed_exchange_leaves_the_call_in_doubt_and_nothing_held(
    site: Prepaid, *, both: bool
) -> None:
    await site.call_out(RICH, NUMBER)
    await is_noted(site)
    await asyncio.sleep(1.0)
    if both:
        site.biller.kill9()
    site.lab.server.kill9()
    site.lab.server.start()
    if both:
        await started_again(site)
    booked = await site.booked(NUMBER)
    assert booked.status == "unconfirmed"
    await site.nothing_is_held()
    assert_exact(site, RICH, RICH_MICROS, 0)
