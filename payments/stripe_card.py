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
from secrets import token_hex
from typing import Any

from payments.secret_text import shown
from payments.stripe_amounts import minor_units
from payments.stripe_balance import BalanceMovement, balance_movements
from payments.stripe_books import (
    PAGES_MAX,
    REFUND_REFERENCE,
    StripeBooks,
    refund_reference,
    refunded,
)
from payments.stripe_declines import DeclineTable, read_codes
from payments.stripe_events import read_event, read_webhook
from payments.stripe_intents import (
    ACCOUNT,
    REFERENCE,
    check,
    declined,
    furthest,
    outcome_of,
    reference_of,
)
from payments.stripe_methods import StripeMethods
from payments.stripe_settings import StripeSettings
from payments.stripe_wire import MISSING, Answer, Rejection, StripeWire
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Refused, Unavailable
from rtbill.domain.payment import (
    Absent,
    ActionNeeded,
    Charge,
    Created,
    DeclineClass,
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
from rtbill.gateway import GatewayAbilities
from rtbill.ports import Clock

REPEATS_FOR = timedelta(hours=23)
_NEWEST_PAGES = 10
"""Of a customer's intents are searched for one whose id was lost: 1000 of them."""
_AMOUNT_CODES = ("amount_too_small", "amount_too_large")


class StripeGateway:
    """PaymentGateway of one account at Stripe."""

    def __init__(self, settings: StripeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._wire = StripeWire(settings, clock)
        self._declines = DeclineTable()
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
            sets_up_by_page=True, tells=True, finds=True, repeats_for=REPEATS_FOR
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
        amount = minor_units(charge.money)
        what = f"creating top-up {charge.reference}"
        customer = {"customer": charge.method.customer} if charge.method.customer else {}
        text = {"description": charge.text} if charge.text else {}
        params: Any = {
            "amount": amount,
            "currency": charge.money.currency.lower(),
            "payment_method": charge.method.reference,
            "payment_method_types": ["card"],
            "metadata": {REFERENCE: charge.reference, ACCOUNT: charge.account},
            **customer,
            **text,
        }
        answer = await self._wire.post(
            what,
            lambda: self._wire.api.payment_intents.create_async(
                params, {"idempotency_key": f"rtbill:{charge.reference}:create"}
            ),
        )
        if isinstance(answer, Rejection):
            return self._not_created(charge, answer)
        check(answer, charge)
        outcome = outcome_of(answer, self._declines)
        if isinstance(outcome, Created):
            return outcome
        raise OutcomeUnknown(f"{what}: Stripe says it is {shown(answer.get('status'))!r} already")

    def _not_created(self, charge: Charge, why: Rejection) -> Declined:
        if why.code in _AMOUNT_CODES:
            raise Refused(f"top-up {charge.reference} of {charge.money}: {why.text or why.code}")
        if why.status == 402:
            codes = read_codes(why.error)
            return Declined("", self._declines.sort(codes), codes.told, why.text)
        return _of_the_request("", why)

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """Take the money; with the holder when the charge is attended."""
        params: Any = {"payment_method": charge.method.reference}
        key = f"rtbill:{charge.reference}:confirm"
        if charge.is_attended:
            key += f":{token_hex(8)}"
            if charge.return_url:
                params["return_url"] = charge.return_url
        else:
            params["off_session"] = True
        answer = await self._wire.post(
            f"confirming top-up {charge.reference}",
            lambda: self._wire.api.payment_intents.confirm_async(
                provider_id, params, {"idempotency_key": key}
            ),
        )
        if isinstance(answer, Rejection):
            return await self._not_confirmed(charge, provider_id, answer)
        return self._outcome(answer, charge, provider_id)

    async def _not_confirmed(self, charge: Charge, provider_id: str, why: Rejection) -> Outcome:
        if why.status == 402:
            intent = why.error.get("payment_intent")
            if isinstance(intent, dict):
                self._check(intent, charge, provider_id)
                if intent.get("status") == "succeeded":
                    raise OutcomeUnknown(
                        f"top-up {charge.reference}: Stripe says declined, and also that "
                        f"{provider_id} has succeeded"
                    )
            return declined(provider_id, why.error, self._declines)
        if why.status in (401, 403):
            return _of_the_request(provider_id, why)
        # Perhaps because an earlier call did the work: its state tells.
        try:
            found = await self.find(charge, provider_id)
        except Unavailable as error:
            raise OutcomeUnknown(f"{error}; before that, {why}") from error
        if isinstance(found, Created | Absent | ActionNeeded):
            return _of_the_request(provider_id, why)
        return found

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """What became of it. Absent soon after a lost `create` may still come to be; no money moves
        by it, as nobody knows its id.
        """
        if not provider_id:
            return await self._find_by_reference(charge)
        answer = await self._wire.get(
            f"top-up {charge.reference}",
            lambda: self._wire.api.payment_intents.retrieve_async(provider_id),
        )
        if answer is None:
            return Absent()
        return self._outcome(answer, charge, provider_id)

    async def _find_by_reference(self, charge: Charge) -> Outcome:
        customer: dict[str, Any] = (
            {"customer": charge.method.customer} if charge.method.customer else {}
        )
        pages = self._wire.pages(
            f"top-up {charge.reference}",
            self._wire.api.payment_intents.list_async,
            _NEWEST_PAGES,
            **customer,
        )
        async for page in pages:
            ours = [each for each in page if reference_of(each) == charge.reference]
            intent = furthest(ours, charge.reference)
            if intent is not None:
                return self._outcome(intent, charge, "")
        return Absent()

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """Call it off; what it is when that comes too late."""
        if not provider_id:
            found = await self.find(charge, "")
            if isinstance(found, Absent):
                return found
            provider_id = found.provider_id
        answer = await self._wire.post(
            f"cancelling top-up {charge.reference}",
            lambda: self._wire.api.payment_intents.cancel_async(
                provider_id, options={"idempotency_key": f"rtbill:{charge.reference}:cancel"}
            ),
        )
        if isinstance(answer, Rejection):
            return await self.find(charge, provider_id)
        return self._outcome(answer, charge, provider_id)

    def _outcome(self, intent: Mapping[str, Any], charge: Charge, provider_id: str) -> Outcome:
        """The outcome of an intent that is surely this charge's; OutcomeUnknown when it is not."""
        self._check(intent, charge, provider_id)
        return outcome_of(intent, self._declines)

    def _check(self, intent: Mapping[str, Any], charge: Charge, provider_id: str) -> None:
        check(intent, charge)
        is_live = intent.get("livemode", self._settings.is_live)
        if (provider_id and intent.get("id") != provider_id) or (
            is_live is not self._settings.is_live
        ):
            raise OutcomeUnknown(
                f"top-up {charge.reference} is {provider_id} of livemode {self._settings.is_live}, "
                f"and Stripe answered about {shown(intent.get('id'))} of livemode {is_live!r}"
            )

    # -- refunds

    async def refund(self, refund: Refund) -> Refunded:
        """Give money back once for its reference, also when it is asked again after days."""
        amount = minor_units(refund.money)
        what = f"refund {refund.reference} of top-up {refund.charge}"
        made = await self._refund_made(refund, what)
        answer = made or await self._wire.post(
            what,
            lambda: self._wire.api.refunds.create_async(
                {
                    "payment_intent": refund.provider_id,
                    "amount": amount,
                    "metadata": {REFUND_REFERENCE: refund.reference, REFERENCE: refund.charge},
                },
                {"idempotency_key": f"rtbill:{refund.reference}:refund"},
            ),
        )
        if isinstance(answer, Rejection):
            raise Refused(f"{what}: {answer}")
        result = refunded(answer)
        if (result.money, result.provider_id) != (refund.money, refund.provider_id):
            raise OutcomeUnknown(
                f"{what}: Stripe says {result.money} of {shown(result.provider_id)}, and we asked "
                f"for {refund.money} of {refund.provider_id}"
            )
        return result

    async def _refund_made(self, refund: Refund, what: str) -> Answer | None:
        pages = self._wire.pages(
            what,
            self._wire.api.refunds.list_async,
            PAGES_MAX,
            refused=Refused,
            payment_intent=refund.provider_id,
        )
        async for page in pages:
            for each in page:
                if refund_reference(each) == refund.reference:
                    return each
        return None

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
        """Every movement of our balance at Stripe in this span, oldest first: their sum is what
        the clearing account must show. Beyond the port: only Stripe keeps such a balance.
        """
        return await balance_movements(self._wire, since, until)

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """Money that moved in this span, oldest first; a refund under its own id."""
        return await self._books.listed(since, until)


def _of_the_request(provider_id: str, why: Rejection) -> Declined:
    """What a refused request says: of the card when Stripe has lost it, and else of us."""
    is_card_gone = why.code == MISSING and why.error.get("param") in (
        "payment_method",
        "customer",
    )
    decline = DeclineClass.CARD if is_card_gone else DeclineClass.OURS
    return Declined(provider_id, decline, why.code, why.text)
