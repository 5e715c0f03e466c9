"""A network in memory: connections with seeded delays, in pieces as the seed cuts them.

`MemoryLoop` is a virtual loop whose `create_server`, `create_connection` and `sock_accept` use it,
so that the simulator, the adapter and the listener for questions run unchanged.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from tests.simulation.transport import MemoryTransport
from tests.simulation.virtual_loop import VirtualLoop

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
        if isinstance(server, MemoryListener):
            server.take(theirs)
        else:
            self._clients = [each for each in self._clients if not each.is_closing()] + [ours]
            self.call_soon(theirs.start)
        ours.start()
        return ours, ours.protocol

    async def sock_accept(self, listener: MemoryListener) -> tuple[Accepted, str]:  # type: ignore[override]  # no sockets
        """The next connection that somebody opened to the listener."""
        return await listener.arrived.get(), "127.0.0.1"

    async def connect_accepted_socket(  # type: ignore[override]  # no sockets, no TLS
        self, factory: Factory, accepted: Accepted, **_options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Begin to hear what was accepted; ConnectionResetError when it is gone already."""
        ours = accepted.ours
        if ours.is_closing():
            raise ConnectionResetError(104, "Connection reset by peer")
        ours.protocol = factory()
        ours.start()
        ours.resume_reading()
        return ours, ours.protocol

    def break_clients(self) -> None:
        """Break every connection at the side that opened it: its process is gone."""
        for each in self._clients:
            each.abort()

    def break_accepted(self) -> None:
        """Break every connection that a MemoryListener took, and those that it did not yet."""
        for server in self.listeners.values():
            if isinstance(server, MemoryListener):
                server.break_all()


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


class Accepted:
    """The socket of a connection that was accepted, as far as it is used."""

    def __init__(self, ours: MemoryTransport) -> None:
        self.ours = ours

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001 - a socket's own signature
        """It never blocks."""

    def close(self) -> None:
        """Break it."""
        self.ours.abort()


class MemoryListener(MemoryServer):
    """A listening socket, as far as `rtbill.serving.form_server` uses one. It takes what comes from
    now on; `close` also breaks what it took.
    """

    def __init__(self, loop: MemoryLoop, port: int) -> None:
        super().__init__(loop, asyncio.Protocol, port)
        self.arrived: asyncio.Queue[Accepted] = asyncio.Queue()
        self._taken: list[MemoryTransport] = []
        if port in loop.listeners:
            raise OSError(f"port {port} is in use")
        loop.listeners[port] = self

    def listen(self, _backlog: int) -> None:
        """It does already."""

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001 - a socket's own signature
        """It never blocks."""

    def accept(self) -> tuple[Accepted, str]:
        """A connection that somebody opened; BlockingIOError when there is none."""
        try:
            return self.arrived.get_nowait(), "127.0.0.1"
        except asyncio.QueueEmpty:
            raise BlockingIOError(11, "Resource temporarily unavailable") from None

    def take(self, theirs: MemoryTransport) -> None:
        """Somebody connects; nothing is heard of it before it is accepted."""
        theirs.pause_reading()
        self._taken = [each for each in self._taken if not each.is_closing()] + [theirs]
        self.arrived.put_nowait(Accepted(theirs))

    def break_all(self) -> None:
        """Its process is gone."""
        for each in self._taken:
            each.abort()
