"""Hostile and clumsy clients of the listener for questions, and TLS; over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from rtbill.credit.authorisation import Permission
from rtbill.domain.errors import Refused
from rtbill.serving import form_server
from rtbill.serving.listening import server_tls
from tests.fakes.certificates import Authority, Certificate
from tests.fakes.questions import (
    FORM,
    GOOD,
    Listener,
    form_of,
    listening,
    posted,
    raw,
)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as made:
        yield made


# ---------------------------------------------------------------------- hostile and clumsy clients


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v1/authorise/hall HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (posted(form_of(GOOD), "/v1/other", f"Content-Type: {FORM}"), 404),
        (posted(form_of(GOOD)), 415),
        (posted(form_of(GOOD), "/v1/authorise/hall", "Content-Type: application/json"), 415),
        (posted("x" * 4097, "/v1/authorise/hall", f"Content-Type: {FORM}"), 413),
        (posted("&".join(["a=1"] * 17), "/v1/authorise/hall", f"Content-Type: {FORM}"), 400),
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00" + b"\x00" * 512 + b"\r\n\r\n", 400),
        (b"POST /v1/authorise/hall HTTP/1.1\r\nContent-Length: x\r\nHost: x\r\n\r\n", 400),
        (b"POST /v1/authorise/hall HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\nContent-Length: 2\n\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nab", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nab\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", 400),  # whose host?
        (b"POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
            b"Content-Length: 2\r\n\r\nab",
            415,
        ),
        (b"POST /" + b"y" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    ],
)
async def test_what_is_no_question_gets_an_empty_answer_and_the_connection_is_closed(
    listener: Listener, sent: bytes, status: int
) -> None:
    said = await raw(listener.port, sent)

    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert said.endswith(b"\r\n\r\n")
    assert listener.asked == []
    assert (await listener.ask()).text == "allow,90."


async def test_a_body_without_end_is_not_collected(listener: Listener) -> None:
    head = posted("", "/v1/authorise/hall", f"Content-Type: {FORM}").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    said = await raw(listener.port, head + b"400\r\n" + (b"x" * 1024 + b"\r\n400\r\n") * 5)

    assert said == b"" or said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "begun",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["name", "value", "trailer", "chunk extension"],
)
async def test_a_header_without_end_is_not_collected(listener: Listener, begun: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(begun)
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 10_000_000:
            writer.write(b"y" * 10_000)
            await writer.drain()
            sent += 10_000
    writer.transport.abort()
    assert sent < 10_000_000, "the connection was closed long before"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/auth",
        b"POST /v1/authorise/hall HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123",
    ],
    ids=["nothing", "half a line", "half a body"],
)
async def test_a_client_that_does_not_finish_is_sent_away(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.05)

    assert await raw(listener.port, sent, patience_s=2) == b""


async def test_a_client_that_sends_byte_by_byte_has_no_more_time_than_others(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof() and loop.time() - began < 5:
            writer.write(b"X")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.read()
    writer.close()
    assert loop.time() - began < 2


async def test_a_connection_may_carry_one_question_after_another(listener: Listener) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        for seconds in (90, 80, 70):
            listener.answer = Permission(seconds)
            response = await client.post(listener.url(), data=GOOD)
            assert response.text == f"allow,{seconds}."
            assert "connection" not in response.headers
    assert len(listener.asked) == 3


async def test_two_questions_sent_together_are_answered_in_order(listener: Listener) -> None:
    one = posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}")
    other = form_of({**GOOD, "token": "wrong"})

    said = await raw(
        listener.port, one + posted(other, "/v1/authorise/hall", f"Content-Type: {FORM}")
    )

    assert said.index(b"allow,90.") < said.index(b"HTTP/1.1 403 ")


async def test_an_idle_connection_is_closed(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.2)
    sent = posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}")

    assert (await raw(listener.port, sent, patience_s=2)).endswith(b"allow,90.")


async def test_a_thousand_at_once_are_all_answered(listener: Listener) -> None:
    sent = posted(form_of(GOOD), "/v1/authorise/hall", f"Content-Type: {FORM}", "Connection: close")
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(raw(listener.port, sent, patience_s=30)) for _ in range(1000)]
    answered = Counter(task.result().rpartition(b"\r\n\r\n")[2] for task in asking)
    assert answered == {b"allow,90.": 1000}


async def test_more_connections_than_the_bound_are_closed_at_once(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 30)
    idle = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]

    assert await raw(listener.port, b"", patience_s=2) == b""

    for _, writer in idle:
        writer.close()
    await _until(lambda: listener.ask(), "allow,90.")


async def _until(ask: Callable[[], object], text: str) -> None:
    """Ask until the places of those who left are free again."""
    async with asyncio.timeout(5):
        while True:
            try:
                response = await ask()  # type: ignore[misc]
            except httpx.TransportError:
                await asyncio.sleep(0.01)
            else:
                assert response.text == text
                return


async def test_clients_that_go_away_are_no_news(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for sent in (b"", b"POST", posted(form_of(GOOD), "/v1/authorise/hall")):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(sent)
        writer.transport.abort()

    assert (await listener.ask()).text == "allow,90."
    assert [each for each in caplog.records if each.name.startswith("rtbill")] == []


# ---------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.certificate("rtbill")


def client_tls(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.cert_file))


async def test_over_tls_a_private_authority_proves_who_answers(
    authority: Authority, certificate: Certificate
) -> None:
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    async with (
        listening(tls) as listener,
        httpx.AsyncClient(verify=client_tls(authority), timeout=5) as client,
    ):
        for _ in range(2):
            response = await client.post(listener.url(scheme="https"), data=GOOD)
            assert response.text == "allow,90."


async def test_over_tls_a_client_of_another_authority_asks_nothing(
    tmp_path: Path, certificate: Certificate
) -> None:
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    other = Authority(tmp_path, "other")
    async with listening(tls) as listener:
        async with httpx.AsyncClient(verify=client_tls(other), timeout=5) as client:
            with pytest.raises(httpx.ConnectError):
                await client.post(listener.url(scheme="https"), data=GOOD)
        assert listener.asked == []


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)],
)
async def test_tls_older_than_1_2_is_refused(
    authority: Authority, certificate: Certificate, version: ssl.TLSVersion, *, is_taken: bool
) -> None:
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    client = client_tls(authority)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
    async with listening(tls) as listener:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=client)
        except (ssl.SSLError, ConnectionError):
            assert not is_taken
        else:
            writer.transport.abort()
            assert is_taken


@pytest.mark.parametrize("sent", [b"", b"hello\r\n\r\n", posted(form_of(GOOD))])
async def test_who_speaks_no_tls_gets_nothing(
    certificate: Certificate, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_server, "ASK_TIMEOUT_S", 0.3)
    tls = server_tls(certificate.cert_file, certificate.key_file, "inline.tls")
    async with listening(tls) as listener:
        assert b"HTTP" not in await raw(listener.port, sent, patience_s=3)
        assert listener.asked == []


def test_a_certificate_that_cannot_be_used_is_named_with_its_table(
    certificate: Certificate, authority: Authority, tmp_path: Path
) -> None:
    other = authority.certificate("other")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for cert, key in (
        (tmp_path / "absent.pem", certificate.key_file),
        (certificate.cert_file, other.key_file),
        (text, certificate.key_file),
    ):
        with pytest.raises(Refused, match=rf"^inline\.tls: {cert} and {key} .*; name both"):
            server_tls(cert, key, "inline.tls")
