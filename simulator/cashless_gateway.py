"""A provider of cashless cards that exists only here: SOAP over HTTP or HTTPS, with every fault.

    python -m simulator.cashless_gateway --port 8443 --card 4711=50.00 --card 4712=0.00
    python -m simulator.cashless_gateway --tricks silent=0.1,lost=0.05 --seed 7

Each question is answered by the books (`cashless_books.py`) in one of two dialects
(`cashless_dialects.py`), or as a trick wants it (`cashless_tricks.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import sys
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from simulator.cashless_books import Books, Card, Code, Duplicates
from simulator.cashless_dialects import DIALECTS, Dialect
from simulator.cashless_replies import Reply, as_http, reply_to, stranger
from simulator.cashless_tokens import TokenGuard
from simulator.cashless_tricks import Trick, Tricks, parse_tricks

BODY_BYTES_MAX = 1 << 20
HEAD_TIMEOUT_S = 10.0


@dataclass(slots=True)
class CashlessServer:
    """The provider's server."""

    books: Books
    dialect: Dialect
    tricks: Tricks = field(default_factory=Tricks)
    guard: TokenGuard | None = None
    tls: ssl.SSLContext | None = None
    late_s: float = 3.0
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each question as it came: its act and its XML."""
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[int]:
        """The port on 127.0.0.1, for as long as the block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self.tls)
        self._server = server
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Be unreachable; the books stay."""
        if self._server is not None:
            self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question, one answer, and the connection is closed."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                content = await _request(reader)
            await self._answer(content, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, ET.ParseError):
            pass  # the client has gone, or what it says is no question: it gets nothing
        finally:
            del self._open[task]
            writer.close()

    async def _answer(
        self, content: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        envelope = ET.fromstring(content)  # noqa: S314 -- a test's own client, on loopback
        bodies = envelope.find(f"{{{self.dialect.soap}}}Body")
        body = bodies[0] if bodies is not None and len(bodies) == 1 else ET.Element("none")
        act = self.dialect.act(body)
        self.asked.append((act, content.decode("utf-8", "replace")))
        if self.guard is not None and not self.guard.accepts(envelope):
            writer.write(as_http(stranger(self.dialect)))
            return
        trick = self.tricks.draw(act)
        if trick is Trick.DROP:
            writer.transport.abort()
        elif trick is Trick.SILENT:
            await reader.read()  # until the client goes away
        else:
            await self._speak(
                reply_to(body, self.books, self.dialect, trick), trick, reader, writer
            )

    async def _speak(
        self,
        reply: Reply,
        trick: Trick | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if trick is Trick.LOST:
            await reader.read()
            return
        if trick is Trick.LATE:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.late_s):
                    await reader.read()  # until the client goes away
        written = as_http(reply)
        if trick is Trick.CUT:
            written = written[: len(written) // 2]
        writer.write(written)
        await writer.drain()
        if trick is Trick.HUGE:
            for _ in range(64):
                writer.write(b" " * (1 << 20))
                await writer.drain()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length" and int(value) <= BODY_BYTES_MAX:
            return await reader.readexactly(int(value))
    raise ValueError("a question without a length, or too long")


async def serve(options: argparse.Namespace) -> None:
    """Answer until cancelled."""
    tls = None
    if options.cert is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.cert, options.key)
        if options.client_ca is not None:
            tls.verify_mode = ssl.CERT_REQUIRED
            tls.load_verify_locations(options.client_ca)
    server = CashlessServer(
        Books(dict(options.card), options.currency, Duplicates(options.duplicates)),
        DIALECTS[options.dialect](),
        Tricks(options.tricks, options.seed),
        options.token,
        tls,
    )
    async with server.serving(options.port) as port:
        print(f"cashless cards on 127.0.0.1:{port}", flush=True)  # noqa: T201 -- a command's output
        if options.port_file is not None:
            options.port_file.write_text(f"{port}\n", encoding="ascii")
        await asyncio.Event().wait()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m simulator.cashless_gateway", description=(__doc__ or "").split("\n")[0]
    )
    add = made.add_argument
    add("--port", type=int, default=0, help="TCP port on 127.0.0.1 (a free one)")
    add("--port-file", type=Path, help="write the port there once it accepts connections")
    add("--dialect", choices=tuple(DIALECTS), default="cashless", help="whose WSDL (cashless)")
    add("--card", type=_card, action="append", default=[], metavar="NAME=BALANCE[:blocked|expired]")
    add("--currency", default="EUR", help="of the cards, with two decimals (EUR)")
    add("--duplicates", choices=tuple(Duplicates), default="replay", help="known references")
    add("--token", type=_token, metavar="USER:PASSWORD", help="ask for this WS-Security token")
    add("--cert", type=Path, help="certificate chain, for HTTPS")
    add("--key", type=Path, help="its key")
    add("--client-ca", type=Path, help="ask clients for a certificate of this CA")
    add("--tricks", type=_tricks, default={}, metavar="SPEC", help="such as silent=0.1,late=0.05")
    add("--seed", type=int, default=1, help="draws the tricks (1)")
    return made


def _card(text: str) -> tuple[str, Card]:
    name, _, rest = text.partition("=")
    balance, _, state = rest.partition(":")
    states = {"": None, "blocked": Code.BLOCKED, "expired": Code.EXPIRED}
    try:
        minor = int(Decimal(balance).scaleb(2))
        return name, Card(minor, states[state])
    except (InvalidOperation, KeyError) as error:
        text = f"{text!r}: write NAME=BALANCE, such as 4711=50.00 or 4711=50.00:blocked"
        raise argparse.ArgumentTypeError(text) from error


def _token(text: str) -> TokenGuard:
    user, colon, password = text.partition(":")
    if not colon or not user or not password:
        raise argparse.ArgumentTypeError(f"{text!r}: write USER:PASSWORD")
    return TokenGuard(user, password)


def _tricks(text: str) -> dict[Trick, float]:
    try:
        return parse_tricks(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 after Ctrl-C, 2 when the command is wrong (by argparse)."""
    options = parser().parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
