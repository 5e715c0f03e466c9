"""Where providers tell us: kept before it is answered, and refused in the words they understand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from rtbill.domain.errors import BadRecord, OutcomeUnknown, Refused, Unavailable
from rtbill.gateway import WrongMode
from rtbill.web.webhooks import BODY_BYTES_MAX, Webhooks, webhook_application
from tests.fakes.pay_office import GENUINE
from tests.fakes.pay_web import pay_web


class Inbox:
    """Hears, or does what a test wants."""

    def __init__(self, error: Exception | None = None) -> None:
        self.heard: list[tuple[str, bytes, Mapping[str, str]]] = []
        self._error = error
        self.waits_for: asyncio.Event | None = None

    async def hear(self, gateway: str, raw: bytes, headers: Mapping[str, str]) -> str:
        self.heard.append((gateway, raw, headers))
        if self.waits_for is not None:
            await self.waits_for.wait()
        if self._error is not None:
            raise self._error
        return "evt_1"


def a_client(inbox: Inbox) -> httpx.AsyncClient:
    application = webhook_application(Webhooks(inbox.hear, ["stripe"]), is_secure=True)
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="https://pay.example")


async def test_the_body_is_handed_on_byte_by_byte_with_its_headers() -> None:
    inbox = Inbox()
    body = b'{"b": 1,\r\n  "a": "\xff\x00"} '
    answer = await a_client(inbox).post(
        "/webhooks/stripe", content=body, headers={"Stripe-Signature": "t=1,v1=x"}
    )
    assert answer.status_code == 200
    gateway, raw, headers = inbox.heard[0]
    assert (gateway, raw, headers["stripe-signature"]) == ("stripe", body, "t=1,v1=x")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRecord("the signature is wrong"), 400),
        (WrongMode("test money"), 400),
        (Unavailable("the books are closed"), 503),
        (OutcomeUnknown("no answer"), 503),
        (Refused("gone"), 503),
        (ZeroDivisionError(), 503),
    ],
)
async def test_each_ending_has_its_status(error: Exception, status: int) -> None:
    answer = await a_client(Inbox(error)).post("/webhooks/stripe", content=b"{}")
    assert answer.status_code == status
    assert str(error) not in answer.text or not str(error)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_an_unknown_gateway_and_another_method_are_told() -> None:
    inbox = Inbox()
    client = a_client(inbox)
    assert (await client.post("/webhooks/paypal", content=b"{}")).status_code == 404
    assert (await client.get("/webhooks/stripe")).status_code == 405
    assert inbox.heard == []


@pytest.mark.parametrize(("size", "status"), [(BODY_BYTES_MAX, 200), (BODY_BYTES_MAX + 1, 413)])
async def test_a_mebibyte_is_read_and_no_byte_more(size: int, status: int) -> None:
    answer = await a_client(Inbox()).post("/webhooks/stripe", content=b"x" * size)
    assert answer.status_code == status


async def test_an_endless_body_is_broken_off() -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65_536

    inbox = Inbox()
    answer = await a_client(inbox).post("/webhooks/stripe", content=body())
    assert answer.status_code == 413
    assert sent <= BODY_BYTES_MAX // 65_536 + 2
    assert inbox.heard == []


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtbill.web.webhooks.BODY_TIMEOUT_S", 0.02)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await a_client(Inbox()).post("/webhooks/stripe", content=body())
    assert answer.status_code == 408


async def test_busy_books_are_not_waited_for_longer_than_a_provider_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtbill.web.webhooks.ANSWER_TIMEOUT_S", 0.02)

    busy = Inbox()
    busy.waits_for = asyncio.Event()
    assert (await a_client(busy).post("/webhooks/stripe", content=b"{}")).status_code == 503


async def test_genuine_ones_are_never_put_off_however_many_there_are() -> None:
    inbox = Inbox()
    client = a_client(inbox)
    for _ in range(300):
        assert (await client.post("/webhooks/stripe", content=b"{}")).status_code == 200
    assert len(inbox.heard) == 300


async def test_what_the_inbox_hears_becomes_credit() -> None:
    async with pay_web(buying=("room-1",)) as web:
        web.paying.provider.verdicts.append("pending")
        await web.paying.spend("6.00")
        row = (await web.paying.rows())[0]
        web.paying.provider.settle(row.reference)
        body = web.paying.provider.happen("evt_1", about=row.reference)
        client = web.browser().http

        forged = await client.post("/webhooks/fake", content=body, headers={"signature": "x"})
        assert (forged.status_code, await web.paying.balance()) == (400, "4.00")
        answer = await client.post("/webhooks/fake", content=body, headers=GENUINE)
        assert answer.status_code == 200
        await web.paying.clock.advance(0)
        assert await web.paying.balance() == "14.00"
