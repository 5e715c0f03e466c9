"""Refunds at Stripe: made once for a reference of ours, and read whoever made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payments.secret_text import shown
from payments.stripe_amounts import minor_units
from payments.stripe_intents import REFERENCE
from payments.stripe_objects import metadata_text, read_money
from payments.stripe_wire import PAGES_MAX, Answer, Rejection, StripeWire
from rtbill.domain.errors import OutcomeUnknown, Refused
from rtbill.domain.payment import Refund, Refunded, RefundState

REFUND_REFERENCE = "rtbill_refund"
"""Name under which our reference of a refund stands in the metadata."""
_REFUND_STATES = {
    "succeeded": RefundState.DONE,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


class StripeRefunds:
    """Gives money back."""

    def __init__(self, wire: StripeWire) -> None:
        self._wire = wire

    async def refund(self, refund: Refund) -> Refunded:
        """Give money back once for its reference, also when it is asked again after days."""
        amount = minor_units(refund.money)
        what = f"refund {refund.reference} of top-up {refund.charge}"
        made = await self._made(refund, what)
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

    async def _made(self, refund: Refund, what: str) -> Answer | None:
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


def refunded(refund: Mapping[str, Any]) -> Refunded:
    """A refund of the API; OutcomeUnknown when it makes no sense."""
    refund_id, state = shown(refund.get("id")), _REFUND_STATES.get(str(refund.get("status")))
    if state is None:
        raise OutcomeUnknown(f"refund {refund_id} is {shown(refund.get('status'))!r} at Stripe")
    intent = refund.get("payment_intent")
    intent_id = intent.get("id") if isinstance(intent, Mapping) else intent
    return Refunded(
        refund_id=refund_id,
        provider_id=intent_id if isinstance(intent_id, str) else "",
        money=read_money(refund, f"refund {refund_id}"),
        state=state,
        reference=refund_reference(refund),
    )


def refund_reference(refund: Mapping[str, Any]) -> str:
    """Our reference of a refund; empty when somebody made it at Stripe."""
    return metadata_text(refund, REFUND_REFERENCE)
