"""The local API on a real Unix socket, and health over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rtbill.domain.errors import (
    BadRecord,
    ConfigError,
    Conflict,
    NoRate,
    OutcomeUnknown,
    Refused,
    RtbillError,
    Unavailable,
    UnknownAccount,
)
from rtbill.serving.control import Orders, Readiness, serve_control, serve_health
from rtbill.serving.control_client import ControlClient


@pytest.fixture
def path() -> Iterator[Path]:
    """A short path: a Unix socket's name has at most 107 bytes."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "var" / "rtbill.sock"


async def echo(verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"verb": verb, "arguments": arguments}


@contextlib.asynccontextmanager
async def serving(path: Path, orders: Orders, timeout_s: float = 5) -> AsyncIterator[ControlClient]:
    client = ControlClient(path)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve_control(path, orders, timeout_s=timeout_s))
        async with asyncio.timeout(5):
            while not (task.done() or client.is_running()):  # noqa: ASYNC110 -- the kernel's event
                await asyncio.sleep(0.01)
        yield client
        task.cancel()


async def order(client: ControlClient, verb: str, **arguments: Any) -> dict[str, Any]:
    return await asyncio.to_thread(client.order, verb, arguments)


async def test_an_order_travels_there_and_back(path: Path) -> None:
    async with serving(path, echo) as client:
        result = await order(client, "accounts.import", csv="ä\n", apply=True)
    assert result == {"verb": "accounts.import", "arguments": {"csv": "ä\n", "apply": True}}


async def test_only_the_own_user_may_open_the_socket(path: Path) -> None:
    async with serving(path, echo):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_socket_is_gone_after_the_service(path: Path) -> None:
    async with serving(path, echo) as client:
        assert client.is_running()
    assert not path.exists()
    assert not client.is_running()


@pytest.mark.parametrize(
    "error",
    [
        Refused("the balance is short"),
        Conflict("key k1 was used for 5.00 EUR"),
        NoRate("no rate for +88"),
        UnknownAccount("no account anna"),
        BadRecord("line 3: no price"),
        Unavailable("the disk is full"),
        OutcomeUnknown("no answer from hall"),
    ],
)
async def test_an_error_arrives_as_the_same_error(path: Path, error: RtbillError) -> None:
    async def refuse(_verb: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        raise error

    async with serving(path, refuse) as client:
        with pytest.raises(RtbillError) as caught:
            await order(client, "credit")
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)


async def test_problems_of_a_file_arrive_as_a_bad_record(path: Path) -> None:
    async def refuse(_verb: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        raise ConfigError(["a: is missing", "b: is missing"])

    async with serving(path, refuse) as client:
        with pytest.raises(BadRecord, match="a: is missing\nb: is missing"):
            await order(client, "credit")


async def test_a_mistake_of_ours_is_told_and_the_service_goes_on(path: Path) -> None:
    async def fail_once(verb: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        assert verb != "bad", "+49301234567"
        return {}

    async with serving(path, fail_once) as client:
        with pytest.raises(OutcomeUnknown, match="its log says where"):
            await order(client, "bad")
        assert await order(client, "good") == {}


async def test_an_order_without_end_is_ended(path: Path) -> None:
    async def sleep(_verb: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async with serving(path, sleep, timeout_s=0.05) as client:
        with pytest.raises(OutcomeUnknown, match="took longer than"):
            await order(client, "credit")


@pytest.mark.parametrize(
    ("body", "text"), [(b"[]", "object"), (b"{", "JSON"), (b"[" * 9999, "JSON")]
)
async def test_a_body_that_is_no_object_is_refused(path: Path, body: bytes, text: str) -> None:
    async with serving(path, echo):
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.post("http://rtbill/v1/orders/credit", content=body)
    assert response.status_code == 422
    assert text in response.json()["message"]


async def test_an_oversize_body_is_refused(path: Path) -> None:
    async with serving(path, echo) as client:
        with pytest.raises(BadRecord, match="at most 32 MiB"):
            await order(client, "tariff.import", csv="x" * (32 * 1024 * 1024))


async def test_a_socket_left_by_a_killed_service_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    assert not ControlClient(path).is_running()
    async with serving(path, echo) as client:
        assert await order(client, "status")


async def test_a_second_service_is_refused_and_the_first_goes_on(path: Path) -> None:
    async with serving(path, echo) as client:
        with pytest.raises(Refused, match="another rtbill is running"):
            await serve_control(path, echo)
        assert await order(client, "status")


async def test_a_file_that_is_no_socket_is_not_removed(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("books")
    with pytest.raises(Refused, match="is not a socket"):
        await serve_control(path, echo)
    assert path.read_text() == "books"


async def test_too_long_a_path_names_the_key(path: Path) -> None:
    with pytest.raises(Refused, match=r"control\.socket"):
        await serve_control(path.with_name("x" * 120), echo)


async def test_cancelling_stops_within_two_seconds_even_with_an_order_under_way(path: Path) -> None:
    started = asyncio.Event()

    async def sleep(_verb: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        started.set()
        await asyncio.Event().wait()
        return {}

    async def give(client: ControlClient) -> None:
        with pytest.raises(OutcomeUnknown):
            await order(client, "credit")

    async with asyncio.timeout(4), asyncio.TaskGroup() as tasks, serving(path, sleep) as client:
        tasks.create_task(give(client))
        await started.wait()


def test_without_a_service_the_client_names_the_command(path: Path) -> None:
    with pytest.raises(Unavailable, match="rtbill run"):
        ControlClient(path).order("status", {})


@contextlib.asynccontextmanager
async def health(readiness: Readiness) -> AsyncIterator[httpx.AsyncClient]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            serve_health("127.0.0.1", port, lambda: readiness, lambda: b"rtbill_alarms 0.0\n")
        )
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(5):
                while not await answers(client):  # noqa: ASYNC110 -- the kernel's event
                    await asyncio.sleep(0.01)
            yield client
        task.cancel()


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.ConnectError:
        return False


async def test_ready_names_each_part() -> None:
    async with health(Readiness(parts={"pbx hall": "up"})) as client:
        response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "problems": [], "parts": {"pbx hall": "up"}}


async def test_not_ready_says_why_but_is_alive() -> None:
    async with health(Readiness(("the disk is full",), {"pbx hall": "up"})) as client:
        response = await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200
    assert response.status_code == 503
    assert response.json()["problems"] == ["the disk is full"]


async def test_metrics_are_served_as_prometheus_text() -> None:
    async with health(Readiness()) as client:
        response = await client.get("/metrics")
    assert response.text == "rtbill_alarms 0.0\n"
    assert "version=0.0.4" in response.headers["content-type"]


async def test_a_taken_port_names_the_key() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Refused, match=r"change http\.port"):
            await serve_health("127.0.0.1", taken.getsockname()[1], Readiness, lambda: b"")
