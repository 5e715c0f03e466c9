"""How often strangers, and holders of links, are answered: buckets that fill with time."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict

from rtbill.ports import Clock

ADDRESSES_MAX = 10_000
STRANGER_PER_S, STRANGER_AT_ONCE = 0.5, 20.0
"""Of one address that shows no session. A residence may be behind one."""
STRANGERS_PER_S, STRANGERS_AT_ONCE = 50.0, 200.0
"""Of all of them together: each may cost a look into the books."""
SESSION_PER_S, SESSION_AT_ONCE = 2.0, 30.0


class Bucket:
    """So many a second, and so many at once."""

    def __init__(self, per_s: float, at_once: float, clock: Clock) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._at = clock.monotonic()

    def take(self) -> int:
        """0 when there is room for one more, or the seconds until there is."""
        now = self._clock.monotonic()
        self._left = min(self._at_once, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0
        return math.ceil((1 - self._left) / self._per_s)


class Strangers:
    """Everybody who shows no session, by address and all together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all = Bucket(STRANGERS_PER_S, STRANGERS_AT_ONCE, clock)
        self._by_address: OrderedDict[str, Bucket] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Seconds that this one must wait before it is answered; 0: none."""
        network = _network(address)
        bucket = self._by_address.pop(network, None)
        if bucket is None:
            while len(self._by_address) >= ADDRESSES_MAX:
                self._by_address.popitem(last=False)
            bucket = Bucket(STRANGER_PER_S, STRANGER_AT_ONCE, self._clock)
        self._by_address[network] = bucket
        return bucket.take() or self._all.take()


def _network(address: str) -> str:
    """Whoever has an IPv6 address has 2**64 of them."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False))


def caller(peer: str, forwarded: str, trusted_proxy: str) -> str:
    """The address that asks: the last that a trusted proxy saw, and else our peer's."""
    if trusted_proxy and peer == trusted_proxy and forwarded:
        last = forwarded.rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(last))
        except ValueError:
            return peer
    return peer
