"""The live stream over real HTTP: only with the token, all there is first, never long silent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from rtbill.live.calls import LiveCalls
from rtbill.live.feed import LISTENERS_MAX, LiveFeed
from rtbill.serving import live_stream
from rtbill.serving.control import Readiness, serve_health
from rtbill.serving.live_stream import LiveStream
from tests.fakes.builders import a_rate, a_tariff
from tests.fakes.office import Office, an_office

TOKEN = "a-token-of-the-tests-only"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECOND = a_tariff(a_rate("1/1", "0.60"))


class Served:
    """The service's HTTP listener over an office."""

    def __init__(
        self, client: httpx.AsyncClient, feed: LiveFeed, feeding: asyncio.Task[None]
    ) -> None:
        self.client = client
        self.feed = feed
        self.feeding = feeding

    @contextlib.asynccontextmanager
    async def lines(self) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of one stream, as they come."""
        async with self.client.stream("GET", "/v1/live", headers=BEARER) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield response.aiter_lines()


@contextlib.asynccontextmanager
async def serving(
    office: Office, *, beat_s: float = 15.0, token: str = TOKEN
) -> AsyncIterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    feed = LiveFeed(office.billing, LiveCalls(office.billing, office.clock), office.clock)
    stream = LiveStream(feed, token, beat_s) if token else None
    async with asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(feed.serve())
        serving = tasks.create_task(serve_health("127.0.0.1", port, Readiness, lambda: b"", stream))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            async with asyncio.timeout(5):
                while not await is_answered(client):  # noqa: ASYNC110 -- the kernel's event
                    await asyncio.sleep(0.01)
            yield Served(client, feed, feeding)
        feeding.cancel()
        serving.cancel()


async def is_answered(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.ConnectError:
        return False


async def an_event(lines: AsyncIterator[str]) -> dict[str, str]:
    """The fields of the next event; a comment has the field without a name."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(5):
        async for line in lines:
            if not line:
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value
    return fields


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \xe4".encode("latin-1").decode("latin-1")},
    ],
)
async def test_nobody_is_told_anything_without_the_token(headers: dict[str, str]) -> None:
    async with an_office() as office, serving(office) as served:
        await office.hear("12:00:00 answer 1")
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = await served.client.get("/v1/live", headers=raw)

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "1001" not in response.text


async def test_two_tokens_are_none() -> None:
    async with an_office() as office, serving(office) as served:
        raw = [(b"authorization", b"Bearer wrong"), (b"authorization", BEARER_RAW)]
        assert (await served.client.get("/v1/live", headers=raw)).status_code == 401


BEARER_RAW = BEARER["Authorization"].encode()


async def test_a_token_in_the_address_does_not_count() -> None:
    async with an_office() as office, serving(office) as served:
        response = await served.client.get("/v1/live", params={"token": TOKEN})
    assert response.status_code == 401


async def test_without_a_configured_token_there_is_no_stream() -> None:
    async with an_office() as office, serving(office, token="") as served:
        assert (await served.client.get("/v1/live", headers=BEARER)).status_code == 404


async def test_the_stream_is_only_read() -> None:
    async with an_office() as office, serving(office) as served:
        response = await served.client.post("/v1/live", headers=BEARER)
    assert response.status_code == 405


async def test_first_comes_all_there_is_and_then_what_is_new() -> None:
    async with an_office("5.00", tariff=SECOND) as office, serving(office) as served:
        await office.hear("12:00:00 answer 1")
        async with served.lines() as lines:
            first = await an_event(lines)
            assert first["event"] == "snapshot"
            assert "id" not in first
            assert [call["call"] for call in json.loads(first["data"])["calls"]] == ["hotel/1"]

            await office.hear("12:00:01 answer 2")
            await office.clock.advance(1)
            events = [await an_event(lines) for _ in range(2)]

    assert {event["event"] for event in events} == {"balance", "up"}
    assert [event["id"] for event in events] == ["1", "2"]


async def test_a_silent_stream_beats() -> None:
    async with (
        an_office() as office,
        serving(office, beat_s=0.02) as served,
        served.lines() as lines,
    ):
        await an_event(lines)
        assert await an_event(lines) == {"": "beat"}
        assert await an_event(lines) == {"": "beat"}


async def test_the_last_event_says_why_it_is_the_last() -> None:
    async with an_office() as office, serving(office) as served, served.lines() as lines:
        await an_event(lines)
        served.feeding.cancel()
        last = await an_event(lines)
        assert (last["event"], "rtbill stops" in last["data"]) == ("dropped", True)
        assert await an_event(lines) == {}, "the stream ends"


async def test_a_reader_who_hangs_up_makes_room() -> None:
    async with an_office() as office, serving(office) as served:
        async with served.lines() as lines:
            await an_event(lines)
            assert len(served.feed._listeners) == 1
        async with asyncio.timeout(5):
            while served.feed._listeners:  # noqa: ASYNC110 -- the kernel's event
                await asyncio.sleep(0.01)


async def test_too_many_readers_are_told_to_come_back() -> None:
    async with an_office() as office, serving(office) as served:
        for _ in range(LISTENERS_MAX):
            await served.feed.join()
        response = await served.client.get("/v1/live", headers=BEARER)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "10"


async def test_a_reader_who_stands_still_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "WRITE_S", 0.02)
    stuck = asyncio.Event()

    async def send(_message: object) -> None:
        await stuck.wait()

    async def receive() -> dict[str, object]:
        await stuck.wait()
        return {}

    async with an_office() as office:
        feed = LiveFeed(office.billing, LiveCalls(office.billing, office.clock), office.clock)
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
            feeding = tasks.create_task(feed.serve())
            scope = {"method": "GET", "headers": [(b"authorization", BEARER_RAW)]}
            await LiveStream(feed, TOKEN)(scope, receive, send)
            assert not feed._listeners
            feeding.cancel()
