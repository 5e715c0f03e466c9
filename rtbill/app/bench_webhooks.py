"""Posts signed webhooks as Stripe does.

`python -m rtbill.app.bench_webhooks PORT PER_S CONNECTIONS`: each line of standard input is the id
of a payment, and becomes an event of its own. PER_S 0: as fast as they are taken. The result is one
line of JSON: when each was sent, by the monotonic clock that all processes of a machine share, how
long its answer took, and what was answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence

from rtbill.app.bench_provider import NAME, SECRET
from rtbill.clock import SystemClock

HOST = "127.0.0.1"
WITHIN_S = 30.0
_PADDING = "x" * 2_500
"""As much as a payment's other fields are, which nobody reads."""


def _now_s() -> int:
    return int(SystemClock().now().timestamp())


def body(payment: str) -> bytes:
    """Of the event that says so."""
    about = {"id": payment, "object": "payment_intent", "description": _PADDING}
    event = {
        "id": f"evt_{payment}",
        "type": "payment_intent.succeeded",
        "created": _now_s(),
        "livemode": False,
        "data": {"object": about},
    }
    return json.dumps(event).encode()


def request(payment: str) -> bytes:
    """The whole of it, signed now."""
    raw, at = body(payment), _now_s()
    signature = hmac.new(SECRET.encode(), b"%d." % at + raw, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/{NAME} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(raw)}\r\nStripe-Signature: t={at},v1={signature}\r\n\r\n"
    )
    return head.encode() + raw


class Posts:
    """What was sent and answered."""

    def __init__(self, port: int, payments: Sequence[str], per_s: float) -> None:
        self._port = port
        self._waiting = list(enumerate(payments))[::-1]
        self._per_s = per_s
        self.sent: dict[str, float] = {}
        self.took_s: list[float] = []
        self.answers: Counter[str] = Counter()

    async def post_all(self, connections: int) -> float:
        """Over so many connections at once; seconds that it took."""
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(self._connection(began_s), name=f"connection {number}")
        return time.monotonic() - began_s

    async def _connection(self, began_s: float) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            while self._waiting:
                number, payment = self._waiting.pop()
                if self._per_s:
                    await asyncio.sleep(began_s + number / self._per_s - time.monotonic())
                async with asyncio.timeout(WITHIN_S):
                    await self._post(reader, writer, payment)
        finally:
            writer.close()

    async def _post(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, payment: str
    ) -> None:
        whole = request(payment)
        self.sent[payment] = sent_s = time.monotonic()
        writer.write(whole)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"]
        await reader.readexactly(int(lengths[0].partition(b":")[2]))
        self.took_s.append(time.monotonic() - sent_s)
        self.answers[head.split(b" ", 2)[1].decode()] += 1


def main(arguments: Sequence[str]) -> int:
    """Post what stands in standard input."""
    port, per_s, connections = arguments
    posts = Posts(int(port), sys.stdin.read().split(), float(per_s))
    seconds = asyncio.run(posts.post_all(int(connections)))
    found = {
        "seconds": seconds,
        "sent": posts.sent,
        "took_s": posts.took_s,
        "answers": posts.answers,
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
