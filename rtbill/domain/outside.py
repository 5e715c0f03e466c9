"""What an outside billing package reports, reads in the order of posting, and is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.rated import RatedCall


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """The balance of an account by somebody else's books, as of an instant."""

    account: str
    as_of: datetime
    micros: int


@dataclass(frozen=True, slots=True)
class PostedCall:
    """A call as the books hold it, and where it stands in the order of posting."""

    row: int
    call: RatedCall
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event on its way to one webhook."""

    webhook: str
    event: str
    """Its id, by which the receiver knows one that comes twice."""
    body: str
    at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event that is not out yet."""

    id: int
    event: WebhookEvent
