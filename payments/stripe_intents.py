"""A PaymentIntent of Stripe's as the outcome of a top-up.

requires_confirmation    created, and no money has moved
requires_payment_method  the same before the first attempt; declined after one
requires_action          the holder has to confirm
processing               Stripe is still at it
succeeded, canceled      final
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from payments.secret_text import shown
from payments.stripe_amounts import money_of
from payments.stripe_declines import DeclineTable, read_codes
from payments.stripe_objects import metadata_text
from rtbill.domain.errors import BadRecord, OutcomeUnknown
from rtbill.domain.payment import (
    ActionNeeded,
    Approved,
    Cancelled,
    Charge,
    Created,
    DeclineClass,
    Declined,
    Outcome,
    Pending,
)

REFERENCE = "rtbill_top_up"
"""Name under which our reference stands in the metadata."""
ACCOUNT = "rtbill_account"
_PLAIN: dict[str, type[Created | Pending | Cancelled]] = {
    "requires_confirmation": Created,
    "processing": Pending,
    "canceled": Cancelled,
}
_FURTHEST_FIRST = ("succeeded", "processing", "requires_capture", "requires_action")


def reference_of(thing: Mapping[str, Any]) -> str:
    """Our reference of a top-up; empty for what is not ours."""
    return metadata_text(thing, REFERENCE)


def check(intent: Mapping[str, Any], charge: Charge) -> None:
    """OutcomeUnknown unless the intent is of this charge, and of its amount and currency."""
    if reference_of(intent) != charge.reference:
        raise OutcomeUnknown(
            f"top-up {charge.reference}: payment {shown(intent.get('id'))} bears the reference "
            f"{shown(reference_of(intent))!r}"
        )
    try:
        money = money_of(intent.get("amount"), intent.get("currency"))
    except BadRecord as error:
        raise OutcomeUnknown(f"top-up {charge.reference}: {error}") from error
    if money != charge.money:
        raise OutcomeUnknown(
            f"top-up {charge.reference}: Stripe says {money}, and we asked for {charge.money}"
        )


def outcome_of(intent: Mapping[str, Any], declines: DeclineTable) -> Outcome:
    """What an intent says; OutcomeUnknown when it makes no sense."""
    provider_id, status = intent.get("id"), intent.get("status")
    if not isinstance(provider_id, str) or not provider_id:
        raise OutcomeUnknown("Stripe's answer is a payment without an id")
    if isinstance(status, str) and status in _PLAIN:
        return _PLAIN[status](provider_id)
    match status:
        case "succeeded":
            return _approved(intent, provider_id)
        case "requires_action":
            return ActionNeeded(provider_id, _page(intent))
        case "requires_payment_method":
            error = intent.get("last_payment_error")
            if not isinstance(error, Mapping):
                return Created(provider_id)
            return declined(provider_id, error, declines)
        case _:
            raise OutcomeUnknown(
                f"payment {provider_id} is {shown(status)!r} at Stripe, where rtbill brings none"
            )


def declined(
    provider_id: str, error: Mapping[str, Any], declines: DeclineTable
) -> Declined | ActionNeeded:
    """What a card error says."""
    codes = read_codes(error)
    sorted_as = declines.sort(codes)
    if sorted_as is DeclineClass.ACTION:
        return ActionNeeded(provider_id)
    return Declined(provider_id, sorted_as, codes.told, shown(error.get("message")))


def furthest(intents: Sequence[Mapping[str, Any]], reference: str) -> Mapping[str, Any] | None:
    """Of several intents with one reference the one that came furthest; OutcomeUnknown when money
    moved twice.
    """
    paid = [each for each in intents if each.get("status") == "succeeded"]
    if len(paid) > 1:
        ids = ", ".join(shown(each.get("id")) for each in paid)
        raise OutcomeUnknown(f"top-up {reference} was paid more than once at Stripe: {ids}")
    for status in _FURTHEST_FIRST:
        for each in intents:
            if each.get("status") == status:
                return each
    still_open = [each for each in intents if each.get("status") != "canceled"]
    return next(iter(still_open or intents), None)


def _approved(intent: Mapping[str, Any], provider_id: str) -> Approved:
    try:
        asked = money_of(intent.get("amount"), intent.get("currency"))
        received = money_of(intent.get("amount_received"), intent.get("currency"))
    except BadRecord as error:
        raise OutcomeUnknown(f"payment {provider_id} succeeded at Stripe, but {error}") from error
    if received != asked:
        raise OutcomeUnknown(
            f"payment {provider_id}: Stripe received {received}, and {asked} was asked for"
        )
    return Approved(provider_id, received)


def _page(intent: Mapping[str, Any]) -> str:
    """Where the holder confirms; empty when that is no page."""
    action = intent.get("next_action")
    redirect = action.get("redirect_to_url") if isinstance(action, Mapping) else None
    url = redirect.get("url") if isinstance(redirect, Mapping) else None
    return url if isinstance(url, str) else ""
