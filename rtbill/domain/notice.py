"""What a person or a machine should hear about; leaves through the outbox after the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for whoever listens: the log today; mail, MQTT and webhooks by configuration."""

    kind: str
    """`balance.low`, `balance.exhausted`, `service.locked`, `service.opened`, `call.unrated`,
    `call.unconfirmed`,
    `alarm.raised`, `alarm.cleared`, `call.emergency`."""
    subject: str
    """The identity of the thing: an account, a call, an exchange."""
    text: str
    at: datetime
    details: tuple[tuple[str, str], ...] = ()
