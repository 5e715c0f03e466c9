"""A small AMI client of the tests, written for itself: it shares no parser with the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

Message = dict[str, str]


class AmiClient:
    """Sends raw actions and collects messages in the order in which they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.received: list[Message] = []
        self._count = 0

    async def sign_in(self, secret: str = "rtbill") -> Self:
        banner = await self.line()
        assert banner.startswith("Asterisk Call Manager/")
        answer = await self.act("Login", Username="rtbill", Secret=secret)
        assert answer["Response"] == "Success"
        assert (await self.next())["Event"] == "FullyBooted"
        return self

    async def line(self) -> str:
        async with asyncio.timeout(5):
            return (await self.reader.readuntil(b"\r\n")).decode()

    async def next(self) -> Message:
        """The next message, answer or event."""
        async with asyncio.timeout(5):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        message: Message = {}
        for line in raw.decode().split("\r\n"):
            key, _, value = line.partition(": ")
            message[key] = message[key] + "\n" + value if key in message else value
        self.received.append(message)
        return message

    async def act(self, action: str, **headers: str) -> Message:
        """Send an action and read on to its response."""
        self._count += 1
        number = f"t{self._count}"
        lines = [f"Action: {action}", f"ActionID: {number}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            message = await self.next()
            if "Response" in message and message.get("ActionID") == number:
                return message

    async def items(self, action: str, end: str, **headers: str) -> list[Message]:
        """The items of a list action, its closing event last."""
        await self.act(action, **headers)
        items: list[Message] = []
        while not items or items[-1].get("Event") != end:
            items.append(await self.next())
        return items

    async def until(self, event: str) -> Message:
        """Read on to an event of that name."""
        while True:
            message = await self.next()
            if message.get("Event") == event:
                return message

    async def barrier(self) -> list[Message]:
        """All that came before the answer to a ping, and forget it."""
        await self.act("Ping")
        received, self.received = self.received[:-1], []
        return received


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[AmiClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield AmiClient(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def signed_in(port: int) -> AsyncIterator[AmiClient]:
    async with connected(port) as client:
        yield await client.sign_in()
