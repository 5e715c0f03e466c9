"""A plain AMI client for looking at Asterisk from outside.

It shares nothing with the product's own client, so that a mistake there cannot hide itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

WAIT_S = 10.0

Message = dict[str, str]
"""Header to value; a header that comes several times has its values joined by line breaks."""


class AmiProbe(asyncio.Protocol):
    """One signed-in connection that remembers every event; `async with` opens and closes it."""

    def __init__(self, port: int, secret: str, user: str = "tester") -> None:
        self.events: list[Message] = []
        self._port = port
        self._secret = secret
        self._user = user
        self._buffer = b""
        self._number = 0
        self._answers: dict[str, list[Message]] = {}
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S):
            self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
            reply = await self.action("Login", Username=self._user, Secret=self._secret)
        if reply.get("Response") != "Success":
            self._transport.close()
            raise PermissionError(reply.get("Message", "refused"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._transport:
            self._transport.close()
            async with asyncio.timeout(WAIT_S):
                await self._closed.wait()

    async def action(self, name: str, **headers: str) -> Message:
        """Send one action and give back its response, whatever that is."""
        key = self._send(name, headers)
        async with asyncio.timeout(WAIT_S):
            while not (found := self._response(key)):
                self._changed.clear()
                await self._changed.wait()
        return found

    async def listing(self, name: str, end: str, **headers: str) -> list[Message]:
        """Send an action that answers with a list, and give back its rows; `end` closes it."""
        key = self._send(name, headers)
        async with asyncio.timeout(WAIT_S):
            while not self._list_is_whole(key, end):
                self._changed.clear()
                await self._changed.wait()
        return [each for each in self._answers[key] if each.get("Event") not in (None, end)]

    async def event(
        self, name: str, matches: Callable[[Message], bool] = lambda _: True
    ) -> Message:
        """Wait for an event, or give back the first that came already."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not (found := self.seen(name, matches)):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"no {name} among {[e['Event'] for e in self.events]}") from None
        return found[0]

    def seen(self, name: str, matches: Callable[[Message], bool] = lambda _: True) -> list[Message]:
        """Events of one name that have come so far."""
        return [each for each in self.events if each.get("Event") == name and matches(each)]

    # ---- Asterisk's own database

    async def put(self, family: str, key: str, value: str = "1") -> None:
        reply = await self.action("DBPut", Family=family, Key=key, Val=value)
        assert reply["Response"] == "Success"

    async def get(self, family: str, key: str) -> str | None:
        reply = await self.listing("DBGet", "DBGetComplete", Family=family, Key=key)
        return reply[0]["Val"] if reply else None

    async def delete_family(self, family: str) -> None:
        """Remove a family with everything below it, if it is there."""
        await self.action("DBDelTree", Family=family)

    # ---- asyncio's side

    def data_received(self, data: bytes) -> None:
        *frames, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for frame in frames:
            self._take(_parsed(frame.decode(errors="replace")))
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        self._closed.set()
        self._changed.set()

    def _take(self, message: Message) -> None:
        key = message.get("ActionID", "")
        if key in self._answers:
            self._answers[key].append(message)
        elif "Event" in message:
            self.events.append(message)

    def _send(self, name: str, headers: dict[str, str]) -> str:
        assert self._transport is not None
        self._number += 1
        key = f"probe-{self._number}"
        self._answers[key] = []
        lines = [f"Action: {name}", f"ActionID: {key}", *(f"{k}: {v}" for k, v in headers.items())]
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return key

    def _response(self, key: str) -> Message | None:
        if self._closed.is_set():
            raise ConnectionError("Asterisk closed the connection")
        return next((each for each in self._answers[key] if "Response" in each), None)

    def _list_is_whole(self, key: str, end: str) -> bool:
        answers = self._answers[key]
        failed = any(each.get("Response") == "Error" for each in answers)
        if self._closed.is_set():
            raise ConnectionError("Asterisk closed the connection")
        return failed or any(each.get("Event") == end for each in answers)


def _parsed(text: str) -> Message:
    message: Message = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            known = message.get(name)
            value = value.removeprefix(" ")
            message[name] = value if known is None else f"{known}\n{value}"
    return message
