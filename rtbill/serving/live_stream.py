"""The stream of calls in progress over HTTP: server-sent events, for those who have the token.

    GET /v1/live                          event: snapshot      all calls, in parts
    Authorization: Bearer TOKEN           event: up, changed   one call
                                          event: ended         a call, and what it cost
                                          event: balance       an account's money
                                          event: dropped       the last one, and why
                                          : beat               nothing for 15 s

It carries numbers and names of people, so there is none without a token. A reader who stands still
is let go; a token in the address would end up in logs, so it is not looked for there.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rtbill.domain.errors import Refused
from rtbill.live.feed import FAREWELL, Event, Listener, LiveFeed

BEAT_S = 15.0
WRITE_S = 10.0
"""A reader who takes nothing for so long is gone."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BEAT = b": beat\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_logger = logging.getLogger(__name__)


class LiveStream:
    """An ASGI application for one path."""

    def __init__(self, feed: LiveFeed, token: str, beat_s: float = BEAT_S) -> None:
        assert token, "without a token the stream is not served"
        self._feed = feed
        self._token = token.encode()
        self._beat_s = beat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as its client reads."""
        if scope["method"] != "GET":
            await _refuse(send, 405, "only GET is answered here", [(b"allow", b"GET")])
        elif not self._is_allowed(scope):
            challenge = [(b"www-authenticate", b'Bearer realm="rtbill"')]
            text = "send the token of http.live_token_file as: Authorization: Bearer TOKEN"
            await _refuse(send, 401, text, challenge)
        else:
            try:
                listener = await self._feed.join()
            except Refused as full:
                await _refuse(send, 503, str(full), [(b"retry-after", b"10")])
                return
            try:
                await self._stream(listener, receive, send)
            finally:
                self._feed.leave(listener)

    def _is_allowed(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        is_same = hmac.compare_digest(token.strip(), self._token)
        return is_same and scheme.lower() == b"bearer"

    async def _stream(self, listener: Listener, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_await_hang_up(listener, receive), name="live reader")
            try:
                await self._write(listener, send)
            except TimeoutError:
                _logger.warning("a reader of the live stream stood still and was let go")
            finally:
                watching.cancel()

    async def _write(self, listener: Listener, send: Send) -> None:
        await _put(send, {"type": "http.response.start", "status": 200, "headers": _HEADERS})
        async for event in self._feed.snapshot():
            await _put(send, _body(_frame(event)))
        while True:
            try:
                async with asyncio.timeout(self._beat_s):
                    events = await listener.take()
            except TimeoutError:
                await _put(send, _body(_BEAT))
                continue
            await _put(send, _body(b"".join(map(_frame, events))))
            if events and events[-1].kind == FAREWELL:
                await _put(send, {"type": "http.response.body", "more_body": False})
                return


async def _await_hang_up(listener: Listener, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.end("the reader hung up")


async def _put(send: Send, message: MutableMapping[str, Any]) -> None:
    async with asyncio.timeout(WRITE_S):
        await send(message)


def _body(text: bytes) -> MutableMapping[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": True}


def _frame(event: Event) -> bytes:
    number = "" if event.number is None else f"id: {event.number}\n"
    return f"{number}event: {event.kind}\ndata: {event.text}\n\n".encode()


async def _refuse(send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]]) -> None:
    plain = [(b"content-type", b"text/plain; charset=utf-8"), *headers]
    await _put(send, {"type": "http.response.start", "status": status, "headers": plain})
    await _put(send, {"type": "http.response.body", "body": f"{text}\n".encode()})
