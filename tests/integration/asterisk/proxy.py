"""A cable between biller and exchange that can be pulled and plugged in again."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import Self

from tests.fakes.talks import conversing


class Cable:
    """Forwards TCP from a port of its own to the exchange's while it is plugged in."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_plugged = True
        self._stack = AsyncExitStack()
        self.port = 0
        self.sent = bytearray()
        """All that went to the exchange."""

    async def __aenter__(self) -> Self:
        self.port = await self._stack.enter_async_context(conversing(self._serve))
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.pull()
        await self._stack.aclose()

    def pull(self) -> None:
        """Break what goes on, and let nobody in."""
        self._is_plugged = False
        for writer in list(self._writers):
            writer.transport.abort()

    def plug_in(self) -> None:
        """New connections are forwarded again."""
        self._is_plugged = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_plugged:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_forward(reader, far_writer, self.sent), name="to the exchange")
                group.create_task(_forward(far_reader, writer), name="to the biller")
        finally:
            self._writers -= pair
            far_writer.transport.abort()
            with contextlib.suppress(OSError):
                await far_writer.wait_closed()


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: bytearray | None = None
) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            if heard is not None:
                heard += data
            writer.write(data)
            await writer.drain()
    writer.close()
