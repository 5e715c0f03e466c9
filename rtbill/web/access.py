"""Who asks, and how often."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Sequence

from rtbill.config import ApiToken
from rtbill.ports import Clock

STRANGERS_PER_S = 10
"""Requests without a good token that are answered at all, of everybody together."""


class Bucket:
    """So many requests a second, and twice as many at once."""

    def __init__(self, per_s: int, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left = float(2 * per_s)
        self._at = clock.monotonic()

    def take(self) -> int:
        """0 when there is room for one more, or the seconds until there is."""
        now = self._clock.monotonic()
        self._left = min(2.0 * self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0
        return math.ceil((1 - self._left) / self._per_s)


class Access:
    """Knows the tokens."""

    def __init__(self, tokens: Sequence[ApiToken], requests_per_s: int, clock: Clock) -> None:
        self._tokens = [(_digest(each.secret.encode()), each) for each in tokens]
        self._buckets = {each.name: Bucket(requests_per_s, clock) for each in tokens}
        self._strangers = Bucket(STRANGERS_PER_S, clock)

    def holder(self, headers: Sequence[tuple[bytes, bytes]]) -> ApiToken | None:
        """Whose token stands in the headers. Every token is compared, in a time that tells none."""
        given = [value for name, value in headers if name == b"authorization"]
        scheme, _, secret = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        digest = _digest(secret.strip())
        found = None
        for known, token in self._tokens:
            if hmac.compare_digest(known, digest):
                found = token
        return found if scheme.lower() == b"bearer" else None

    def wait_s(self, token: ApiToken | None) -> int:
        """Seconds that this one must wait before it is answered; 0: none."""
        return (self._strangers if token is None else self._buckets[token.name]).take()


def _digest(secret: bytes) -> bytes:
    """Of one length, so that a comparison tells nothing about that of the secret."""
    return hashlib.sha256(secret).digest()
