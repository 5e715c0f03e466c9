"""Somebody who answers the question before dialling, well or badly; for tests of the dialplan."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl

from tests.fakes.talks import conversing

if TYPE_CHECKING:
    from types import TracebackType


@dataclass
class Answerer:
    """A listener on loopback; `async with` opens and closes it."""

    answer: str = "allow,."
    """The body; empty for none."""
    status: int = 200
    delay_s: float = 0.0
    hangs: bool = False
    """Accept, and never say anything."""
    breaks_off_after: int | None = None
    """Close after so many characters of the body."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The fields of each question, and its path."""
    port: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        self.port = await self._stack.enter_async_context(conversing(self._answer, self.port))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        body = await reader.readexactly(int(lines["content-length"]))
        self.asked.append(dict(parse_qsl(body.decode())) | {"path": head.split()[1]})
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay_s)
        text = self.answer[: self.breaks_off_after]
        writer.write(
            f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.answer)}\r\n\r\n{text}".encode()
        )
        await writer.drain()
