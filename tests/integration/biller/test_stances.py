"""The service as a process: observed for a day, then enforced, then observed again.

A second to Germany costs 0.001 and an answer 0.015, so 0.02 buys five seconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.ami_server import AmiServer
from simulator.calls import CallState
from simulator.clock import SpeedClock
from simulator.exchange import Exchange
from tests.integration.biller.process import SECRET, Biller, Room

POOR, RICH = Room("1001", "0.02"), Room("1002", "20.00")
GERMANY = "0301234567"
WITHIN_S = 10.0

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stances"), pytest.mark.timeout(120)]


@pytest.fixture
async def server() -> AsyncIterator[AmiServer]:
    """A simulated exchange with two telephones."""
    clock = SpeedClock()
    exchange = Exchange(clock.now_us, extensions=[POOR.extension, RICH.extension])
    async with AmiServer(exchange, clock, secret=SECRET) as started:
        yield started


async def test_what_was_observed_is_locked_at_the_start_that_enforces_and_opened_by_the_next(
    server: AmiServer, tmp_path: Path
) -> None:
    biller = Biller(tmp_path, server.port, stance="observe", unaided="open")
    biller.prepare([POOR, RICH])
    try:
        await _observe(server, biller)
        before = biller.query("SELECT key, text FROM observation ORDER BY id")

        biller.set_stance("observe", "enforce")
        biller.start()
        await until(lambda: rows(server, "lock") == {"1001": "1"})
        await until(lambda: rows(server, "divert") == {"1001": "1"})
        # Each of two calls may spend 10.00: 0.015 and 9985 s to Germany, 5000 s to the United
        # Kingdom, which is in no class; both less the guard.
        wanted = {"1001": "home:other/0:0", "1002": "home:other/9984:4999"}
        await until(lambda: rows(server, "unaided") == wanted)
        assert await call(server, 0.3) is CallState.REFUSED
        assert (await observed(biller))["switching"] == {}
        assert biller.stop() == 0

        biller.set_stance("enforce", "observe")
        biller.start()
        await until(lambda: rows(server, "lock") == {})
        await until(lambda: rows(server, "divert") == {})
        await until(lambda: rows(server, "unaided") == {"1001": "open", "1002": "open"})
        assert biller.query("SELECT key, text FROM observation ORDER BY id") == before
        assert biller.stop() == 0
    finally:
        biller.end()


async def _observe(server: AmiServer, biller: Biller) -> None:
    """One life in which the poor telephone spends more than there is, and nothing happens to it."""
    biller.start()
    await biller.ready()
    await until(lambda: rows(server, "unaided") == {"1001": "open", "1002": "open"})
    await call(server, 5.6)
    await until(lambda: kinds(biller) == ["cut", "lock"])
    assert await call(server, 0.3) is CallState.ENDED, "nothing refuses it"
    await until(lambda: kinds(biller) == ["cut", "cut", "lock", "refuse"])
    assert rows(server, "lock") == {}
    assert rows(server, "divert") == {}
    assert orders(server) == []
    answer = await observed(biller)
    assert answer["switching"] == {"hall/1001": {"outgoing": "locked", "incoming": "divert"}}
    assert (answer["totals"]["refused"], answer["totals"]["cut"]) == (1, 1)
    # All of the second call (0.016), and a second or two of the first.
    assert 0.016 < float(answer["totals"]["beyond"]["EUR"]) < 0.020
    assert "1 extensions would be locked" in await asyncio.to_thread(biller.run, "status")
    assert biller.stop() == 0


async def test_a_kill_between_refusal_and_end_tells_neither_twice(
    server: AmiServer, tmp_path: Path
) -> None:
    biller = Biller(tmp_path, server.port, stance="observe")
    biller.prepare([Room(POOR.extension, "0.01"), RICH])
    try:
        biller.start()
        await biller.ready()
        placed = server.start_call(POOR.extension, GERMANY)
        await until(lambda: kinds(biller) == ["refuse"])
        server.answer(placed)
        await until(lambda: biller.query("SELECT count(*) FROM live_call") == [(1,)])
        biller.kill9()
        biller.start()
        await biller.ready()
        await asyncio.sleep(0.5)
        server.hang_up(placed)
        await until(lambda: kinds(biller) == ["cut", "lock", "refuse"])
        totals = (await observed(biller))["totals"]
        assert (totals["refused"], totals["cut"]) == (1, 0)
        assert orders(server) == []
    finally:
        biller.end()


async def call(server: AmiServer, talk_s: float) -> CallState:
    """The poor telephone calls Germany for so long, unless it is refused; how it ended."""
    placed = server.start_call(POOR.extension, GERMANY)
    if placed.state is not CallState.REFUSED:
        await asyncio.sleep(0.2)
        server.answer(placed)
        await asyncio.sleep(talk_s)
        assert not placed.is_over, "somebody cut it"
        server.hang_up(placed)
    return placed.state


def rows(server: AmiServer, family: str) -> dict[str, str]:
    """What the exchange's database holds."""
    tree = server.database.tree(f"rtbill/{family}")
    return {path.rsplit("/", 1)[1]: value for path, value in tree}


def orders(server: AmiServer) -> list[str]:
    """Limits and hang-ups that the biller has sent."""
    names = [action["action"] for action in server.actions]
    return [name for name in names if name in ("AbsoluteTimeout", "Hangup")]


async def observed(biller: Biller) -> Any:
    """What `rtbill observed` says, while the exchange goes on."""
    return json.loads(await asyncio.to_thread(biller.run, "observed", "--json"))


def kinds(biller: Biller) -> list[str]:
    """What the books hold of it."""
    return sorted(str(kind) for (kind,) in biller.query("SELECT kind FROM observation"))


async def until(true: Callable[[], bool]) -> None:
    """Return when it is so."""
    end = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
