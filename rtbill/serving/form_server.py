"""HTTP that takes one small form and answers with one short line, bounded in every direction.

Who asks waits with a caller on the line, and the network it stands in may hold others: a client has
a second to put its whole question, a question has 4 KiB, and what cannot be answered is answered
with an empty body or not at all. httptools reads the protocol; a web framework gave no deadline for
a slow client and put texts of its own into refusals (docs/decisions/0007-the-inline-listener.md).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

ASK_TIMEOUT_S = 1.0
"""From the connection, or the answer before, to the last byte of a question; the same for TLS'
handshake, and for sending the answer.
"""
FORM_BYTES_MAX = 4096
HEAD_BYTES_MAX = 4096
"""Of the target and of the names and values of headers."""
_QUESTION_BYTES_MAX = 8 * (HEAD_BYTES_MAX + FORM_BYTES_MAX)
"""Of a whole question after the piece in which it begins; a chunk takes six bytes for one of the
form, a header four for one of the head.
"""
FIELDS_MAX = 16
CONNECTIONS_MAX = 1000
"""Open at once; more are closed at once."""
BACKLOG = 1024
TAKEN_AT_ONCE = 16
"""Connections, before others get their turn."""
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


class _Asked(NamedTuple):
    """A request as it came, or the status of what is none that we answer."""

    path: str = ""
    form: bytes = b""
    problem: int | None = None
    is_last: bool = True
    """Nothing more is answered on this connection."""


async def serve_forms(
    listener: socket.socket, answer: Answer, tls: ssl.SSLContext | None = None
) -> None:
    """Answer forms on a bound socket until cancelled."""
    listener.listen(BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - its only form
    async with asyncio.TaskGroup() as tasks:
        server = _FormServer(answer, tls, tasks)
        try:
            await server.run(listener)
        finally:
            server.close()


class _FormServer:
    """Takes connections, each a conversation of its own, and answers what they ask."""

    def __init__(
        self, answer: Answer, tls: ssl.SSLContext | None, tasks: asyncio.TaskGroup
    ) -> None:
        self._answer = answer
        self._tls = tls
        self._tasks = tasks
        self._arriving = 0
        """Accepted, and not yet a conversation: TLS may take a while."""
        self.open: set[_Conversation] = set()

    async def run(self, listener: socket.socket) -> None:
        """Accept for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # no file descriptor left, or the client has gone again
                _logger.warning("a connection could not be accepted", exc_info=True)
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            self._take(connection)
            self._take_waiting(listener)
            # A socket that is always ready would keep everybody else from running.
            await asyncio.sleep(0)

    def _take_waiting(self, listener: socket.socket) -> None:
        """Some of those that came in the same moment: each would wait for a turn of its own."""
        for _ in range(TAKEN_AT_ONCE - 1):
            try:
                connection, _ = listener.accept()
            except OSError:  # there is none, or what is wrong is found in the next turn
                return
            connection.setblocking(False)  # noqa: FBT003 - its only form
            self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        if self._arriving + len(self.open) >= CONNECTIONS_MAX:
            connection.close()
        else:
            self._arriving += 1
            self.start(self._begin(connection))

    async def _begin(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await loop.connect_accepted_socket(
                    lambda: _Conversation(self), connection, ssl=self._tls
                )
        except (OSError, TimeoutError):
            connection.close()  # it went away, was too slow, or speaks no TLS: it gets nothing
        finally:
            self._arriving -= 1

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Have it done beside all else."""
        self._tasks.create_task(work, name="question")

    async def reply(self, asked: _Asked) -> Reply:
        """What is said to it; a mistake of ours must not end the service."""
        if asked.problem is not None:
            return Reply(asked.problem)
        fields = form_fields(asked.form)
        if fields is None:
            return Reply(400)
        try:
            return await self._answer(asked.path, fields)
        except Exception:
            _logger.exception("a question could not be answered")
            return Reply(503)

    def close(self) -> None:
        """Break all conversations."""
        for each in tuple(self.open):
            each.abort()


class _Conversation(asyncio.Protocol):
    """One connection: a question, its answer, and perhaps another one. While it is answered nothing
    is read from it, so that a client holds no more here than a piece of its sending.
    """

    _transport: asyncio.Transport

    def __init__(self, server: _FormServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._asked: deque[_Asked] = deque()
        self._is_answering = False
        self._is_read = False
        """The last question of this connection was read."""
        self._timer: asyncio.TimerHandle | None = None
        self.on_message_begin()

    def abort(self) -> None:
        """It is over, whatever is under way."""
        self._transport.abort()

    # ------------------------------------------------------------------------- of asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It begins, and so does the second for the first question."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.open.add(self)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over; what is being decided goes on, and its answer leads nowhere."""
        del exc, self._parser  # which knows us: without it nothing waits for the collector
        self._server.open.discard(self)
        self._stop_waiting()

    def eof_received(self) -> bool:
        """Whether who sends no more can still be answered."""
        return self._is_answering

    def data_received(self, data: bytes) -> None:
        """A piece of it; questions are answered one after the other."""
        if self._is_read:
            return
        self._question_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._refuse(HTTPStatus.BAD_REQUEST)
        if self._question_bytes > _QUESTION_BYTES_MAX:
            # The parser keeps a header, or a trailer, that does not end, and tells us of its end.
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._asked and not self._is_answering:
            self._is_answering = True
            self._stop_waiting()
            self._transport.pause_reading()
            self._server.start(self._answer())

    # ------------------------------------------------------------- of httptools' parser, in turn

    def on_message_begin(self) -> None:
        """Another question."""
        self._head_bytes = 0
        self._question_bytes = 0
        self._path = b""
        self._host: bytes | None = None
        self._media_type = b""
        self._form = bytearray()
        self._is_in_head = True

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._path += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those after the body mean nothing."""
        self._count(len(name) + len(value))
        if not self._is_in_head:
            return
        name = name.lower()
        if name == b"content-type":
            self._media_type = value.partition(b";")[0].strip().lower()
        elif name == b"host":
            if self._host is not None:
                self._refuse(HTTPStatus.BAD_REQUEST)
            self._host = value

    def on_headers_complete(self) -> None:
        """The form follows."""
        self._is_in_head = False

    def on_body(self, body: bytes) -> None:
        """A part of the form."""
        if len(self._form) + len(body) > FORM_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif not self._is_read:
            self._form += body

    def on_message_complete(self) -> None:
        """It is whole."""
        if self._is_read:
            return
        parser = self._parser
        problem = None
        if parser.get_method() != b"POST":
            problem = HTTPStatus.METHOD_NOT_ALLOWED
        elif self._host is None and parser.get_http_version() != "1.0":
            problem = HTTPStatus.BAD_REQUEST
        elif self._media_type != _FORM:
            problem = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        if problem is not None:
            self._refuse(problem)
            return
        self._is_read = not parser.should_keep_alive()
        path = self._path.decode("ascii", "replace")
        self._asked.append(_Asked(path, bytes(self._form), is_last=self._is_read))

    def _count(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    # ------------------------------------------------------------------------------------- answers

    def _refuse(self, status: int) -> None:
        """Answer with this, after what was asked before, and nothing more."""
        if not self._is_read:
            self._is_read = True
            self._asked.append(_Asked(problem=status))

    async def _answer(self) -> None:
        """All that was asked so far."""
        while self._asked:
            asked = self._asked.popleft()
            reply = await self._server.reply(asked)
            if self._transport.is_closing():
                return
            is_last = asked.is_last or reply.status != HTTPStatus.OK
            self._transport.write(_written(reply, is_last=is_last))
            if is_last:
                self._end()
                return
        self._is_answering = False
        self._wait()
        self._transport.resume_reading()

    def _end(self) -> None:
        """Close once what was written is out; a client that does not take it is not waited for."""
        self._is_read = True
        self._timer = self._loop.call_later(ASK_TIMEOUT_S, self._transport.abort)
        is_tls = self._transport.get_extra_info("sslcontext") is not None
        if is_tls and not self._transport.get_write_buffer_size():
            self._transport.abort()  # TLS' goodbye would wait for the client
        else:
            self._transport.close()

    def _wait(self) -> None:
        """For a whole question; who is slower gets nothing."""
        self._timer = self._loop.call_later(ASK_TIMEOUT_S, self._late)

    def _late(self) -> None:
        """It did not ask, or does not take what it was answered."""
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._end()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


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


def _written(reply: Reply, *, is_last: bool) -> bytes:
    """The whole answer, for one write: a body that came in part would pass for the whole."""
    body = reply.text.encode("ascii")
    end = "Connection: close\r\n" if is_last else ""
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\n{end}\r\n"
    )
    return head.encode("ascii") + body
