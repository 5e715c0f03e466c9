"""How a question travels, and what is known when it fails."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import tracemalloc

import pytest

from payments import soap_client
from payments.cashless_soap import CashlessGateway
from payments.cashless_table import read_mapping_file
from payments.soap_address import SoapAddress
from payments.soap_client import ANSWER_BYTES_MAX
from rtbill.domain.errors import ConfigError, OutcomeUnknown, Unavailable
from rtbill.domain.payment import Absent
from simulator.cashless_tricks import Trick
from tests.fakes.cashless import MAPPINGS, a_charge, a_provider
from tests.fakes.environment import ManualClock

UNKNOWN = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r>'
    "<reference>20261127000001</reference><state>unknown</state></r></s:Body></s:Envelope>"
)


async def test_a_closed_port_is_unavailable() -> None:
    async with a_provider() as provider:
        pass
    address = SoapAddress(url=f"http://127.0.0.1:{provider.port}/soap")
    gateway = await CashlessGateway.open("house", provider.mapping, address, ManualClock())
    with pytest.raises(Unavailable, match=r"cannot be reached.*nothing was sent"):
        await gateway.create(a_charge())
    await gateway.close()


async def test_a_host_that_takes_no_connection_is_unavailable_in_time() -> None:
    mapping = read_mapping_file(MAPPINGS["cashless"])
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # whoever comes after these waits for ever
            each.setblocking(False)  # noqa: FBT003 -- its only form
            each.connect_ex(("127.0.0.1", port))
        address = SoapAddress(url=f"http://127.0.0.1:{port}/soap", timeout_s=0.3)
        gateway = await CashlessGateway.open("house", mapping, address, ManualClock())
        with pytest.raises(Unavailable, match="does not take a connection in time"):
            await gateway.create(a_charge())
        await gateway.close()
        for each in waiting:
            each.close()


async def test_whoever_cancels_a_question_is_heard() -> None:
    async with a_provider(timeout_s=30) as provider:
        provider.server.tricks.plan("authorise", Trick.SILENT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await provider.gateway.create(a_charge())


async def test_no_more_than_ten_questions_are_open_at_once() -> None:
    async with a_provider(timeout_s=5) as provider:
        provider.server.late_s = 0.1
        provider.server.tricks.plan("query", *[Trick.LATE] * 25)
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, len(provider.server._open))
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch())
            async with asyncio.TaskGroup() as asking:
                for number in range(25):
                    asking.create_task(provider.gateway.find(a_charge(f"{number}"), ""))
            watching.cancel()
        assert most == 10


async def test_waiting_for_a_turn_is_not_waiting_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(soap_client, "QUESTIONS_MAX", 1)
    async with a_provider(timeout_s=1.5) as provider:
        provider.server.late_s = 0.9
        provider.server.tricks.plan("query", Trick.LATE, Trick.LATE)
        async with asyncio.TaskGroup() as asking:
            for number in "12":  # the second has its answer after 1.8 s
                asking.create_task(provider.gateway.find(a_charge(number), ""))
            await asyncio.sleep(0.1)
            with pytest.raises(Unavailable, match=r"are under way to it; nothing was sent"):
                await provider.gateway.find(a_charge("3"), "")
        assert len(provider.asked()) == 2


async def test_each_question_has_a_connection_of_its_own() -> None:
    connections = 0

    async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        length = 0
        while head := await reader.readline():
            if head.lower().startswith(b"content-length:"):
                length = int(head.partition(b":")[2])
            if head == b"\r\n":
                await reader.readexactly(length)
                answer = UNKNOWN.encode()
                lines = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n"
                writer.write(lines.encode() + answer)
        writer.close()

    server = await asyncio.start_server(keep_alive, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/soap"
        mapping = read_mapping_file(MAPPINGS["cashless"])
        gateway = await CashlessGateway.open("house", mapping, SoapAddress(url=url), ManualClock())
        for _ in range(3):
            assert await gateway.find(a_charge(), "") == Absent()
        await gateway.close()
    assert connections == 3


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert "HTTP_PROXY" in os.environ
    async with a_provider() as provider:
        assert await provider.gateway.find(a_charge(), "") == Absent()


@pytest.mark.parametrize("trick", [Trick.BOMB, Trick.DEEP, Trick.HUGE, Trick.EXTERNAL])
async def test_an_evil_answer_costs_little_time_and_memory(trick: Trick) -> None:
    async with a_provider(timeout_s=5) as provider:
        provider.server.tricks.plan("query", trick)
        started = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(OutcomeUnknown) as unknown:
                await provider.gateway.find(a_charge(), "")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert time.monotonic() - started < 3
        assert peak < 16 * ANSWER_BYTES_MAX  # the simulated server's own bytes are among them
        assert "root:" not in str(unknown.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://pay.example/soap", "is not protected; write https://host/path"),
        ("ftp://pay.example/soap", "is not protected"),
        ("https:///soap", "is not protected"),
        ("https://pay.example/soap", "tls: is missing; name the CA of the provider"),
        ("https://me:secret@pay.example/soap", "holds a password, which would be logged"),
    ],
)
async def test_an_unprotected_address_is_refused_at_start_up(url: str, reason: str) -> None:
    mapping = read_mapping_file(MAPPINGS["cashless"])
    with pytest.raises(ConfigError, match=reason) as refused:
        await CashlessGateway.open("house", mapping, SoapAddress(url=url), ManualClock())
    assert "secret" not in str(refused.value)
