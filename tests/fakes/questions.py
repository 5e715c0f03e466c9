"""A listener for questions before dialling on loopback, and ways to ask it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

from rtbill.alarms import Alarms
from rtbill.credit.authorisation import Answer, Permission, Question
from rtbill.serving.form_server import serve_forms
from rtbill.serving.inline import QuestionDesk
from tests.fakes.environment import CountingMeter, ManualClock

TOKEN = "b3c1f0a94c1d"
GOOD = {
    "token": TOKEN,
    "call": "1795356013.7",
    "payer": "1001",
    "number": "+41315550100",
    "kind": "direct",
}
FORM = "application/x-www-form-urlencoded"


class LabelledMeter(CountingMeter):
    """Keeps the labels of what is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.labelled: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        super().count(name, amount, **labels)
        self.labelled[labels["pbx"], labels["answer"]] += amount


@dataclass
class Listener:
    """A listener on loopback, and who decides behind it."""

    port: int = 0
    asked: list[Question] = field(default_factory=list)
    answer: Answer | Exception = field(default_factory=lambda: Permission(90))
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Decisions wait for it."""
    meter: LabelledMeter = field(default_factory=LabelledMeter)
    alarms: Alarms = field(default_factory=lambda: Alarms(ManualClock()))

    async def decide(self, question: Question) -> Answer:
        self.asked.append(question)
        await self.hold.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def url(self, pbx: str = "hall", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/v1/authorise/{pbx}"

    async def ask(self, pbx: str = "hall", **changed: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=5) as client:
            return await client.post(self.url(pbx), data={**GOOD, **changed})

    @property
    def alarmed(self) -> list[tuple[str, str]]:
        return [(alarm.kind, alarm.subject) for alarm in self.alarms.active()]


@contextlib.asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """Exchanges `hall` and `annex` may ask."""
    made = Listener()
    made.hold.set()
    tokens = {"hall": TOKEN, "annex": "another-token"}
    desk = QuestionDesk(tokens, made.decide, made.alarms, made.meter, ManualClock())
    with socket.create_server(("127.0.0.1", 0)) as own:
        made.port = own.getsockname()[1]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(serve_forms(own, desk.answer, tls))
            yield made
            task.cancel()


async def raw(port: int, sent: bytes, *, patience_s: float = 5) -> bytes:
    """All that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(patience_s):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def posted(body: str, path: str = "/v1/authorise/hall", *headers: str) -> bytes:
    """The bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def form_of(fields: dict[str, str]) -> str:
    """Fields as a form."""
    return str(httpx.QueryParams(fields))
