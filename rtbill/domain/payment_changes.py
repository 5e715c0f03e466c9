"""Administrative facts about payments: what pays, when, what providers told, and links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.replenishment import (
    GatewayStop,
    InboxEvent,
    KeptMethod,
    PayLink,
    PendingSetUp,
    Replenishment,
)


@dataclass(frozen=True, slots=True)
class KeepMethod:
    """An account may be topped up from this; one that is known is kept as it now is."""

    method: KeptMethod
    set_up: str = ""
    """Reference of the set-up that ends with it; when that has ended before, nothing is kept: the
    holder may have removed the card since.
    """


@dataclass(frozen=True, slots=True)
class BeginSetUp:
    """A card is about to be given; of an account's oldest set-ups those beyond SET_UPS_MAX end."""

    set_up: PendingSetUp


@dataclass(frozen=True, slots=True)
class LookAtSetUp:
    """The provider is asked about it again at `next_look`."""

    reference: str
    next_look: datetime


@dataclass(frozen=True, slots=True)
class EndSetUp:
    """Nobody waits for this card any more."""

    reference: str


@dataclass(frozen=True, slots=True)
class RemoveMethod:
    """It is used no more, and no top-up from it that is not sent yet goes out."""

    account: str
    gateway: str
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SetReplenishment:
    """When and how the account buys credit by itself."""

    settings: Replenishment


@dataclass(frozen=True, slots=True)
class StopGateway:
    """No top-up is begun at this provider."""

    stop: GatewayStop


@dataclass(frozen=True, slots=True)
class ResumeGateway:
    """Top-ups are begun at this provider again."""

    gateway: str


@dataclass(frozen=True, slots=True)
class KeepGatewayEvents:
    """What a provider told; events whose ids are known change nothing."""

    events: tuple[InboxEvent, ...]


@dataclass(frozen=True, slots=True)
class GatewayEventTried:
    """One event was looked into; it is done with when `processed_at` is set."""

    gateway: str
    id: str
    result: str
    processed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ForgetGatewayEvents:
    """Those that were processed and had come in before this are no longer needed."""

    before: datetime


@dataclass(frozen=True, slots=True)
class AddPayLink:
    """A link was made for an account."""

    link: PayLink


@dataclass(frozen=True, slots=True)
class UsePayLink:
    """The link of this hash is used up; Refused when it was, or is too old, or never was."""

    token_hash: str
    at: datetime


PaymentChange = (
    KeepMethod
    | BeginSetUp
    | LookAtSetUp
    | EndSetUp
    | RemoveMethod
    | SetReplenishment
    | StopGateway
    | ResumeGateway
    | KeepGatewayEvents
    | GatewayEventTried
    | ForgetGatewayEvents
    | AddPayLink
    | UsePayLink
)
"""As in rtbill.domain.changes."""
