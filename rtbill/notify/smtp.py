"""One connection to the mail server that sends our mails on, kept as long as there is mail.

What goes wrong is said in one sentence that names the key of `[mail]` which mends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import aiosmtplib

from rtbill.domain.errors import Unavailable

QUIT_S = 2.0
_TEXT_MAX = 200
_PERMANENT = 500
_CLOSING = 421
_SIGN_IN_FIRST = frozenset({530, 534, 535, 538})
"""Said of a recipient or a mail, but meant of us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """How the server is reached."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    ca_file: Path | None
    username: str
    password: str = field(repr=False)
    connect_timeout_s: float
    """For reaching it, TLS and signing in together."""
    send_timeout_s: float
    """For one mail."""

    def __str__(self) -> str:
        return f"mail server {self.host}:{self.port}"


class Refusal(NamedTuple):
    """What the server said against one recipient."""

    code: int
    text: str

    @property
    def is_permanent(self) -> bool:
        """Whether trying again is in vain. A server that will not relay wants us to sign in; that
        is no fault of the recipient, and may be mended.
        """
        relays_not = self.text.startswith("5.7.1") and "relay" in self.text.lower()
        return self.code >= _PERMANENT and not relays_not

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def remedy(refusal: Refusal) -> str:
    """What to do about a test mail that was not taken."""
    if refusal.is_permanent:
        return "correct the address, or ask who runs the server"
    if refusal.code >= _PERMANENT:
        return "it does not pass mail on for us: set mail.username and its password"
    return "it may be taken later: try again in some minutes"


class SmtpConnection:
    """Opened by the first mail, closed by `close`."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._context = _context(server) if server.security != "none" else None
        self._client: aiosmtplib.SMTP | None = None

    async def send(
        self, sender: str, recipients: Sequence[str], message: bytes
    ) -> Mapping[str, Refusal]:
        """Those of the recipients that were refused; for the others the server has taken the mail.
        Unavailable when it takes nothing now; part of it may have got there all the same.
        """
        if self._client is not None and self._client.is_connected:
            # A server may have had enough of this connection: once more on a new one.
            with contextlib.suppress(Unavailable):
                return await self._hand_over(self._client, sender, recipients, message)
        self._client = await self._open()
        return await self._hand_over(self._client, sender, recipients, message)

    async def close(self) -> None:
        """Say good-bye, within a moment; nothing happens when it is not open."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(QUIT_S):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError):
            pass  # all our mails are with the server, or were told to be not
        finally:
            client.close()

    async def _hand_over(
        self, client: aiosmtplib.SMTP, sender: str, recipients: Sequence[str], message: bytes
    ) -> Mapping[str, Refusal]:
        server, refused = self._server, dict[str, Refusal]()
        is_kept = False
        try:
            async with asyncio.timeout(server.send_timeout_s):
                answers, _ = await client.sendmail(sender, list(recipients), message)
            refused = {each: _refusal(code, text) for each, (code, text) in answers.items()}
            is_kept = True
        except aiosmtplib.SMTPRecipientsRefused as all_of_them:
            refused = {
                each.recipient: _refusal(each.code, each.message) for each in all_of_them.recipients
            }
            is_kept = client.is_connected
        except aiosmtplib.SMTPDataError as not_this:
            refused = dict.fromkeys(recipients, _refusal(not_this.code, not_this.message))
            is_kept = client.is_connected
        except aiosmtplib.SMTPResponseException as no:
            answer = _refusal(no.code, no.message)
            raise Unavailable(_not_from(server, sender, answer)) from no
        except TimeoutError as late:
            text = f"{server} did not take a mail within {server.send_timeout_s:g} s"
            raise Unavailable(f"{text}; see mail.send_timeout_s") from late
        except (aiosmtplib.SMTPException, OSError) as broken:
            raise Unavailable(f"{server} broke off in the middle of a mail: {broken}") from broken
        finally:
            if not is_kept:
                self._client = None
                client.close()
        for refusal in refused.values():
            self._check_is_meant_of_recipient(refusal)
        return refused

    def _check_is_meant_of_recipient(self, refusal: Refusal) -> None:
        if refusal.code == _CLOSING:
            raise Unavailable(f"{self._server} takes no more mails just now: {refusal}")
        if refusal.code in _SIGN_IN_FIRST:
            raise Unavailable(
                f"{self._server} wants us to sign in first: {refusal}; "
                "set mail.username and its password"
            )

    async def _open(self) -> aiosmtplib.SMTP:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=False,
            tls_context=self._context,
            timeout=server.connect_timeout_s,
        )
        is_open = False
        try:
            async with _told(server), asyncio.timeout(server.connect_timeout_s):
                await client.connect()
                await client.ehlo()
                if server.security == "starttls":
                    await self._start_tls(client)
                if server.username:
                    await self._sign_in(client)
            is_open = True
        finally:
            if not is_open:
                client.close()
        return client

    async def _start_tls(self, client: aiosmtplib.SMTP) -> None:
        if not client.supports_extension("starttls"):
            raise Unavailable(
                f'{self._server} offers no STARTTLS; try mail.security = "tls" with port 465, or '
                "ask who runs it"
            )
        await client.starttls()
        await client.ehlo()

    async def _sign_in(self, client: aiosmtplib.SMTP) -> None:
        server = self._server
        if not client.supports_extension("auth"):
            raise Unavailable(
                f"{server} offers no signing in; leave mail.username and its password out, or use "
                "another port, usually 587"
            )
        try:
            await client.login(server.username, server.password)
        except aiosmtplib.SMTPAuthenticationError as no:
            raise Unavailable(
                f"{server} does not accept user {server.username!r} with this password: "
                f"{_refusal(no.code, no.message)}; mend mail.username or the password"
            ) from no


def _context(server: MailServer) -> ssl.SSLContext:
    """TLS 1.2 or newer, the name checked, and the authorities of the file or the system's."""
    context = ssl.create_default_context(cafile=server.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@contextlib.asynccontextmanager
async def _told(server: MailServer) -> AsyncIterator[None]:
    """Whatever goes wrong while a connection is made, as Unavailable with the remedy."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as no:
        answer = _refusal(no.code, no.message)
        raise Unavailable(f"{server} does not want to talk to us: {answer}") from no
    except TimeoutError as late:
        raise Unavailable(
            f"{server} does not answer within {server.connect_timeout_s:g} s; see mail.host, "
            "mail.port and mail.security, and whether a firewall is in between"
        ) from late
    except (aiosmtplib.SMTPException, OSError) as broken:
        # The library wraps some TLS failures and lets others through as they are.
        cause = broken.__cause__ if isinstance(broken.__cause__, ssl.SSLError) else broken
        raise Unavailable(_unreachable(server, cause)) from broken


def _unreachable(server: MailServer, cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message
        if "mismatch" in why.lower() or "doesn't match" in why.lower():
            return f"{server} shows a certificate of another name ({why}); mend mail.host"
        return (
            f"{server} shows a certificate that is not believed ({why}); name the file of its "
            "authority in mail.ca_file"
        )
    if isinstance(cause, ssl.SSLError):
        return (
            f"{server} does not speak TLS with us ({cause.reason or cause}); mail.security is "
            f'{server.security!r}: "tls" belongs to port 465, "starttls" to 587'
        )
    return f"{server} cannot be reached: {cause}; see mail.host and mail.port"


def _not_from(server: MailServer, sender: str, answer: Refusal) -> str:
    if answer.code in _SIGN_IN_FIRST:
        return f"{server} wants us to sign in first: {answer}; set mail.username and its password"
    return f"{server} takes no mail from {sender}: {answer}; mend mail.sender or mail.bounces_to"


def _refusal(code: int, text: str) -> Refusal:
    """An answer of the server on one line."""
    said = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return Refusal(code, said[:_TEXT_MAX])
