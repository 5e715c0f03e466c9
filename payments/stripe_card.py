"""Cards charged through Stripe: the PaymentGateway of its PaymentIntents.

A top-up takes two calls. The first makes an intent that is not confirmed and takes nothing; its id
goes into our books. The second confirms it, and whatever becomes of that answer, the intent can be
asked for by its id. Keys are made of our reference alone, so that a repetition, also after a crash,
is the same call to Stripe:

    rtbill:<reference>:create     rtbill:<reference>:confirm     rtbill:<reference>:cancel
    rtbill:<set-up>:customer      rtbill:<set-up>:set_up         rtbill:<card>:forget
    rtbill:<refund>:refund

Stripe may forget a key after 24 h, and would then do the work again. So a caller repeats `create`
and `confirm` within `abilities.repeats_for` of writing the charge, and afterwards only reads. A
refund looks for itself first, and may be repeated at any time. An intent pays at most once whatever
key confirms it: the holder, who may fail and try again, confirms each time with a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from payments.stripe_balance import balance_movements
from payments.stripe_books import StripeBooks
from payments.stripe_charges import StripeCharges
from payments.stripe_declines import DeclineTable
from payments.stripe_events import read_event, read_webhook
from payments.stripe_methods import StripeMethods
from payments.stripe_refunds import StripeRefunds
from payments.stripe_settings import StripeSettings
from payments.stripe_wire import StripeWire
from rtbill.domain.errors import BadRecord, Unavailable
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
from rtbill.gateway import GatewayAbilities
from rtbill.ports import Clock

REPEATS_FOR = timedelta(hours=23)


class StripeGateway:
    """PaymentGateway of one account at Stripe."""

    def __init__(self, settings: StripeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._wire = StripeWire(settings, clock)
        self._declines = DeclineTable()
        self._charges = StripeCharges(self._wire, self._declines, is_live=settings.is_live)
        self._refunds = StripeRefunds(self._wire)
        self._methods = StripeMethods(self._wire, settings.name)
        self._books = StripeBooks(self._wire, self._methods, self._declines)

    @property
    def name(self) -> str:
        """As configured."""
        return self._settings.name

    @property
    def abilities(self) -> GatewayAbilities:
        """Everything, and repetition for 23 hours."""
        return GatewayAbilities(
            sets_up_by_page=True,
            tells=True,
            finds=True,
            keeps_balance=True,
            repeats_for=REPEATS_FOR,
        )

    @property
    def unknown_codes(self) -> Counter[str]:
        """Decline codes that our table lacks, and how often each came: a reason for an alarm."""
        return Counter(self._declines.unknown_codes)

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()

    # -- charges

    async def create(self, charge: Charge) -> Created | Declined:
        """An intent that is not confirmed; Refused when Stripe cannot take the amount."""
        return await self._charges.create(charge)

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """Take the money; with the holder when the charge is attended."""
        return await self._charges.confirm(charge, provider_id)

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """What became of it. Absent soon after a lost `create` may still come to be; no money moves
        by it, as nobody knows its id.
        """
        return await self._charges.find(charge, provider_id)

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """Call it off; what it is when that comes too late."""
        return await self._charges.cancel(charge, provider_id)

    # -- refunds

    async def refund(self, refund: Refund) -> Refunded:
        """Give money back once for its reference, also when it is asked again after days."""
        return await self._refunds.refund(refund)

    # -- cards

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """A page of Stripe's on which the holder gives a card; Refused when it makes none."""
        return await self._methods.set_up(wanted)

    async def set_up_result(self, page_id: str) -> PaymentMethod | None:
        """The card that was given there; None as long as there is none."""
        ready = await self._methods.ready_on_page(page_id)
        return None if ready is None else ready.method

    async def forget(self, method: PaymentMethod) -> None:
        """Have Stripe drop the card; no error when it has none."""
        await self._methods.forget(method)

    # -- events and books

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """A webhook as it came; BadRecord when it is not genuine, WrongMode when of the other
        mode.
        """
        return read_webhook(
            raw,
            headers,
            secrets=self._settings.webhook_secrets,
            is_live=self._settings.is_live,
            now=self._clock.now(),
        )

    async def events_since(self, at: datetime) -> Sequence[GatewayEvent]:
        """What Stripe would have told since then, oldest first; at most of the last 30 days."""
        written = await self._books.events_since(at)
        try:
            return [read_event(each, is_live=self._settings.is_live) for each in written]
        except BadRecord as error:
            raise Unavailable(f"the list of events: {error}") from error

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """What the event is about, as it now stands at Stripe."""
        return await self._books.look_up(event)

    async def movements(self, since: datetime, until: datetime) -> Sequence[BalanceMovement]:
        """Every movement of our balance at Stripe in this span, oldest first."""
        return await balance_movements(self._wire, since, until)

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """Money that moved in this span, oldest first; a refund under its own id."""
        return await self._books.listed(since, until)
