"""The edge to those who can take money from a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rtbill.domain.errors import BadRecord
from rtbill.domain.payment import (
    Charge,
    Created,
    Declined,
    GatewayEvent,
    ListedPayment,
    Outcome,
    PaymentMethod,
    Refund,
    Refunded,
    SetUp,
    SetUpPage,
    Told,
)
from rtbill.domain.provider_balance import BalanceMovement


@dataclass(frozen=True, slots=True)
class GatewayAbilities:
    """What a provider can do."""

    sets_up_by_page: bool
    """A card is given on its own page, and never to us."""
    tells: bool
    """It tells by webhook."""
    finds: bool
    """It can be asked what became of a reference. Where it cannot, a person settles what is
    unknown.
    """
    keeps_balance: bool = False
    """It holds what was paid until it pays out, and lists what moved that."""
    repeats_for: timedelta = timedelta(0)
    """How long after a charge or refund was written into our books the same call may be made again
    (RP-22). Later the provider may have forgotten its key: then only `find` is safe. Zero: never.
    """


class WrongMode(BadRecord):
    """A genuine webhook, but of test money where ours is real, or the other way round: somebody
    mixed up keys.
    """


class PaymentGateway(Protocol):
    """Somebody who can take money from a card, in two steps: what is known by an id before money
    moves can always be looked up. Raises Unavailable (nothing was sent) or OutcomeUnknown (no
    answer, or one that makes no sense); repeating a call with the same charge never takes twice
    while the provider `repeats_for`. Refused: an amount the provider cannot take.
    """

    @property
    def name(self) -> str:
        """As configured; part of every key."""
        ...

    @property
    def abilities(self) -> GatewayAbilities:
        """What this provider can do."""
        ...

    async def create(self, charge: Charge) -> Created | Declined:
        """Make it known, or reserve the money; none moves."""
        ...

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """Take the money."""
        ...

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """What became of it; `provider_id` is empty where the answer of `create` was lost."""
        ...

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """Call it off while no money has moved; Approved when it has."""
        ...

    async def refund(self, refund: Refund) -> Refunded:
        """Give money back; Refused when the provider will not."""
        ...

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """A page on which the holder gives a card."""
        ...

    async def set_up_result(self, page_id: str) -> PaymentMethod | None:
        """The card that was given there; None as long as there is none."""
        ...

    async def forget(self, method: PaymentMethod) -> None:
        """Have the provider drop the card; no error when it has none."""
        ...

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """A webhook as it came; BadRecord when it is forged or stale, WrongMode when it is not of
        our mode.
        """
        ...

    async def events_since(self, at: datetime) -> Sequence[GatewayEvent]:
        """What it would have told since then, oldest first."""
        ...

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """What the event means by the provider's books as they now stand; empty for what does not
        concern us.
        """
        ...

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """Money that moved in this span, by the provider's books."""
        ...

    async def movements(self, since: datetime, until: datetime) -> Sequence[BalanceMovement]:
        """Every movement of what it holds for us in this span, by its own books; empty where it
        keeps no balance.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
