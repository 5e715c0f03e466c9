"""What a person or a machine should hear about; leaves through the outbox after the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SECRET_DETAILS = frozenset({"link"})
"""Names of details that open a door to whoever reads them: mailed, and never logged."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for whoever listens: the log; mail, MQTT and webhooks by configuration."""

    kind: str
    """For an account's holder `balance.low`, `service.locked`, `service.opened`, `service.warning`
    (would be locked, were that enforced); for the operator `service.would_lock`,
    `service.would_open`, `call.unrated`, `call.unconfirmed`, `call.emergency`, `call.evasion`,
    `alarm.raised`, `alarm.cleared`.
    """
    subject: str
    """The identity of the thing: an account, a call, an exchange."""
    text: str
    """In one English sentence. A link never stands here."""
    at: datetime
    details: tuple[tuple[str, str], ...] = ()
