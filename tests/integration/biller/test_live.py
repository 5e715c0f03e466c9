"""Looking on at a service that runs: the order, the stream, and the exposure in money."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from simulator.ami_server import AmiServer
from simulator.clock import SpeedClock
from simulator.exchange import Exchange
from tests.integration.biller.process import SECRET, TOKEN, Biller, Room

ROOM = Room("1001", "20.00")
GERMANY = "0301234567"

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stances"), pytest.mark.timeout(60)]


@pytest.fixture
async def server() -> AsyncIterator[AmiServer]:
    """A simulated exchange with one telephone."""
    clock = SpeedClock()
    exchange = Exchange(clock.now_us, extensions=[ROOM.extension])
    async with AmiServer(exchange, clock, secret=SECRET) as started:
        yield started


@pytest.fixture
async def biller(server: AmiServer, tmp_path: Path) -> AsyncIterator[Biller]:
    """The service, ready, with a token for its stream."""
    token = tmp_path / "live-token"
    token.write_text(TOKEN)
    token.chmod(0o400)
    biller = Biller(tmp_path, server.port)
    text = biller.config.read_text()
    biller.config.write_text(text.replace("[http]\n", '[http]\nlive_token_file = "live-token"\n'))
    biller.prepare([ROOM])
    biller.start()
    try:
        await biller.ready()
        yield biller
    finally:
        biller.end()


async def test_a_call_in_progress_is_seen_by_every_way_of_looking(
    server: AmiServer, biller: Biller
) -> None:
    url = f"http://127.0.0.1:{biller.http_port}/v1/live"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("GET", url, headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        assert (await _next(lines, "part"))["calls"] == []
        placed = server.start_call(ROOM.extension, GERMANY)
        server.answer(placed)
        talking = await _next(lines, "state", "talking")

        told = json.loads(await asyncio.to_thread(biller.run, "live", "--json"))
        plain = await asyncio.to_thread(biller.run, "live", "--account", "room-1001")
        status = json.loads(await asyncio.to_thread(biller.run, "status", "--json"))
        server.hang_up(placed)
        ended = await _next(lines, "status", "rated")

        assert biller.stop() == 0
        assert "rtbill stops" in str(await _next(lines, "reason"))
    [call] = told["calls"]
    assert talking["call"] == call["call"] == ended["call"]
    # 0.015 for the answer and 0.001 a second: 60 s are held for it.
    assert (call["held"], call["granted_s"], call["account"]) == ("0.075", 60, "room-1001")
    assert "1 talking, 0 ringing; held 0.075 EUR by 1 hold\n" in plain
    [pbx] = status["pbxs"]
    # Dearest is a minute to the United Kingdom, 0.12, of two calls.
    assert pbx["at_risk"] == {"EUR": "0.24"}
    assert (pbx["holds"], pbx["held"]) == (1, {"EUR": "0.075"})


async def _next(lines: AsyncIterator[str], key: str, value: str | None = None) -> dict[str, object]:
    """The data of the next event that has this."""
    async for line in lines:
        if line.startswith("data: "):
            data: dict[str, object] = json.loads(line.removeprefix("data: "))
            if key in data and value in (None, data[key]):
                return data
    raise AssertionError(f"the stream ended without {key}")


async def test_a_filter_that_fits_nothing_is_one_clear_message(biller: Biller) -> None:
    tried = await asyncio.to_thread(biller.try_to, "live", "--pbx", "annex")
    assert tried.returncode == 1
    assert tried.stderr == "rtbill: there is no exchange 'annex'; known are hall\n"
