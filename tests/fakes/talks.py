"""A listener of the tests that leaves no connection behind.

`asyncio.start_server` forgets who is still shaking hands, and a handler that has not begun: with
the loop gone, such a socket is complained of in whichever test runs when it is collected.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ROUNDS_TO_END = 3
"""Of the loop, until a transport that was aborted under TLS has let go of its socket."""


@asynccontextmanager
async def conversing(
    converse: Converse,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    *,
    host: str = "127.0.0.1",
) -> AsyncIterator[int]:
    """A port of loopback on which `converse` talks to each who comes; all talks end with it.

    What `converse` raises is raised, but for a connection that broke.
    """
    loop = asyncio.get_running_loop()
    talks: list[asyncio.Task[None]] = []
    connections: list[socket.socket] = []
    try:
        with socket.create_server((host, port)) as listener:
            listener.setblocking(False)  # noqa: FBT003 - its only form
            async with asyncio.TaskGroup() as group:

                def accept() -> None:
                    connection, _ = listener.accept()
                    connection.setblocking(False)  # noqa: FBT003
                    connections.append(connection)
                    talks.append(group.create_task(_talk(connection, converse, tls), name="talk"))

                loop.add_reader(listener, accept)
                try:
                    yield listener.getsockname()[1]
                finally:
                    loop.remove_reader(listener)
                    for talk in talks:
                        talk.cancel()
    finally:
        for _ in range(ROUNDS_TO_END):
            await asyncio.sleep(0)
        for connection in connections:
            connection.close()


async def _talk(connection: socket.socket, converse: Converse, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=tls)
    except OSError:
        return  # gone again, or no handshake
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await converse(reader, writer)
            writer.close()
            await writer.wait_closed()
    finally:
        transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
