"""Charges through Stripe: a PaymentIntent is created, confirmed, found and called off."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from payments.secret_text import shown
from payments.stripe_amounts import minor_units
from payments.stripe_declines import DeclineTable, read_codes
from payments.stripe_intents import (
    ACCOUNT,
    REFERENCE,
    check,
    declined,
    furthest,
    outcome_of,
    reference_of,
)
from payments.stripe_wire import MISSING, Rejection, StripeWire
from rtbill.domain.errors import OutcomeUnknown, Refused, Unavailable
from rtbill.domain.payment import (
    Absent,
    ActionNeeded,
    Charge,
    Created,
    DeclineClass,
    Declined,
    Outcome,
)

_NEWEST_PAGES = 10
"""Of a customer's intents are searched for one whose id was lost: 1000 of them."""
_AMOUNT_CODES = ("amount_too_small", "amount_too_large")


class StripeCharges:
    """Takes money. Its calls keep the promises of PaymentGateway."""

    def __init__(self, wire: StripeWire, declines: DeclineTable, *, is_live: bool) -> None:
        self._wire = wire
        self._declines = declines
        self._is_live = is_live

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
        if isinstance(found, ActionNeeded) and charge.is_attended:
            return found  # the holder turned back at the bank's page, which still waits for them
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
        is_live = intent.get("livemode", self._is_live)
        if (provider_id and intent.get("id") != provider_id) or (is_live is not self._is_live):
            raise OutcomeUnknown(
                f"top-up {charge.reference} is {provider_id} of livemode {self._is_live}, "
                f"and Stripe answered about {shown(intent.get('id'))} of livemode {is_live!r}"
            )


def _of_the_request(provider_id: str, why: Rejection) -> Declined:
    """What a refused request says: of the card when Stripe has lost it, and else of us."""
    is_card_gone = why.code == MISSING and why.error.get("param") in (
        "payment_method",
        "customer",
    )
    decline = DeclineClass.CARD if is_card_gone else DeclineClass.OURS
    return Declined(provider_id, decline, why.code, why.text)
