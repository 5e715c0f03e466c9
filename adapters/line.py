"""One connection to an exchange: cuts bytes, writes in batches, knows which answers are due.

Nothing is ever sent twice by itself. When the line breaks, what was sent and not answered is
OutcomeUnknown; what was not sent is Unavailable.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from adapters.event_buffer import EventBuffer
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Unavailable
from rtbill.ports import Clock

M = TypeVar("M")

Recorder = Callable[[str, bytes, datetime], None]
"""Takes the raw stream: direction (`rx`, `tx`, `close`), bytes with secrets masked, and when."""


class LineLost(Unavailable):
    """The connection broke; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Times and sizes, with defaults that suit a local network."""

    connect_timeout_s: float = 5.0
    action_timeout_s: float = 5.0
    sweep_every_s: float = 0.5
    """How often overdue answers are looked for: a deadline may come this much late."""
    ping_every_s: float = 5.0
    pings_missed_max: int = 2
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    refused_retry_s: float = 60.0
    """After a refused sign-in: a wrong secret does not get better by haste."""
    events_max: int = 100_000
    """Events waiting to be received; one more closes the link, because none may be lost unseen."""
    events_high: int = 20_000
    """From here on no more is read from the socket, until a quarter of it is left."""
    pending_max: int = 10_000
    unsent_max: int = 1_000_000
    """Bytes waiting to be written; beyond it, only what can be spared is dropped."""


class Wire(Protocol[M]):
    """Framing of one connection, without I/O. Raises BadRecord; its `messages`, if any, are still
    handed on.
    """

    def feed(self, chunk: bytes) -> list[M]:
        """All messages completed by these bytes."""
        ...


class Surroundings(Protocol[M]):
    """What a line needs of its link."""

    settings: LinkSettings
    clock: Clock
    buffer: EventBuffer
    recorder: Recorder | None

    def hear(self, line: Line[M], message: M) -> None:
        """Take one message, in order."""
        ...

    def mask(self, data: bytes) -> bytes:
        """Bytes we send, without secrets, for recording."""
        ...


class Line(asyncio.Protocol, Generic[M]):
    """One connection. Made by Link; a conversation asks and sends through it."""

    def __init__(self, surroundings: Surroundings[M], wire: Wire[M]) -> None:
        self._around = surroundings
        self._settings = surroundings.settings
        self._clock = surroundings.clock
        self._wire = wire
        self._transport: asyncio.Transport | None = None
        self._pending: dict[Hashable, tuple[asyncio.Future[M], float]] = {}
        self._unsent: list[bytes] = []
        self._unsent_keys: list[Hashable] = []
        self._unsent_size = 0
        self._paused = asyncio.Event()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reason: str | None = None
        """Why it is lost; None while it holds."""
        self.broken_by: BadRecord | None = None
        """The frame that could not be read, when that is why."""
        self.tls_error: ssl.SSLError | None = None
        """What TLS says, when that is why: the exchange may refuse our certificate after the
        handshake.
        """
        self.heard = asyncio.Event()
        """Set when bytes come; who waits for more clears it first."""
        self.heard_at = self._clock.now()
        """When the last byte came. The end of the stream proves nothing: a restart ends it a second
        after the calls.
        """

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self.reason is not None:
            return
        self.heard_at = self._clock.now()
        around = self._around
        if around.recorder is not None:
            around.recorder("rx", data, self.heard_at)
        try:
            messages = self._wire.feed(data)
        except BadRecord as bad:
            messages = list(getattr(bad, "messages", ()))
            self.broken_by = bad
        for message in messages:
            around.hear(self, message)
        if self.broken_by is not None:
            self.fail(f"unreadable bytes: {self.broken_by}")
        self.heard.set()
        self._mind_the_buffer()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ssl.SSLError) and self.reason is None:
            self.tls_error = exc
        self.fail(f"the connection broke: {exc}" if exc else "the exchange closed the connection")

    # What a conversation uses

    def send(self, data: bytes) -> None:
        """Queue bytes for the end of this turn of the event loop; Unavailable when the line is
        lost.
        """
        if self.reason is not None:
            raise LineLost(self.reason)
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(data)
        self._unsent_size += len(data)

    def send_if_room(self, data: bytes) -> bool:
        """Queue bytes that may be lost without harm; False when there is no room or no line."""
        if self.reason is not None or self._waiting_bytes() > self._settings.unsent_max:
            return False
        self.send(data)
        return True

    def ask(self, key: Hashable, data: bytes, timeout_s: float | None = None) -> asyncio.Future[M]:
        """Send, and give the future of the answer that `answer` will bring under this key."""
        if len(self._pending) >= self._settings.pending_max:
            raise Unavailable(f"{len(self._pending)} actions are waiting for their answers already")
        self.send(data)
        self._unsent_keys.append(key)
        future: asyncio.Future[M] = asyncio.get_running_loop().create_future()
        self._pending[key] = (future, self._deadline(timeout_s))
        return future

    def answer(self, key: Hashable, message: M) -> bool:
        """Bring an answer; False when nobody waits for it (any more)."""
        pending = self._pending.pop(key, None)
        if pending is None or pending[0].done():
            return False
        pending[0].set_result(message)
        return True

    def extend(self, key: Hashable, timeout_s: float) -> None:
        """Part of a long answer came: its deadline starts anew."""
        if key in self._pending:
            self._pending[key] = (self._pending[key][0], self._deadline(timeout_s))

    def fail(self, reason: str) -> None:
        """Give the line up: everything that waits for an answer fails, and the socket is closed."""
        if self.reason is not None:
            return
        self.reason = reason
        pending, self._pending = self._pending, {}
        unsent = set(self._unsent_keys)
        for key, (future, _) in pending.items():
            if not future.done():
                future.set_exception(
                    Unavailable(f"not sent: {reason}")
                    if key in unsent
                    else OutcomeUnknown(f"sent, but no answer came: {reason}")
                )
        if self._transport is not None:
            self._transport.abort()
        if self._around.recorder is not None:
            self._around.recorder("close", b"", self._clock.now())
        if not self._lost.done():
            self._lost.set_result(None)

    # What a link runs beside the conversation

    async def watch(self) -> None:
        """Raise LineLost as soon as the line is."""
        await self._lost
        raise LineLost(self.reason or "lost")

    async def sweep(self) -> None:
        """Fail every action whose answer is overdue; let reading go on when the buffer has room
        again.
        """
        while True:
            await self._clock.sleep(self._settings.sweep_every_s)
            now = self._clock.monotonic()
            for key in [key for key, (_, deadline) in self._pending.items() if deadline <= now]:
                future, _ = self._pending.pop(key)
                if not future.done():
                    future.set_exception(OutcomeUnknown("sent, but no answer came in time"))

    async def resume_reading(self) -> None:
        """Read on whenever the buffer has been emptied to a quarter."""
        while True:
            await self._paused.wait()
            await self._around.buffer.wait_below(max(1, self._settings.events_high // 4))
            self._paused.clear()
            if self._transport is not None and self.reason is None:
                self._transport.resume_reading()

    @property
    def is_reading(self) -> bool:
        """False while the buffer is too full to read on; no answer can be heard then."""
        return not self._paused.is_set()

    def _mind_the_buffer(self) -> None:
        buffer = self._around.buffer
        if buffer.overflowed:
            self.fail(f"more than {self._settings.events_max} events were waiting to be taken")
        elif (
            not self._paused.is_set()
            and not buffer.is_holding  # the snapshot that ends the holding still has to be read
            and len(buffer) >= self._settings.events_high
            and self._transport is not None
            and self.reason is None
        ):
            self._transport.pause_reading()
            self._paused.set()

    def _flush(self) -> None:
        if self.reason is not None or self._transport is None or not self._unsent:
            return
        data = b"".join(self._unsent)
        self._unsent.clear()
        self._unsent_keys.clear()
        self._unsent_size = 0
        if self._around.recorder is not None:
            self._around.recorder("tx", self._around.mask(data), self._clock.now())
        self._transport.write(data)

    def _waiting_bytes(self) -> int:
        assert self._transport is not None
        return self._unsent_size + self._transport.get_write_buffer_size()

    def _deadline(self, timeout_s: float | None) -> float:
        seconds = self._settings.action_timeout_s if timeout_s is None else timeout_s
        return self._clock.monotonic() + seconds
