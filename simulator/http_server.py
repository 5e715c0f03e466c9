"""A small HTTP server on loopback whose replies can come late, in part or never."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import h11

BODY_BYTES_MAX = 4 * 1024 * 1024
CONNECTIONS_MAX = 500
IDLE_TIMEOUT_S = 60.0
_READ_BYTES = 65_536

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked, headers by their names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What it gets."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, content: Any, status: int = 200, **headers: str) -> Reply:  # noqa: ANN401
        """A reply in JSON; a header's name is written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(content).encode(), headers=named)


Handler = Callable[[Request], Awaitable[Reply | None]]
"""None: the connection is cut without a word."""


class HttpServer:
    """Answers on 127.0.0.1 as `async with HttpServer(handler) as server`; `server.port` tells
    where.
    """

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._handler = handler
        self.port = port
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._tasks)
        try:
            await self.listen()
        except OSError:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        await self._stack.__aexit__(kind, error, trace)

    async def listen(self) -> None:
        """Accept connections, on the same port as before."""
        self._listener = await asyncio.start_server(self._on_connect, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drop all connections and accept no more."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await asyncio.sleep(0)
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._running) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        task = self._tasks.create_task(self._serve(reader, writer), name="http connection")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while True:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    request = await _read(http, reader)
                if request is None:
                    break
                reply = await self._reply(request)
                if reply is None:
                    break
                writer.write(_written(http, reply))
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    await writer.drain()
                if set(http.states.values()) != {h11.DONE}:
                    break
                http.start_next_cycle()
        except (OSError, TimeoutError, h11.RemoteProtocolError):
            pass  # the client is gone, asleep, or speaks no HTTP
        finally:
            writer.close()

    async def _reply(self, request: Request) -> Reply | None:
        try:
            return await self._handler(request)
        except Exception:  # the edge of a task: one odd question must not end the server
            _logger.exception("a request failed", extra={"path": request.path})
            return Reply.of_json({"error": {"type": "api_error", "message": "It failed"}}, 500)


async def _read(http: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """The next request; None when the client is done."""
    head, body = None, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY_BYTES_MAX:
                return None
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            path, _, query = head.target.decode("ascii", "replace").partition("?")
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode(), path, query, headers, bytes(body))
        else:
            return None


def _written(http: h11.Connection, reply: Reply) -> bytes:
    headers = [
        ("Content-Type", reply.content_type),
        ("Content-Length", str(len(reply.body))),
        *reply.headers.items(),
    ]
    response = h11.Response(status_code=reply.status, headers=headers)
    events = (response, h11.Data(data=reply.body), h11.EndOfMessage())
    return b"".join(filter(None, map(http.send, events)))
