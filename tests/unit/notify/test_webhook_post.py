"""One event over a real socket: signed, and to nowhere that was not meant."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rtbill.domain.errors import Unavailable
from rtbill.notify.webhook_post import ANSWER_BYTES_MAX, WebhookPost, WebhookTerms, signature
from tests.fakes.certificates import Authority

SECRET, OLD = "secret-of-the-tests-only-new", "secret-of-the-tests-only-old"
BODY = '{"id":"evt_1","text":"Müller"}'.encode()
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver:
    """Takes requests apart by hand, and answers what it is told to."""

    def __init__(self) -> None:
        self.answer = NO_CONTENT
        self.delay_s = 0.0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            self.bodies.append(await reader.readexactly(int(self.header("content-length"))))
            await asyncio.sleep(self.delay_s)
            writer.write(self.answer)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    def header(self, name: str) -> str:
        """Of the newest request."""
        lines = self.heads[-1].split("\r\n")[1:]
        fields = dict(line.split(": ", 1) for line in lines if line)
        return {key.lower(): value for key, value in fields.items()}[name]


@contextlib.asynccontextmanager
async def a_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Receiver, int]]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield receiver, server.sockets[0].getsockname()[1]
    if receiver.tasks:
        await asyncio.wait(receiver.tasks, timeout=5)


def a_post(url: str, **terms: Any) -> WebhookPost:
    values: dict[str, Any] = {
        "name": "billing",
        "url": url,
        "secrets": (SECRET,),
        "ca_file": None,
        "is_private_accepted": False,
        "timeout_s": 5.0,
    }
    return WebhookPost(WebhookTerms(**(values | terms)))


def openssl_hmac(secret: str, signed: bytes) -> str:
    """By another program than Python."""
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", secret],
        input=signed,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split()[-1]


def resolving_to(address: str) -> Callable[..., Awaitable[list[Any]]]:
    async def getaddrinfo(_host: str, port: int, **_words: object) -> list[Any]:
        return [(2, 1, 6, "", (address, port))]

    return getaddrinfo


async def test_an_event_is_posted_as_it_is_with_its_id() -> None:
    async with a_receiver() as (receiver, port):
        assert await a_post(f"http://127.0.0.1:{port}/in?x=1").send("evt_1", BODY, 17) == 204
        assert receiver.heads[0].startswith("POST /in?x=1 HTTP/1.1\r\n")
        assert receiver.bodies == [BODY]
        assert receiver.header("host") == f"127.0.0.1:{port}"
        assert receiver.header("rtbill-event-id") == "evt_1"
        assert receiver.header("content-type") == "application/json"


async def test_the_signature_is_that_of_another_program_for_each_secret() -> None:
    async with a_receiver() as (receiver, port):
        post = a_post(f"http://127.0.0.1:{port}/", secrets=(SECRET, OLD))
        await post.send("evt_1", BODY, 1_764_583_200)
        parts = [part.split("=", 1) for part in receiver.header("rtbill-signature").split(",")]
        signed = b"1764583200." + receiver.bodies[0]
        assert parts == [
            ["t", "1764583200"],
            ["v1", openssl_hmac(SECRET, signed)],
            ["v1", openssl_hmac(OLD, signed)],
        ]


def test_another_body_or_instant_has_another_signature() -> None:
    marks = {
        signature([SECRET], body, at_s).partition(",")[2]
        for body, at_s in ((BODY, 1), (BODY + b" ", 1), (BODY, 2))
    }
    assert len(marks) == 3


@pytest.mark.parametrize("status", [200, 302, 410, 500])
async def test_the_status_is_told_and_no_redirect_followed(status: int) -> None:
    async with a_receiver() as (receiver, port):
        receiver.answer = (
            f"HTTP/1.1 {status} Said\r\nLocation: http://127.0.0.1:{port}/other\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()
        assert await a_post(f"http://127.0.0.1:{port}/").send("evt_1", BODY, 17) == status
        assert len(receiver.heads) == 1


async def test_a_slow_receiver_is_not_waited_for_longer_than_its_time() -> None:
    async with a_receiver() as (receiver, port):
        receiver.delay_s = 0.5
        post = a_post(f"http://127.0.0.1:{port}/", timeout_s=0.1)
        with pytest.raises(Unavailable, match=r"no answer within 0\.1 s|no answer in time"):
            await post.send("evt_1", BODY, 17)


async def test_an_endless_answer_is_broken_off() -> None:
    async with a_receiver() as (receiver, port):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
        receiver.answer = head + b"x" * (2 * ANSWER_BYTES_MAX)
        assert await a_post(f"http://127.0.0.1:{port}/").send("evt_1", BODY, 17) == 200


@pytest.mark.parametrize("answer", [b"", b"SMTP ready\r\n\r\n"])
async def test_what_is_no_answer_is_told_as_none(answer: bytes) -> None:
    async with a_receiver() as (receiver, port):
        receiver.answer = answer
        with pytest.raises(Unavailable, match="it cannot be reached"):
            await a_post(f"http://127.0.0.1:{port}/").send("evt_1", BODY, 17)


async def test_nobody_there_is_told() -> None:
    async with a_receiver() as (_, port):
        pass
    with pytest.raises(Unavailable, match="it cannot be reached"):
        await a_post(f"http://127.0.0.1:{port}/").send("evt_1", BODY, 17)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fd00::1", "::"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1"),
    ],
)
async def test_a_name_that_leads_inside_is_not_connected_to(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = a_post("https://billing.example/in")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolving_to(address))
    with pytest.raises(Unavailable, match="no address of the internet; set private_address"):
        await post.send("evt_1", BODY, 17)


async def test_a_private_address_is_connected_to_where_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    tls = server_tls(authority, "DNS:billing.example")
    async with a_receiver(tls) as (receiver, port):
        post = a_post(
            f"https://billing.example:{port}/in",
            ca_file=authority.cert_file,
            is_private_accepted=True,
        )
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolving_to("127.0.0.1"))
        assert await post.send("evt_1", BODY, 17) == 204
        assert receiver.header("host") == f"billing.example:{port}"


async def test_the_certificate_must_be_of_the_name_and_of_somebody_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    async with a_receiver(server_tls(authority, "DNS:other.example")) as (receiver, port):
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolving_to("127.0.0.1"))
        url = f"https://billing.example:{port}/in"
        wrong_name = a_post(url, ca_file=authority.cert_file, is_private_accepted=True)
        with pytest.raises(Unavailable, match="not believed: Hostname mismatch"):
            await wrong_name.send("evt_1", BODY, 17)
        unknown = a_post(url, is_private_accepted=True)
        with pytest.raises(Unavailable, match=r"its certificate is not believed: .*; see ca_file"):
            await unknown.send("evt_1", BODY, 17)
        assert receiver.heads == []


def server_tls(authority: Authority, names: str) -> ssl.SSLContext:
    own = authority.certificate("billing", names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert_file, own.key_file)
    return context
