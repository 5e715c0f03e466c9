"""What an account may buy credit from, when it does so by itself, and what providers told us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.payment import PaymentMethod

SET_UPS_MAX = 20
"""So many pages for cards are waited for at a time, of one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Somebody agreed to a text: which, when, from where."""

    text_version: str
    at: datetime
    address: str
    """IP address, or who at the desk took it down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMethod:
    """What an account may be topped up from."""

    account: str
    method: PaymentMethod
    """Its reference is unique at its gateway."""
    kept_at: datetime
    agreement: Agreement | None = None
    """To what is kept of it, and what for."""
    barred_at: datetime | None = None
    """Since when it is not used by itself any more."""
    barred_reason: str = ""
    removed_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Its gateway, and the provider's name for it."""
        return self.method.gateway, self.method.reference

    @property
    def is_kept(self) -> bool:
        """Whether it is still there to pay from."""
        return self.removed_at is None

    @property
    def is_usable(self) -> bool:
        """Whether an automatic top-up may use it."""
        return self.is_kept and self.barred_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replenishment:
    """When and how an account buys credit by itself, as its holder agreed."""

    account: str
    is_on: bool
    threshold_micros: int
    """With less available than this it buys."""
    increment_micros: int
    """It buys whole numbers of this."""
    charge_max_micros: int
    """Of one purchase; what the holder agreed to (RP-03)."""
    day_max_micros: int
    month_max_micros: int
    gateway: str = ""
    method: str = ""
    """The provider's name for what pays; empty: nothing does."""
    agreement: Agreement | None = None
    stopped: str = ""
    """Why it does not buy although it is on; a person lifts it. Empty: it does."""
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStop:
    """No top-up is begun at this provider."""

    gateway: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEvent:
    """What a provider told, as it came."""

    gateway: str
    id: str
    """The provider's; it is kept once."""
    kind: str
    about: str
    at: datetime
    """When it happened, as the provider says."""
    received_at: datetime
    raw: str = ""
    """The body, cut to RAW_MAX characters."""
    tries: int = 0
    processed_at: datetime | None = None
    result: str = ""


RAW_MAX = 8_192


class LinkPurpose(StrEnum):
    """What a link is for."""

    MANAGE = "manage"
    """To give or remove a card, to choose when and how much is bought, to buy now."""
    CONFIRM = "confirm"
    """To confirm one top-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSetUp:
    """A holder was sent to the provider's page to give a card there."""

    reference: str
    """Ours, by which the provider tells of the card."""
    account: str
    gateway: str
    page: str
    """The provider's name for the page."""
    agreement: Agreement
    begun_at: datetime
    expires_at: datetime
    """When the page is good no more."""
    next_look: datetime
    """When the provider is asked what became of it, if nobody has told until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayLink:
    """A link that was mailed: whoever holds it may act for the account, once, until it expires."""

    token_hash: str
    """SHA-256 of the token, in hex. The token itself is kept nowhere."""
    account: str
    purpose: LinkPurpose
    expires_at: datetime
    made_at: datetime
    top_up: str = ""
    """Reference of what is to be confirmed."""
    used_at: datetime | None = None
