"""The API on its own socket: HTTPS, slow clients, many clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from rtbill.domain.errors import Refused
from rtbill.serving import listening
from rtbill.serving.listening import server_tls
from rtbill.web import api as web_api
from rtbill.web.api import serve_api
from tests.fakes.billing_api import SECRETS, an_api
from tests.fakes.certificates import Authority

BEARER = {"Authorization": f"Bearer {SECRETS['all']}"}


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def served(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    port = a_free_port()
    async with an_api() as api, asyncio.TaskGroup() as group:
        task = group.create_task(serve_api("127.0.0.1", port, api.application, tls))
        await answered(port)
        yield port
        task.cancel()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answered(port: int) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                async with connected(port):
                    return
            except ConnectionError:
                await asyncio.sleep(0.01)


async def test_an_account_is_read_over_https_and_not_in_clear_text(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.certificate("api")
    async with served(server_tls(own.cert_file, own.key_file, "api.tls")) as port:
        trusted = ssl.create_default_context(cafile=authority.cert_file)
        async with httpx.AsyncClient(verify=trusted, headers=BEARER) as client:
            response = await client.get(f"https://127.0.0.1:{port}/v1/accounts/room-1")
            assert response.json()["balance"] == "10.00"
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{port}/v1/accounts/room-1")


@pytest.mark.parametrize("is_second", [False, True])
@pytest.mark.parametrize("said", [b"", b"GET /v1/acc"])
async def test_a_client_that_does_not_end_its_head_is_let_go(
    said: bytes,
    is_second: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "HEAD_TIMEOUT_S", 0.2)
    async with served() as port, connected(port) as (reader, writer):
        if is_second:
            writer.write(b"HEAD /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        async with asyncio.timeout(8 if is_second and not said else 2):
            with contextlib.suppress(ConnectionError):
                await reader.read()


async def test_a_client_that_does_not_end_its_body_is_told_so() -> None:
    async with served() as port, connected(port) as (reader, writer):
        head = (
            "POST /v1/accounts/room-1/credits HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\n"
            f"Authorization: Bearer {SECRETS['all']}\r\nContent-Type: application/json\r\n"
            "Content-Length: 50\r\n\r\n{"
        )
        writer.write(head.encode())
        async with asyncio.timeout(9):
            status = await reader.readline()
        assert status.startswith(b"HTTP/1.1 504 ")


async def test_more_connections_than_are_allowed_are_answered_with_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_api, "CONNECTIONS_MAX", 3)
    async with served() as port, contextlib.AsyncExitStack() as held:
        for _ in range(4):
            await held.enter_async_context(connected(port))
        async with httpx.AsyncClient(headers=BEARER) as client:
            response = await client.get(f"http://127.0.0.1:{port}/v1/accounts")
        assert response.status_code == 503


async def test_a_port_that_is_taken_is_told_with_its_key() -> None:
    async with served() as port, an_api() as api:
        with pytest.raises(Refused, match=rf"port {port}: .*; change api\.port"):
            await serve_api("127.0.0.1", port, api.application, None)
