"""Payment gateways and the simulated providers behind them, for the contract they all keep.

To add one: a class with the members of `Side`, and its name in `SIDES`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Literal, Protocol

from payments.stripe_card import StripeGateway
from payments.stripe_settings import StripeSettings
from rtbill.domain.money import Money
from rtbill.domain.payment import Charge, MethodKind, PaymentMethod
from rtbill.gateway import PaymentGateway
from simulator.card_gateway import CardGateway
from simulator.cashless_books import Card as CardOfTheHouse
from simulator.cashless_books import Code
from simulator.cashless_tricks import Trick
from simulator.clock import US, ManualClock
from tests.fakes.cashless import Provider, a_provider
from tests.fakes.environment import NOON
from tests.fakes.environment import ManualClock as BillerClock

Step = Literal["create", "confirm"]
Card = Literal["pays", "has no money", "is stolen"]
Fault = Literal[
    "cut before the work", "cut after the work", "late", "fails", "wrong amount", "wrong currency"
]
TIMEOUT_S = 0.5
"""Of the gateways; a late answer takes twice as long."""


class Side(Protocol):
    """A gateway, and a provider that does as it is told."""

    gateway: PaymentGateway
    wrong_amount: str
    """What it says instead of 10.00 EUR."""

    async def a_card(self, card: Card = "pays") -> PaymentMethod:
        """A method that behaves so."""
        ...

    def spoil(self, step: Step, fault: Fault) -> None:
        """Let this happen to the next call of that step."""
        ...

    def taken(self, reference: str) -> int:
        """Money the provider took for a reference, in its smallest units, by its own books."""
        ...

    def given_back(self, reference: str) -> int:
        """Money it gave back of that."""
        ...

    async def shut(self) -> None:
        """Let the provider answer no more."""
        ...


class StripeSide:
    """Stripe, as the simulator speaks it."""

    wrong_amount = "10.01 EUR"

    def __init__(self, provider: CardGateway) -> None:
        self.provider = provider
        self.clock = BillerClock()
        settings = StripeSettings(
            api_key=provider.api_key,
            webhook_secrets=(provider.webhooks.secret,),
            is_live=False,
            api_base=provider.url,
            timeout_s=TIMEOUT_S,
            attempts_max=1,
        )
        self.gateway: PaymentGateway = StripeGateway(settings, self.clock)

    async def a_card(self, card: Card = "pays") -> PaymentMethod:
        """A card of a customer of its own."""
        name = {"pays": "visa", "has no money": "insufficient_funds", "is stolen": "stolen_card"}
        customer = self.provider.add_customer()
        return PaymentMethod(
            gateway="stripe",
            kind=MethodKind.CARD,
            reference=self.provider.add_card(customer, name[card]),
            customer=customer,
        )

    def spoil(self, step: Step, fault: Fault) -> None:
        """Plan it for the path of the step."""
        kinds = {
            "cut before the work": "cut_request",
            "cut after the work": "cut_reply",
            "late": "late_reply",
            "fails": "error_stored",
            "wrong amount": "wrong_amount",
            "wrong currency": "wrong_currency",
        }
        path = {"create": "payment_intents", "confirm": "confirm"}[step]
        self.provider.plan_fault(kinds[fault], path, seconds=2 * TIMEOUT_S)

    def taken(self, reference: str) -> int:
        """Successful charges of every intent with that reference."""
        return sum(
            each["amount"]
            for each in self.provider.books.all_of("charge")
            if each["metadata"].get("rtbill_top_up") == reference and each["paid"]
        )

    def given_back(self, reference: str) -> int:
        """What was refunded of them."""
        return sum(
            each["amount_refunded"]
            for each in self.provider.books.all_of("charge")
            if each["metadata"].get("rtbill_top_up") == reference
        )

    async def shut(self) -> None:
        """Stop listening."""
        await self.provider.go_down()


@asynccontextmanager
async def stripe_side() -> AsyncIterator[StripeSide]:
    """A provider of its own for each test."""
    provider = CardGateway(ManualClock(int(NOON.timestamp()) * US))
    async with provider:
        side = StripeSide(provider)
        try:
            yield side
        finally:
            await side.gateway.close()


class CashlessSide:
    """A provider of cashless cards, as the simulator speaks it in one dialect."""

    wrong_amount = "0.01 EUR"

    def __init__(self, provider: Provider, stop: Callable[[], Awaitable[None]]) -> None:
        self.provider = provider
        self.gateway: PaymentGateway = provider.gateway
        self._stop = stop

    async def a_card(self, card: Card = "pays") -> PaymentMethod:
        """A card of its own."""
        cards = self.provider.books.cards
        number = str(4800 + len(cards))
        cards[number] = {
            "pays": CardOfTheHouse(100_000),
            "has no money": CardOfTheHouse(0),
            "is stolen": CardOfTheHouse(100_000, Code.BLOCKED),
        }[card]
        return PaymentMethod(gateway="house", kind=MethodKind.CASHLESS, reference=number)

    def spoil(self, step: Step, fault: Fault) -> None:
        """Plan it for the question of the step."""
        tricks = {
            "cut before the work": Trick.DROP,
            "cut after the work": Trick.CUT,
            "late": Trick.LATE,
            "fails": Trick.FAULT_SERVER,
            "wrong amount": Trick.WRONG_AMOUNT,
            "wrong currency": Trick.WRONG_CURRENCY,
        }
        act = {"create": "authorise", "confirm": "capture"}[step]
        self.provider.server.tricks.plan(act, tricks[fault])

    def taken(self, reference: str) -> int:
        """Payments of that reference that were captured."""
        return sum(
            each.amount
            for each in self.provider.books.payments
            if each.reference == reference and each.state == "captured"
        )

    def given_back(self, reference: str) -> int:
        """What was refunded of them."""
        payments = self.provider.books.payments
        return sum(each.refunded for each in payments if each.reference == reference)

    async def shut(self) -> None:
        """Stop listening."""
        await self._stop()


def cashless_side(dialect: str) -> Callable[[], AbstractAsyncContextManager[Side]]:
    """A provider of its own for each test."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Side]:
        async with AsyncExitStack() as stack:
            made = a_provider(dialect, timeout_s=TIMEOUT_S)
            provider = await stack.enter_async_context(made)
            provider.books.now = lambda: NOON
            yield CashlessSide(provider, provider.server.stop)

    return opened


SIDES: dict[str, Callable[[], AbstractAsyncContextManager[Side]]] = {
    "stripe": stripe_side,
    "cashless": cashless_side("cashless"),
    "cashless, another dialect": cashless_side("purse"),
}
REFUNDING = ("cashless", "stripe")
"""Those that give money back; the other refuses to."""
KEEPING = ("stripe",)
"""Those that keep cards for us, and can forget them."""


def a_charge(
    method: PaymentMethod, reference: str = "202611270001", money: str = "10.00"
) -> Charge:
    """A top-up of EUR 10."""
    return Charge(
        reference=reference,
        account="room-1",
        money=Money(round(float(money) * 100) * 10_000, "EUR"),
        method=method,
        text="Top-up of room 1",
    )
