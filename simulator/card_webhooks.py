"""Webhooks of the simulated card provider: signed, and sent as badly as a network allows.

duplicate   sent twice
reorder     sent after the one that follows
late        sent after up to three seconds
forge       preceded by one that nobody signed with our secret
lose        never sent; the list of events still has it
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from simulator.card_books import Thing
from simulator.clock import US, Clock

FORGER = "whsec_of_somebody_else"
KINDS = ("duplicate", "reorder", "late", "forge", "lose")
LATE_MAX_S = 3.0
TIMEOUT_S = 10.0
TRIES_MAX = 8
QUEUE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Webhook:
    """A body and its headers, ready to be sent."""

    raw: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """How often each fault happens to a webhook, from 0 to 1; the same seed draws the same."""

    seed: int = 1
    rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, rate in self.rates.items():
            if kind not in KINDS or not 0 <= rate <= 1:
                raise ValueError(f"{kind}={rate}: give one of {', '.join(KINDS)} a rate to 1")


class CardWebhooks:
    """Sends events to one address; where there is none they are kept in `unsent`."""

    def __init__(self, clock: Clock, secret: str, url: str = "") -> None:
        self._clock = clock
        self.secret, self.url = secret, url
        self.unsent: deque[Thing] = deque(maxlen=QUEUE_MAX)
        """Events nobody was told of, oldest first."""
        self.sent = 0
        """Webhooks answered with 2xx."""
        self.refused = 0
        """Webhooks answered otherwise, or not at all; forged ones too."""
        self.trust: ssl.SSLContext | None = None
        """Whom an https address must show a certificate of; None: the authorities of the web."""
        self._plan = WebhookPlan()
        self._random = random.Random(1)
        self._queue: deque[Thing] = deque(maxlen=QUEUE_MAX)
        self._sending = 0
        self._arrived = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Nothing waits to be sent, or is being sent."""
        return not self._queue and not self._sending

    def spoil(self, plan: WebhookPlan) -> None:
        """From now on, send so."""
        self._plan, self._random = plan, random.Random(plan.seed)

    def offer(self, event: Thing) -> None:
        """Queue one; never waits."""
        if not self.url:
            self.unsent.append(event)
            return
        self._queue.append(event)
        self._arrived.set()

    def signed(self, event: Thing, *, secret: str = "", age_s: float = 0.0) -> Webhook:
        """The event as a webhook, signed `age_s` seconds ago (below zero: ahead)."""
        raw = json.dumps(event).encode()
        at = int(self._clock.now_us() / US - age_s)
        proof = hmac.new(
            (secret or self.secret).encode(), f"{at}.".encode() + raw, hashlib.sha256
        ).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={proof}"}
        return Webhook(raw, headers)

    async def run(self) -> None:
        """Send for ever, in the order of the queue but for the plan."""
        verify = self.url.startswith("https:")
        client = httpx.AsyncClient(timeout=TIMEOUT_S, verify=self.trust or verify)
        async with client, asyncio.TaskGroup() as late:
            while True:
                self._arrived.clear()
                while self._queue:
                    event = self._queue.popleft()
                    if self._happens("late"):
                        wait_s = self._random.uniform(0, LATE_MAX_S)
                        self._sending += 1
                        late.create_task(self._send_after(client, event, wait_s), name="late")
                    elif self._happens("reorder") and self._queue:
                        self._queue.insert(1, event)
                    elif not self._happens("lose"):
                        self._sending += 1
                        await self._send(client, event)
                await self._arrived.wait()

    async def _send_after(self, client: httpx.AsyncClient, event: Thing, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await self._send(client, event)

    async def _send(self, client: httpx.AsyncClient, event: Thing) -> None:
        try:
            await self._tell(client, event)
        finally:
            self._sending -= 1

    async def _tell(self, client: httpx.AsyncClient, event: Thing) -> None:
        if self._happens("forge"):
            await self._post(client, self.signed({**event, "forged": True}, secret=FORGER))
        for _ in range(2 if self._happens("duplicate") else 1):
            for number in range(TRIES_MAX):
                if await self._post(client, self.signed(event)):
                    break
                await asyncio.sleep(min(0.25 * 2**number, LATE_MAX_S))

    async def _post(self, client: httpx.AsyncClient, webhook: Webhook) -> bool:
        try:
            answer = await client.post(self.url, content=webhook.raw, headers=dict(webhook.headers))
            is_taken = answer.is_success
        except httpx.HTTPError:
            is_taken = False
        self.sent += is_taken
        self.refused += not is_taken
        return is_taken

    def _happens(self, kind: str) -> bool:
        rate = self._plan.rates.get(kind, 0.0)
        return rate > 0 and self._random.random() < rate
