"""Whether the exchange's manager interface answers where strangers could call it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from adapters.connecting import NO_CONNECTION
from rtbill.domain.hosts import is_loopback

_CONNECT_WITHIN_S = 1.0
_BANNER = b"Asterisk Call Manager"
_PLACES = (
    (socket.AF_INET, "192.0.2.1"),  # documentation addresses: nothing is sent to them
    (socket.AF_INET6, "2001:db8::1"),
)


async def own_addresses() -> list[str]:
    """Addresses of this machine that are not loopback: those its name stands for, and those it
    would send from.
    """
    found: dict[str, None] = {}
    with contextlib.suppress(*NO_CONNECTION):
        infos = await asyncio.get_running_loop().getaddrinfo(
            socket.gethostname(), None, type=socket.SOCK_STREAM
        )
        found.update((str(address[0]), None) for *_, address in infos)
    for family, place in _PLACES:
        # Connecting a datagram socket chooses the address it would be sent from, no more.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((place, 9))
            found[str(probe.getsockname()[0])] = None
    return [address for address in found if not is_loopback(address.partition("%")[0])]


async def answering(addresses: Sequence[str], port: int) -> list[str]:
    """Those of the addresses where a manager interface answers on this port."""
    return [address for address in addresses if await _answers(address, port)]


async def _answers(address: str, port: int) -> bool:
    writer = None
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            reader, writer = await asyncio.open_connection(address, port)
            return (await reader.read(len(_BANNER))).startswith(_BANNER[:8])
    except NO_CONNECTION:
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
