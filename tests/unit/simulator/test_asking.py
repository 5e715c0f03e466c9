"""The load of questions: it asks as an Asterisk does, and counts what is true."""

from __future__ import annotations

import asyncio
from typing import Any

from simulator.asking import AskSettings, run_questions
from simulator.percentiles import percentiles
from tests.fakes.talks import conversing

# What Asterisk 22 sent with CURL(), its port and body left out.
RECORDED_HEADERS = [
    "Host",
    "User-Agent",
    "Accept",
    "Content-Length",
    "Content-Type",
]


async def asked(reply: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """What was counted, and each request; a connection carries one only."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        requests.append(head + await reader.readexactly(length))
        writer.write(reply)

    async with conversing(answer) as port:
        settings = AskSettings(
            port=port,
            pbx="hall",
            token="a-token",
            calls_per_s=400,
            seconds=0.1,
        )
        counted = await run_questions(settings)
    return counted, requests


async def test_every_question_is_a_request_as_asterisk_makes_it_on_its_own_connection() -> None:
    counted, requests = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nallow,60")

    assert counted["asked"] == len(requests) > 10
    head, _, body = requests[0].decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "POST /v1/authorise/hall HTTP/1.1"
    assert [line.partition(":")[0] for line in lines[1:]] == RECORDED_HEADERS
    assert body.startswith("token=a-token&call=1795356012.0&payer=20")
    assert body.endswith("&kind=direct")


async def test_answers_are_counted_by_their_words() -> None:
    counted, requests = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nallow,60")
    assert counted["answers"] == {"allow,N": len(requests)}


async def test_an_empty_or_broken_answer_is_none() -> None:
    for reply in (b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200", b""):
        counted, requests = await asked(reply)
        assert counted["answers"] == {"none": len(requests)}


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles([number / 1000 for number in range(1, 102)]) == {
        "p50": 51.0,
        "p90": 91.0,
        "p99": 100.0,
        "p999": 101.0,
        "max": 101.0,
    }
    assert percentiles([]) == {}
