"""ports.Notifier for somebody's address: a notice that is wanted there becomes an event, and waits
in the books until it is out.

It does not wait in the outbox: a receiver may be down for days, and nobody's mail for that.

    {"id": "evt_5f0c…", "type": "account.low", "created": "2026-12-01T10:00:00.000000Z",
     "account": "s1001", "data": {"available": "0.80", "currency": "EUR", "text": "0.80 EUR left"}}
"""

from __future__ import annotations

import hashlib
import json

from rtbill.domain.changes import QueueEvent
from rtbill.domain.notice import SECRET_DETAILS, Notice
from rtbill.domain.outside import WebhookEvent
from rtbill.domain.told import EVENT_OF
from rtbill.ports import Store


class WebhookQueue:
    """Queues what one webhook wants to hear of."""

    def __init__(self, webhook: str, events: frozenset[str], store: Store) -> None:
        self._webhook = webhook
        self._events = events
        self._store = store
        self.is_off = False
        """The receiver said that it is gone."""

    @property
    def name(self) -> str:
        """As alarms name it."""
        return f"webhook {self._webhook}"

    async def send(self, notice: Notice) -> None:
        """Return when the event is durable, or not wanted; once more changes nothing."""
        kind = EVENT_OF.get(notice.kind)
        if kind is None or kind not in self._events or self.is_off:
            return
        identity = event_id(notice)
        body = event_body(identity, kind, notice)
        event = WebhookEvent(self._webhook, identity, body, notice.at)
        await self._store.change(QueueEvent(event))

    async def rest(self) -> None:
        """It holds nothing."""


def event_id(notice: Notice) -> str:
    """The same for the same notice, whenever and however often it is told."""
    told = (notice.kind, notice.subject, notice.at.isoformat(), notice.text, notice.details)
    return f"evt_{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]}"


def event_body(identity: str, kind: str, notice: Notice) -> str:
    """The JSON text that is signed and sent; amounts are decimal text."""
    details = {name: text for name, text in notice.details if name not in SECRET_DETAILS}
    is_call = kind in ("call.ended", "call.rated")
    account = details.pop("account", notice.subject)
    data = details | ({"call": notice.subject} if is_call else {}) | {"text": notice.text}
    created = notice.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    event = {"id": identity, "type": kind, "created": created, "account": account, "data": data}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
