"""One end of a connection in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.network import MemoryLoop


class MemoryTransport(asyncio.Transport):
    """One end of a connection. Bytes arrive late, in order, and cut anywhere."""

    def __init__(self, loop: MemoryLoop) -> None:
        super().__init__()
        self._loop = loop
        self._other: MemoryTransport
        self.protocol: Any = None
        self._waiting: deque[bytes | None] = deque()
        """On their way to us; None is the end of the stream."""
        self._last_arrival = 0.0
        self._is_paused = self._is_closing = self._is_over = False

    def join(self, protocol: asyncio.BaseProtocol, other: MemoryTransport) -> None:
        """Become one end of a pair."""
        self.protocol, self._other = protocol, other

    def start(self) -> None:
        """Tell the protocol that it is connected."""
        self.protocol.connection_made(self)

    # What protocols call

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """An address, and nothing else."""
        return ("127.0.0.1", 1) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; into the void once the connection is over."""
        if self._is_over or self._is_closing or not data:
            return
        rest, chance = bytes(data), self._loop.random
        while len(rest) > 1 and chance.random() < self._loop.split_chance:
            cut = chance.randrange(1, len(rest))
            self._other.expect(rest[:cut])
            rest = rest[cut:]
        self._other.expect(rest)

    def close(self) -> None:
        """Send what was written, then the end of the stream."""
        if not self._is_closing and not self._is_over:
            self._is_closing = True
            self._other.expect(None)
            self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """End at once; what is under way either way may be lost."""
        if self._is_over:
            return
        self._is_closing = True
        self._waiting.clear()
        self._loop.call_soon(self._end, None)
        self._loop.call_later(self._delay(), self._other.break_off)

    def is_closing(self) -> bool:
        """Whether no more can be written."""
        return self._is_closing or self._is_over

    def pause_reading(self) -> None:
        """Keep back what arrives."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Hand on what was kept back."""
        self._is_paused = False
        self._loop.call_soon(self._hand_on)

    def get_write_buffer_size(self) -> int:
        """Bytes that the other side has not taken."""
        return sum(len(piece) for piece in self._other._waiting if piece)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol from now on."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told of what arrives."""
        return self.protocol  # type: ignore[no-any-return]

    # What the other end calls

    def expect(self, piece: bytes | None) -> None:
        """A piece sets off towards us; none overtakes another."""
        # Strictly later, because timers of one instant fire in any order.
        self._last_arrival = max(self._loop.time() + self._delay(), self._last_arrival + 1e-6)
        self._loop.call_at(self._last_arrival, self._arrive, piece)

    def break_off(self) -> None:
        """The other end is gone: what has not arrived by now never will."""
        if not self._is_over:
            self._is_closing = True
            self._waiting.clear()
            self._end(ConnectionResetError(104, "Connection reset by peer"))

    def _arrive(self, piece: bytes | None) -> None:
        if self._is_over or (self._is_closing and piece is not None):
            return
        self._waiting.append(piece)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and not self._is_paused and not self._is_over:
            piece = self._waiting.popleft()
            if piece is not None:
                self.protocol.data_received(piece)
            elif not self.protocol.eof_received():
                self.close()

    def _end(self, error: Exception | None) -> None:
        if not self._is_over:
            self._is_over = True
            self.protocol.connection_lost(error)

    def _delay(self) -> float:
        return self._loop.random.uniform(0, self._loop.delay_s)
