"""A link under TLS: whom it trusts, and one sentence for each way in which it fails."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.line import LinkSettings
from adapters.tls import Tls
from rtbill.config import TlsConfig, client_context
from rtbill.domain.events import LinkTrouble
from tests.fakes.authority import Authority, Pair
from tests.fakes.talks import conversing
from tests.unit.adapters.exchange import Listener, ManualClock, running

SECRET = b"never-to-be-seen"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("pbx", "DNS:pbx.example.org,IP:192.0.2.10")


class Server:
    """Greets as Asterisk does once the handshake is over, and keeps what it hears."""

    def __init__(self, greeting: bytes = b"Asterisk Call Manager/11.0.0\r\n") -> None:
        self.heard = bytearray()
        self.greeting = greeting
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self.greeting)
            while data := await reader.read(4096):
                self.heard += data
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def listening(server: Server, context: ssl.SSLContext | None) -> AsyncIterator[None]:
    async with conversing(server.serve, tls=context) as server.port:
        yield


def for_server(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    return context


def trusting(
    authority: Authority, server_name: str = "pbx.example.org", pair: Pair | None = None
) -> Tls:
    config = TlsConfig(
        ca_file=authority.cert,
        server_name=server_name,
        client_cert_file=pair.cert if pair else None,
        client_key_file=pair.key if pair else None,
    )
    return Tls(client_context(config), server_name)


def a_link(server: Server, tls: Tls | None) -> AsteriskPbx:
    settings = AsteriskSettings(
        name="lab",
        host="127.0.0.1",
        port=server.port,
        user="rtbill",
        secret=SECRET.decode(),
        trunks=(Trunk("carrier", ("PJSIP/carrier-",)),),
        tls=tls,
        link=LinkSettings(action_timeout_s=0.3),
    )
    return AsteriskPbx(settings, ManualClock())


async def trouble(server: Server, tls: Tls | None) -> tuple[str, str]:
    """The first trouble of a link, its kind and its sentence without the address."""
    async with running(a_link(server, tls)) as listener:
        told = await listener.next(LinkTrouble)
    return told.kind, told.text.partition(f"127.0.0.1:{server.port}")[2].removeprefix(": ")


async def signs_in(server: Server, tls: Tls) -> bool:
    """Whether the link says who it is."""
    async with running(a_link(server, tls)) as listener:
        assert isinstance(listener, Listener)
        async with asyncio.timeout(5):
            while SECRET not in server.heard:  # noqa: ASYNC110 - a socket gives no event
                await asyncio.sleep(0.005)
    return True


@pytest.mark.parametrize("name", ["pbx.example.org", "192.0.2.10"])
async def test_the_certificate_must_be_for_the_server_name_and_not_for_the_host(
    authority: Authority, pair: Pair, name: str
) -> None:
    server = Server()
    async with listening(server, for_server(pair)):
        assert await signs_in(server, trusting(authority, name))


@pytest.mark.parametrize("name", ["other.example.org", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_refused_before_a_word_is_said(
    authority: Authority, pair: Pair, name: str
) -> None:
    server = Server()
    async with listening(server, for_server(pair)):
        assert await trouble(server, trusting(authority, name)) == (
            "tls",
            f"its certificate is not for {name}; correct server_name, or make one for that name",
        )
    assert server.heard == b""


async def test_a_certificate_of_another_authority_is_refused(folder: Path, pair: Pair) -> None:
    server = Server()
    async with listening(server, for_server(pair)):
        assert await trouble(server, trusting(Authority(folder, "stranger"))) == (
            "tls",
            "its certificate is signed by another CA than the one in ca_file",
        )
    assert server.heard == b""


async def test_a_certificate_that_is_over_is_refused(authority: Authority) -> None:
    server = Server()
    async with listening(server, for_server(authority.issue("old", days=-1))):
        assert await trouble(server, trusting(authority)) == (
            "tls",
            "its certificate has expired; renew it, touch manager.conf and do `manager reload`",
        )
    assert server.heard == b""


async def test_a_port_of_plain_text_is_told_from_one_of_tls(authority: Authority) -> None:
    server = Server()
    async with listening(server, None):
        assert await trouble(server, trusting(authority)) == (
            "tls",
            "that port speaks plain text; give the one of tlsbindaddr (5039)",
        )
    assert SECRET not in server.heard


async def test_plain_text_on_a_port_of_tls_waits_for_a_greeting_and_says_nothing(
    pair: Pair,
) -> None:
    server = Server()
    async with listening(server, for_server(pair)):
        kind, text = await trouble(server, None)
    assert (kind, text) == (
        "unreachable",
        " takes the connection and sends no AMI greeting; that is how a TLS port waits: "
        "add [pbx.tls], or give the plain port (5038)",
    )


async def test_what_greets_otherwise_than_asterisk_is_told_no_secret() -> None:
    server = Server(b"220 mail.example.org ESMTP\r\n")
    async with listening(server, None):
        kind, text = await trouble(server, None)
    assert (kind, text) == ("frame", " sends something else than an AMI greeting; check the port")
    assert server.heard == b""


@asynccontextmanager
async def answering_alerts(server: Server, context: ssl.SSLContext) -> AsyncIterator[None]:
    """A server that says why it refuses a handshake, as Asterisk does and asyncio does not."""
    listening = socket.create_server(("127.0.0.1", 0))
    server.port = listening.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as tls:
                tls.settimeout(5)
                tls.sendall(server.greeting)
                while data := tls.recv(4096):
                    server.heard += data

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(serve), name="server")
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()


async def test_nothing_older_than_tls_1_2_is_spoken(authority: Authority, pair: Pair) -> None:
    old = for_server(pair)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    server = Server()
    async with answering_alerts(server, old):
        kind, text = await trouble(server, trusting(authority))
    assert (kind, "TLS 1.2" in text) == ("tls", True), text
    assert server.heard == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_exchange_that_asks_for_our_certificate_gets_it_or_says_so(
    authority: Authority, pair: Pair, version: ssl.TLSVersion
) -> None:
    context = for_server(pair)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.cert)
    server = Server()
    own = authority.issue(f"biller-{version.name}", "DNS:rtbill")
    async with answering_alerts(server, context):
        kind, text = await trouble(server, trusting(authority))
        assert (kind, "client_cert_file" in text) == ("tls", True), text
        assert server.heard == b""
        assert await signs_in(server, trusting(authority, pair=own))
