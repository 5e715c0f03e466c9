"""Cards at Stripe: given on its Checkout page, read, and dropped.

The card number is typed there and never comes here. A card is set up for use without its holder
(`usage` off_session), so that the bank is asked about it while the holder can still answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from payments.secret_text import shown
from payments.stripe_intents import ACCOUNT
from payments.stripe_objects import metadata_text
from payments.stripe_wire import Rejection, StripeWire
from rtbill.domain.errors import OutcomeUnknown, Refused
from rtbill.domain.payment import MethodKind, MethodReady, PaymentMethod, SetUp, SetUpPage

SET_UP = "rtbill_set_up"
"""Name under which our reference of a set-up stands in the metadata."""
MANDATE = "rtbill_mandate"
_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_LAST4 = re.compile(r"[0-9]{4}")


class StripeMethods:
    """Cards of one account at Stripe."""

    def __init__(self, wire: StripeWire, gateway: str) -> None:
        self._wire = wire
        self._gateway = gateway

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """A page on which the holder gives a card; Refused when Stripe makes none."""
        what = f"the set-up page {wanted.reference}"
        customer = wanted.customer or await self._new_customer(wanted, what)
        metadata = {SET_UP: wanted.reference, ACCOUNT: wanted.account, MANDATE: wanted.mandate}
        params: Any = {
            "mode": "setup",
            "customer": customer,
            "payment_method_types": ["card"],
            "client_reference_id": wanted.reference,
            "metadata": metadata,
            "setup_intent_data": {"metadata": metadata},
            "success_url": wanted.return_url,
            "cancel_url": wanted.return_url,
        }
        answer = await self._wire.post(
            what,
            lambda: self._wire.api.checkout.sessions.create_async(
                params,
                {"idempotency_key": f"rtbill:{wanted.reference}:set_up"},
            ),
        )
        if isinstance(answer, Rejection):
            raise Refused(f"{what}: {answer}")
        page_id, url = answer.get("id"), answer.get("url")
        if not isinstance(page_id, str) or not isinstance(url, str):
            raise OutcomeUnknown(f"{what}: Stripe's answer has no id or no address")
        return SetUpPage(page_id, url, customer)

    async def _new_customer(self, wanted: SetUp, what: str) -> str:
        metadata = {ACCOUNT: wanted.account}
        answer = await self._wire.post(
            what,
            lambda: self._wire.api.customers.create_async(
                {"email": wanted.email, "metadata": metadata}
                if wanted.email
                else {"metadata": metadata},
                {"idempotency_key": f"rtbill:{wanted.reference}:customer"},
            ),
        )
        if isinstance(answer, Rejection):
            raise Refused(f"{what}: {answer}")
        customer = answer.get("id")
        if not isinstance(customer, str):
            raise OutcomeUnknown(f"{what}: Stripe's answer is a customer without an id")
        return customer

    async def ready_on_page(self, page_id: str) -> MethodReady | None:
        """The card that was given on a page; None as long as there is none."""
        answer = await self._wire.get(
            f"the set-up page {page_id}",
            lambda: self._wire.api.checkout.sessions.retrieve_async(
                page_id, {"expand": ["setup_intent.payment_method"]}
            ),
        )
        if answer is None or answer.get("status") != "complete":
            return None
        return self._ready(answer.get("setup_intent"))

    async def ready_by_intent(self, intent_id: str) -> MethodReady | None:
        """The card that a SetupIntent of ours made usable; None when it did not, or is not ours."""
        answer = await self._wire.get(
            f"the set-up {intent_id}",
            lambda: self._wire.api.setup_intents.retrieve_async(
                intent_id, {"expand": ["payment_method"]}
            ),
        )
        return None if answer is None else self._ready(answer)

    def _ready(self, intent: object) -> MethodReady | None:
        if not isinstance(intent, Mapping) or intent.get("status") != "succeeded":
            return None
        reference, method = metadata_text(intent, SET_UP), intent.get("payment_method")
        if not reference or not isinstance(method, Mapping):
            return None
        if intent.get("usage") != "off_session":
            raise Refused(
                f"set-up {reference}: the card was set up for use {shown(intent.get('usage'))!r}; "
                "only one for off_session can be charged without its holder"
            )
        return MethodReady(reference, self.read(method))

    async def known(self, method_id: str) -> PaymentMethod | None:
        """The card as Stripe has it; None when no customer has it any more."""
        answer = await self._wire.get(
            f"card {method_id}", lambda: self._wire.api.payment_methods.retrieve_async(method_id)
        )
        if answer is None:
            return None
        method = self.read(answer)
        return method if method.customer else None

    async def forget(self, method: PaymentMethod) -> None:
        """Drop a card; no error when it is gone already. Refused when Stripe keeps it."""
        what = f"dropping card {method.reference}"
        answer = await self._wire.post(
            what,
            lambda: self._wire.api.payment_methods.detach_async(
                method.reference, options={"idempotency_key": f"rtbill:{method.reference}:forget"}
            ),
        )
        if isinstance(answer, Rejection) and await self.known(method.reference) is not None:
            raise Refused(f"{what}: {answer}")

    def read(self, method: Mapping[str, Any]) -> PaymentMethod:
        """A PaymentMethod of the API."""
        card = method.get("card")
        card = card if isinstance(card, Mapping) else {}
        customer = method.get("customer")
        if isinstance(customer, Mapping):
            customer = customer.get("id")
        return PaymentMethod(
            gateway=self._gateway,
            kind=MethodKind.CARD,
            reference=str(method.get("id", "")),
            customer=customer if isinstance(customer, str) else "",
            label=_label(method, card),
            expires=_expires(card),
        )


def _label(method: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """`Visa 4242`; only the kind for what has no last four digits."""
    brand, last4 = card.get("brand"), card.get("last4")
    name = _BRANDS.get(str(brand), "Card") if card else shown(method.get("type"))
    is_four_digits = isinstance(last4, str) and _LAST4.fullmatch(last4)
    return f"{name} {last4}" if is_four_digits else name


def _expires(card: Mapping[str, Any]) -> tuple[int, int] | None:
    year, month = card.get("exp_year"), card.get("exp_month")
    if isinstance(year, int) and isinstance(month, int) and 1 <= month <= 12:
        return year, month
    return None
