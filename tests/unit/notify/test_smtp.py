"""The connection to a mail server: what gets through, and what is said when nothing does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from rtbill.domain.errors import Unavailable
from rtbill.notify.smtp import MailServer, Refusal, SmtpConnection
from tests.fakes.certificates import Authority
from tests.fakes.mail_server import (
    PASSWORD,
    USER,
    MailRoom,
    a_mail_server,
    authenticate,
    part,
    server_context,
)

FROM, LENA, TOMAS = "rtbill@example.org", "lena@example.org", "tomas@example.org"
MESSAGE = (
    "From: rtbill@example.org\r\nTo: lena@example.org\r\nSubject: Test\r\n"
    'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
    "Grüße.\r\n.\r\n..ende\r\n"
).encode()
SIGNED_IN = {"username": USER, "password": PASSWORD}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def shown(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.certificate("mail"))


def server_at(port: int, **changes: Any) -> MailServer:
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "ca_file": None,
        "username": "",
        "password": "",
        "connect_timeout_s": 5.0,
        "send_timeout_s": 5.0,
    }
    return MailServer(**settings | changes)


@asynccontextmanager
async def connected(port: int, **changes: Any) -> AsyncIterator[SmtpConnection]:
    connection = SmtpConnection(server_at(port, **changes))
    try:
        yield connection
    finally:
        await connection.close()


async def sent(port: int, **changes: Any) -> Any:
    """What became of one mail to Lena."""
    async with connected(port, **changes) as connection:
        return await connection.send(FROM, [LENA], MESSAGE)


async def failure(port: int, **changes: Any) -> str:
    """What is said when nothing is taken."""
    with pytest.raises(Unavailable) as failed:
        await sent(port, **changes)
    return str(failed.value)


# ---------------------------------------------------------------------- what gets through


async def test_a_mail_arrives_as_it_was_written() -> None:
    room = MailRoom()
    async with a_mail_server(room) as port:
        assert await sent(port) == {}
    assert room.envelopes == [(FROM, [LENA])]
    assert part(room.mails[0], "plain").replace("\r\n", "\n") == "Grüße.\n.\n..ende\n"


async def test_starttls_and_signing_in(authority: Authority, shown: ssl.SSLContext) -> None:
    room = MailRoom()
    options: dict[str, Any] = {
        "tls_context": shown,
        "auth_required": True,
        "authenticator": authenticate,
    }
    async with a_mail_server(room, require_starttls=True, **options) as port:
        changes = {"security": "starttls", "ca_file": authority.cert_file, **SIGNED_IN}
        assert await sent(port, **changes) == {}
    assert room.encrypted == [True]


async def test_tls_from_the_first_byte(authority: Authority, shown: ssl.SSLContext) -> None:
    room = MailRoom()
    async with a_mail_server(room, tls=shown) as port:
        assert await sent(port, security="tls", ca_file=authority.cert_file) == {}
    assert room.encrypted == [True]


async def test_one_connection_carries_all_mails_until_it_is_closed() -> None:
    room = MailRoom()
    async with a_mail_server(room) as port, connected(port) as connection:
        for _ in range(3):
            await connection.send(FROM, [LENA], MESSAGE)
        assert len(room.connections) == 1
        await connection.close()
        await connection.send(FROM, [LENA], MESSAGE)
    assert len(room.connections) == 2
    assert len(room.mails) == 4


async def test_a_connection_that_the_server_has_ended_is_made_anew() -> None:
    room = MailRoom(breaks_off_after=2)
    async with a_mail_server(room) as port, connected(port) as connection:
        for _ in range(3):
            assert await connection.send(FROM, [LENA], MESSAGE) == {}
    assert len(room.mails) == 3


async def test_closing_what_is_not_open_is_nothing() -> None:
    async with connected(1) as connection:
        await connection.close()


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [
        ("550 5.1.1 no such user", True),
        ("553 5.1.3 bad address", True),
        ("552 5.2.2 mailbox full", True),
        ("450 4.2.1 try later", False),
        ("452 4.2.2 mailbox full", False),
        ("554 5.7.1 <lena@example.org>: Relay access denied", False),
    ],
)
async def test_a_recipient_that_is_refused_is_told_and_not_raised(
    answer: str, *, is_permanent: bool
) -> None:
    room = MailRoom(by_recipient={LENA: answer})
    async with a_mail_server(room) as port:
        refused = await sent(port)
    assert [str(each) for each in refused.values()] == [answer]
    assert refused[LENA].is_permanent == is_permanent


async def test_one_of_two_recipients_that_is_refused_keeps_the_mail_from_nobody_else() -> None:
    room = MailRoom(by_recipient={TOMAS: "550 5.1.1 no such user"})
    async with a_mail_server(room) as port, connected(port) as connection:
        refused = await connection.send(FROM, [LENA, TOMAS], MESSAGE)
    assert refused == {TOMAS: Refusal(550, "5.1.1 no such user")}
    assert room.envelopes == [(FROM, [LENA])]


@pytest.mark.parametrize("answer", ["554 5.6.0 looks like spam", "451 4.3.0 not just now"])
async def test_a_text_that_is_refused_is_refused_for_all_its_recipients(answer: str) -> None:
    room = MailRoom(to_data=answer)
    async with a_mail_server(room) as port, connected(port) as connection:
        refused = await connection.send(FROM, [LENA, TOMAS], MESSAGE)
        assert {str(each) for each in refused.values()} == {answer}
        assert set(refused) == {LENA, TOMAS}
        room.to_data = "250 OK"
        assert await connection.send(FROM, [LENA], MESSAGE) == {}
    assert len(room.connections) == 1


async def test_what_a_server_says_is_kept_on_one_short_line() -> None:
    room = MailRoom(by_recipient={LENA: "550-no\x1b[2J such\r\n550 user " + "x" * 300})
    async with a_mail_server(room) as port:
        refused = await sent(port)
    assert refused[LENA].text.startswith("no [2J such user xxx")
    assert len(refused[LENA].text) == 200


# ---------------------------------------------------------------------- nothing is taken


async def test_a_sender_that_is_refused_is_our_mistake() -> None:
    async with a_mail_server(MailRoom(to_sender="553 5.7.1 not yours")) as port:
        assert (
            await failure(port)
            == f"mail server 127.0.0.1:{port} takes no mail from rtbill@example.org: "
            "553 5.7.1 not yours; mend mail.sender or mail.bounces_to"
        )


async def test_a_server_that_wants_us_to_sign_in_is_told_so_with_the_remedy() -> None:
    async with a_mail_server(MailRoom(to_sender="530 5.7.0 who are you")) as port:
        said = await failure(port)
    assert "wants us to sign in first: 530 5.7.0 who are you; set mail.username" in said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("421 4.3.2 closing", "takes no more mails just now: 421 4.3.2 closing"),
        ("530 5.7.0 who are you", "wants us to sign in first: 530 5.7.0 who are you"),
    ],
)
async def test_what_is_said_of_a_recipient_and_means_us_is_no_refusal(
    answer: str, said: str
) -> None:
    async with a_mail_server(MailRoom(by_recipient={LENA: answer})) as port:
        assert said in await failure(port)


async def test_a_wrong_password_is_told_without_showing_it(
    authority: Authority, shown: ssl.SSLContext
) -> None:
    options: dict[str, Any] = {"tls_context": shown, "authenticator": authenticate}
    async with a_mail_server(MailRoom(), **options) as port:
        said = await failure(
            port,
            security="starttls",
            ca_file=authority.cert_file,
            username=USER,
            password="not-the-right-one",
        )
    assert "does not accept user 'rtbill' with this password: 535 5.7.8" in said
    assert "not-the-right-one" not in said


async def test_a_server_without_signing_in_is_told() -> None:
    async with a_mail_server(MailRoom()) as port:
        said = await failure(port, **SIGNED_IN)
    assert "offers no signing in; leave mail.username and its password out" in said


async def test_a_server_without_starttls_gets_no_mail_in_clear_text() -> None:
    room = MailRoom()
    async with a_mail_server(room) as port:
        said = await failure(port, security="starttls")
    assert 'offers no STARTTLS; try mail.security = "tls" with port 465' in said
    assert room.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_another_authority_is_not_believed(
    shown: ssl.SSLContext, security: str, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    how: dict[str, Any] = {"tls": shown} if security == "tls" else {"tls_context": shown}
    async with a_mail_server(MailRoom(), **how) as port:
        said = await failure(port, security=security, ca_file=stranger.cert_file)
    assert "shows a certificate that is not believed" in said
    assert "mail.ca_file" in said


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_another_name_is_not_believed(
    authority: Authority, security: str
) -> None:
    other = server_context(authority.certificate("other", "DNS:other.example.org"))
    how: dict[str, Any] = {"tls": other} if security == "tls" else {"tls_context": other}
    async with a_mail_server(MailRoom(), **how) as port:
        said = await failure(port, security=security, ca_file=authority.cert_file)
    assert "shows a certificate of another name" in said
    assert "mend mail.host" in said


async def test_tls_on_a_port_for_plain_text_is_told() -> None:
    async with a_mail_server(MailRoom()) as port:
        assert "does not speak TLS with us" in await failure(port, security="tls")


async def test_nobody_there_is_told() -> None:
    async with a_mail_server(MailRoom()) as port:
        pass
    assert "cannot be reached: " in await failure(port)


async def test_a_name_that_nobody_has_is_told() -> None:
    assert "cannot be reached: " in await failure(25, host="mail.invalid")


async def test_a_server_that_does_not_want_us_is_told() -> None:
    async with scripted(b"554 5.3.2 go away\r\n") as port:
        assert "does not want to talk to us: 554 5.3.2 go away" in await failure(port)


async def test_a_server_that_never_greets_is_given_up_in_time() -> None:
    async with scripted(b"") as port:
        said = await failure(port, connect_timeout_s=0.2)
    assert "does not answer within 0.2 s; see mail.host, mail.port and mail.security" in said


async def test_a_server_that_drips_is_given_up_in_time() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"220-welcome\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with a_stranger(drip) as port:
        assert "does not answer within 0.3 s" in await failure(port, connect_timeout_s=0.3)


async def test_a_mail_that_is_never_answered_is_given_up_in_time() -> None:
    room = MailRoom(never_answers=True)
    async with a_mail_server(room) as port, connected(port, send_timeout_s=0.3) as connection:
        with pytest.raises(Unavailable, match=r"did not take a mail within 0\.3 s"):
            await connection.send(FROM, [LENA], MESSAGE)
        room.never_answers = False
        assert await connection.send(FROM, [LENA], MESSAGE) == {}
    assert len(room.connections) == 2


async def test_a_connection_that_breaks_in_the_middle_of_a_text_is_told_and_made_anew() -> None:
    class Breaking(SMTP):
        async def smtp_DATA(self, arg: str) -> None:  # noqa: N802, ARG002 - aiosmtpd's name
            await self.push("354 go on")
            await self._reader.readline()
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()

    lives = [Breaking, SMTP]
    room, loop = MailRoom(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: lives.pop(0)(room, hostname="mail.example.org", loop=loop), "127.0.0.1", 0
    )
    async with server, connected(server.sockets[0].getsockname()[1]) as connection:
        with pytest.raises(Unavailable, match="broke off in the middle of a mail"):
            await connection.send(FROM, [LENA], MESSAGE)
        assert await connection.send(FROM, [LENA], MESSAGE) == {}
    assert len(room.mails) == 1


async def test_the_password_is_never_shown() -> None:
    assert PASSWORD not in repr(server_at(25, **SIGNED_IN))


@asynccontextmanager
async def a_stranger(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """The port of somebody who talks so with whoever comes."""

    async def until_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(until_cut, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def scripted(greeting: bytes) -> Any:
    """Somebody who greets so and then only listens."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()

    return a_stranger(talk)
