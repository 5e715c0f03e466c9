"""A network in memory: connections with seeded delays, in pieces as the seed cuts them.

`MemoryLoop` is a virtual loop whose `create_server` and `create_connection` use it, so that the
simulator and the adapter run unchanged.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.simulation.virtual_loop import VirtualLoop

PIECES_MAX = 4
Factory = Callable[[], asyncio.BaseProtocol]


class MemoryLoop(VirtualLoop):
    """A virtual loop with its own network; one host, ports given out from 40000."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(f"network/{seed}")
        self.listeners: dict[int, MemoryServer] = {}
        self.delay_s = self.random.choice([0.0002, 0.002, 0.02])
        """The longest that a piece is under way, in each direction."""
        self.split_chance = self.random.choice([0.0, 0.05, 0.5])
        self._next_port = 40_000
        self._clients: list[MemoryTransport] = []

    async def create_server(  # type: ignore[override]  # no sockets, no TLS: only what is used
        self, factory: Factory, _host: str, port: int, **_options: Any
    ) -> MemoryServer:
        """Listen on that port, or on a free one for 0."""
        if port == 0:
            port, self._next_port = self._next_port, self._next_port + 1
        if port in self.listeners:
            raise OSError(f"port {port} is in use")
        server = self.listeners[port] = MemoryServer(self, factory, port)
        return server

    async def create_connection(  # type: ignore[override]  # no sockets, no TLS
        self, factory: Factory, _host: str, port: int, **_options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to who listens there; ConnectionRefusedError when nobody does."""
        await asyncio.sleep(self.random.uniform(0, self.delay_s))
        server = self.listeners.get(port)
        if server is None:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = MemoryTransport(self), MemoryTransport(self)
        ours.join(factory(), theirs)
        theirs.join(server.factory(), ours)
        self._clients = [each for each in self._clients if not each.is_closing()] + [ours]
        self.call_soon(theirs.start)
        ours.start()
        return ours, ours.protocol

    def break_clients(self) -> None:
        """Break every connection at the side that opened it: its process is gone."""
        for each in self._clients:
            each.abort()


class MemoryServer:
    """What `create_server` gives back, as far as it is used."""

    def __init__(self, loop: MemoryLoop, factory: Factory, port: int) -> None:
        self.factory = factory
        self.sockets = (self,)
        self._loop, self._port = loop, port

    def getsockname(self) -> tuple[str, int]:
        """Address and port."""
        return "127.0.0.1", self._port

    def close(self) -> None:
        """Take no more connections; those that are stay."""
        self._loop.listeners.pop(self._port, None)


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
