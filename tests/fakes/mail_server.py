"""Mail servers on loopback: aiosmtpd, which takes, refuses and breaks off as it is told."""

from __future__ import annotations

# ruff: noqa: ARG001, ARG002 - aiosmtpd says which arguments there are
import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.fakes.certificates import Certificate

USER, PASSWORD = "rtbill", "the-password-of-the-tests"


@dataclass
class MailRoom:
    """aiosmtpd's handler: what it answers, and what came."""

    by_recipient: dict[str, str] = field(default_factory=dict)
    """Answers to RCPT TO other than to take it."""
    to_sender: str = "250 OK"
    to_data: str = "250 OK"
    never_answers: bool = False
    """Takes the text of a mail and says nothing."""
    breaks_off_after: int | None = None
    """Ends a connection with the mail after so many."""
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    """As many as were made; each is named by its client's port."""
    encrypted: list[bool] = field(default_factory=list)
    """Whether each mail came by TLS."""

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.connections.add(session.peer[1])
        if self.breaks_off_after is not None and len(self.mails) == self.breaks_off_after:
            self.breaks_off_after = None
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if self.to_sender.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.to_sender

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = self.by_recipient.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Any
    ) -> str:
        if self.never_answers:
            await asyncio.Event().wait()
        if self.to_data.startswith("250"):
            self.mails.append(read_mail(envelope.content))
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
            assert server.transport is not None
            is_encrypted = server.transport.get_extra_info("ssl_object") is not None
            self.encrypted.append(is_encrypted)
        return self.to_data


def read_mail(raw: bytes) -> EmailMessage:
    """A mail as its reader's program sees it."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(mail: EmailMessage, kind: str) -> str:
    """The text (`plain`) or the `html` of a mail."""
    body = mail.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    return context


def authenticate(
    server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any
) -> AuthResult:
    """Our one user."""
    assert isinstance(data, LoginPassword)
    is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


@asynccontextmanager
async def a_mail_server(
    room: MailRoom, *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    """The port of a running one; `tls` is for TLS from the first byte, `tls_context` of the options
    for STARTTLS.
    """
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def protocol() -> SMTP:
        made.append(SMTP(room, hostname="mail.example.org", loop=loop, **options))
        return made[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in made:
            if isinstance(each.transport, asyncio.Transport):
                each.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)  # what was cut ends now
