"""HTTP that takes one small form and answers with one short line, bounded in every direction.

Who asks waits with a caller on the line, and the network it stands in may hold others: a client has
a second to put its whole question, a question has 4 KiB, and what cannot be answered is answered
with an empty body or not at all. h11 reads the protocol; a web framework gave no deadline for a
slow client and put texts of its own into refusals (docs/decisions/0007-the-inline-listener.md).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import h11

ASK_TIMEOUT_S = 1.0
"""From the connection, or the answer before, to the last byte of a question; the same for TLS'
handshake, and for sending the answer.
"""
FORM_BYTES_MAX = 4096
HEAD_BYTES_MAX = 4096
FIELDS_MAX = 16
CONNECTIONS_MAX = 1000
"""Open at once; more are closed at once."""
BACKLOG = 1024
_FORM = b"application/x-www-form-urlencoded"
_ACCEPT_PAUSE_S = 0.1

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status and a line of text, which is empty unless the status is 200."""

    status: int
    text: str = ""

    def __post_init__(self) -> None:
        assert self.status == 200 or not self.text, "who asks cannot see the status"


Fields = Mapping[str, str]
"""The form, decoded; a field that came twice is empty, since nobody can tell which one is meant."""
Answer = Callable[[str, Fields], Awaitable[Reply]]
"""Answers a form sent to a path. Its exceptions are logged and become 503."""


class _Unreadable(Exception):
    """The request is none that we answer; holds the status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def serve_forms(
    listener: socket.socket, answer: Answer, tls: ssl.SSLContext | None = None
) -> None:
    """Answer forms on a bound socket until cancelled."""
    listener.listen(BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - its only form
    await _FormServer(answer, tls).run(listener)


class _FormServer:
    """Connections, a task for each."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None) -> None:
        self._answer = answer
        self._tls = tls
        self._open = 0

    async def run(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as connections:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:  # no file descriptor left, or the client has gone again
                    _logger.warning("a connection could not be accepted", exc_info=True)
                    await asyncio.sleep(_ACCEPT_PAUSE_S)
                    continue
                if self._open >= CONNECTIONS_MAX:
                    connection.close()
                else:
                    self._open += 1
                    connections.create_task(self._serve(connection), name="question")
                # A socket that is always ready would keep everybody else from running.
                await asyncio.sleep(0)

    async def _serve(self, connection: socket.socket) -> None:
        """One connection from beginning to end; whatever happens to it stays here."""
        transport: asyncio.Transport | None = None
        reader = asyncio.StreamReader(limit=HEAD_BYTES_MAX)
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                transport, _ = await loop.connect_accepted_socket(
                    lambda: protocol, connection, ssl=self._tls
                )
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            await self._converse(reader, writer)
        except (OSError, TimeoutError):
            pass  # the client went away, was too slow, or speaks no TLS: it gets nothing
        except Exception:  # the edge of a task
            _logger.exception("a connection failed")
        finally:
            self._open -= 1
            if transport is None:
                connection.close()
            elif transport.get_extra_info("sslcontext") is None:
                transport.close()
            else:
                transport.abort()  # the answer is written; TLS' goodbye would wait for the client

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        while True:
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    request = await _request(http, reader)
                if request is None:
                    return
                reply = await self._reply(*request)
            except _Unreadable as problem:
                reply = Reply(problem.status)
            if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                return
            writer.write(_written(http, reply))
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await writer.drain()
            if set(http.states.values()) != {h11.DONE}:
                return
            http.start_next_cycle()

    async def _reply(self, request: h11.Request, body: bytes) -> Reply:
        path = request.target.decode("ascii", "replace")
        fields = _fields(request, body)
        try:
            return await self._answer(path, fields)
        except Exception:  # a mistake of ours must not end the service
            _logger.exception("a question could not be answered")
            return Reply(503)


async def _request(
    http: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Request, bytes] | None:
    """The next request with its body; None when the client is done. Raises _Unreadable."""
    request, body = None, bytearray()
    while True:
        try:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(HEAD_BYTES_MAX))
                continue
        except h11.RemoteProtocolError as error:
            raise _Unreadable(error.error_status_hint) from error
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > FORM_BYTES_MAX:
                raise _Unreadable(413)
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None, "h11 begins with the request"
            return request, bytes(body)
        else:
            return None


def _fields(request: h11.Request, body: bytes) -> Fields:
    """The form of a POST; raises _Unreadable."""
    if request.method != b"POST":
        raise _Unreadable(405)
    headers = dict(request.headers)
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _FORM:
        raise _Unreadable(415)
    fields = form_fields(body)
    if fields is None:
        raise _Unreadable(400)
    return fields


def form_fields(body: bytes) -> Fields | None:
    """The fields of a form; None when there are too many."""
    text = body.decode("ascii", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields[name] = "" if name in fields else value
    return fields


def _written(http: h11.Connection, reply: Reply) -> bytes:
    """The whole answer, for one write: a body that came in part would pass for the whole."""
    body = reply.text.encode("ascii")
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    if reply.status != 200:
        headers.append(("Connection", "close"))
    response = h11.Response(status_code=reply.status, headers=headers)
    events = (response, h11.Data(data=body), h11.EndOfMessage())
    return b"".join(filter(None, map(http.send, events)))
