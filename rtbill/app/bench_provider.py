"""A provider of payments within the bench's own process, which answers after a stated time, and the
exchange whose locks it ends.

Its webhooks are Stripe's, proven and read by the code that the service uses; what they mean is
asked of it as of any provider.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from payments.stripe_events import read_webhook
from rtbill.app.bench_sessions import SessionPbx
from rtbill.domain.account import OPEN_SERVICE, Service
from rtbill.domain.errors import Refused
from rtbill.domain.payment import (
    Absent,
    Approved,
    Charge,
    Created,
    GatewayEvent,
    ListedPayment,
    Outcome,
    PaymentMethod,
    Pending,
    Refund,
    Refunded,
    Settled,
    SetUp,
    SetUpPage,
    Told,
)
from rtbill.domain.provider_balance import BalanceMovement
from rtbill.gateway import GatewayAbilities
from rtbill.ports import Clock

NAME = "bench"
SECRET = "whsec_bench_on_loopback"  # noqa: S105 - of a provider that does not exist
ANSWER_S = 0.1


class BenchGateway:
    """gateway.PaymentGateway: everything is paid, at once or when its webhook comes."""

    name = NAME
    abilities = GatewayAbilities(
        sets_up_by_page=True, tells=True, finds=True, repeats_for=timedelta(hours=23)
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.answer_s = ANSWER_S
        self.is_slow_to_pay = False
        """It takes the money only when its webhook comes."""
        self.payments: dict[str, Charge] = {}
        """By the provider's id."""
        self.asked: dict[str, float] = {}
        """When each account's charge was last created, monotonic."""
        self.confirmed = 0

    async def create(self, charge: Charge) -> Created:
        """Known by an id that follows from our reference."""
        self.asked[charge.account] = time.monotonic()
        await asyncio.sleep(self.answer_s)
        made = f"pi_{charge.reference}"
        self.payments[made] = charge
        return Created(made)

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """Paid, or under way."""
        await asyncio.sleep(self.answer_s)
        self.confirmed += 1
        if self.is_slow_to_pay:
            return Pending(provider_id)
        return Approved(provider_id, charge.money)

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """Nobody asks before the webhook comes."""
        del charge
        return self._paid(provider_id)

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """Paid, where it is of ours."""
        await asyncio.sleep(self.answer_s)
        charge = self.payments.get(event.about)
        return [] if charge is None else [Settled(charge.reference, self._paid(event.about))]

    def _paid(self, provider_id: str) -> Outcome:
        charge = self.payments.get(provider_id)
        return Absent() if charge is None else Approved(provider_id, charge.money)

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """As the Stripe gateway reads it."""
        return read_webhook(raw, headers, secrets=[SECRET], is_live=False, now=self._clock.now())

    async def events_since(self, at: object) -> Sequence[GatewayEvent]:
        """It told everything."""
        del at
        return ()

    async def listed(self, since: object, until: object) -> Sequence[ListedPayment]:
        """Nothing is compared in the bench."""
        del since, until
        return ()

    async def movements(self, since: object, until: object) -> Sequence[BalanceMovement]:
        """It keeps no balance."""
        del since, until
        return ()

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """Nothing is called off."""
        raise Refused(f"{provider_id} of {charge.account} was called off")

    async def refund(self, refund: Refund) -> Refunded:
        """Nothing goes back."""
        raise Refused(f"{refund.charge} was to go back")

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """No card is given."""
        raise Refused(f"{wanted.account} was to give a card")

    async def set_up_result(self, page_id: str) -> PaymentMethod | None:
        """None."""
        del page_id
        return None

    async def forget(self, method: PaymentMethod) -> None:
        """No card is removed."""
        raise Refused(f"{method.reference} was to be forgotten")

    async def close(self) -> None:
        """It has no connections."""


class LockingPbx(SessionPbx):
    """An exchange that notes when each extension was opened."""

    capabilities = replace(SessionPbx.capabilities, set_service=True)

    def __init__(self) -> None:
        super().__init__()
        self.locked: set[str] = set()
        self.opened: dict[str, float] = {}
        """When, monotonic."""

    async def set_service(self, number: str, service: Service) -> None:
        """Done at once."""
        if service == OPEN_SERVICE:
            self.locked.discard(number)
            self.opened[number] = time.monotonic()
        else:
            self.locked.add(number)
            self.opened.pop(number, None)
