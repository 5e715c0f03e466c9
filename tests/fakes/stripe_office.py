"""A Stripe gateway beside a simulated Stripe, on one clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from payments.stripe_card import StripeGateway
from payments.stripe_settings import StripeSettings
from rtbill.domain.money import Money
from rtbill.domain.payment import Charge, Created, MethodKind, PaymentMethod
from simulator.card_behaviour import Behaviour
from simulator.card_gateway import CardGateway
from simulator.clock import US
from simulator.clock import ManualClock as ProviderClock
from tests.fakes.environment import NOON, ManualClock

TIMEOUT_S = 20.0
REFERENCE = "202611270001"


class StripeOffice:
    """The gateway, its provider and the clock of the biller."""

    def __init__(self, provider: CardGateway, attempts_max: int, timeout_s: float) -> None:
        self.provider = provider
        self.clock = ManualClock()
        self.settings = StripeSettings(
            api_key=provider.api_key,
            webhook_secrets=(provider.webhooks.secret,),
            is_live=False,
            api_base=provider.url,
            timeout_s=timeout_s,
            attempts_max=attempts_max,
        )
        self.gateway = StripeGateway(self.settings, self.clock)

    def a_card(self, card: str | Behaviour = "visa") -> PaymentMethod:
        """A card of a customer of its own."""
        customer = self.provider.add_customer()
        return PaymentMethod(
            gateway="stripe",
            kind=MethodKind.CARD,
            reference=self.provider.add_card(customer, card),
            customer=customer,
        )

    def a_charge(self, card: str | Behaviour = "visa", **fields: Any) -> Charge:
        """A top-up of EUR 10 from a new card."""
        asked: dict[str, Any] = {
            "reference": REFERENCE,
            "account": "room-1",
            "money": Money(10_000_000, "EUR"),
            **fields,
        }
        if "method" not in asked:
            asked["method"] = self.a_card(card)
        return Charge(**asked)

    async def created(self, charge: Charge) -> str:
        """The id of a charge that is created now."""
        answer = await self.gateway.create(charge)
        assert isinstance(answer, Created)
        return answer.provider_id

    async def paid(self, charge: Charge) -> str:
        """The id of a charge that is paid now."""
        provider_id = await self.created(charge)
        await self.gateway.confirm(charge, provider_id)
        return provider_id

    def payments(self) -> list[dict[str, Any]]:
        """Successful charges in the provider's books."""
        return [each for each in self.provider.books.all_of("charge") if each["paid"]]

    def calls(self, path: str) -> list[str]:
        """Idempotency keys of the calls to paths that end so, in order."""
        return [key for _, each, key in self.provider.api.calls if each.endswith(path)]


@asynccontextmanager
async def stripe_office(
    attempts_max: int = 3, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[StripeOffice]:
    """A provider of its own; its connections are closed at the end."""
    async with CardGateway(ProviderClock(int(NOON.timestamp()) * US)) as provider:
        office = StripeOffice(provider, attempts_max, timeout_s)
        try:
            yield office
        finally:
            await office.gateway.close()
