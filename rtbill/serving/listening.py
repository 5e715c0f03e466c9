"""Sockets that others connect to, and a web server on them that ends with its task."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from rtbill.domain.errors import Refused

STOP_TIMEOUT_S = 2.0
HEAD_TIMEOUT_S = 10.0
"""From the connection, or the first byte of a later request, to the end of the request's head."""


class _Impatient(H11Protocol):
    """Closes a connection whose client takes too long to say what it wants: the framework has a
    deadline between two requests, and none within the head of one.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # as uvicorn narrows it
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # None until the first request, which its own declaration does not say.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self._expect_head()
        else:
            self._end_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(HEAD_TIMEOUT_S, self.transport.abort)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """Leaves signals to the program: one owner decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    application: Callable[..., Awaitable[None]],
    listener: socket.socket,
    *,
    tls: ssl.SSLContext | None = None,
    connections_max: int | None = None,
) -> None:
    """Answer requests to a web application until cancelled; over HTTPS where there is a context.
    More connections than that at once are answered with 503.
    """
    server = _Server(
        uvicorn.Config(
            application,
            http=_Impatient,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            limit_concurrency=connections_max,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(
            server.serve(sockets=[listener]), name=f"listen on {listener.getsockname()}"
        )
        try:
            await asyncio.wait([serving])
        except asyncio.CancelledError:
            # Answers under way get a moment; what is left then is cancelled with its task.
            server.should_exit = True
            await asyncio.wait([serving], timeout=STOP_TIMEOUT_S)
            raise


@contextlib.contextmanager
def tcp_listener(host: str, port: int, table: str) -> Iterator[socket.socket]:
    """A bound TCP socket; Refused, naming the table of the configuration, when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Refused(f"{table}.host {host!r}: {error.strerror or error}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            text = f"cannot listen on {host} port {port}: {error.strerror}; change {table}.port"
            raise Refused(text) from error
        yield listener


def server_tls(cert_file: Path, key_file: Path, table: str) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate; Refused, naming the table, when it cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file)
    except OSError as error:  # SSLError is one: not a certificate, or a key of another one
        why = getattr(error, "reason", None) or error.strerror or error
        text = (
            f"{table}: {cert_file} and {key_file} are not a readable PEM certificate with its key "
            f"({why}); name both, readable by this user"
        )
        raise Refused(text) from error
    return context
