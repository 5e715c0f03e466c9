"""Stripe's books as they now stand: what an event means, and what moved in a span of time.

An event only says where to look. Whatever it is about is fetched, so that a late, doubled or
overtaken event says the same as a punctual one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from payments.secret_text import shown
from payments.stripe_declines import DeclineTable
from payments.stripe_intents import outcome_of, reference_of
from payments.stripe_methods import StripeMethods
from payments.stripe_objects import read_instant, read_money, second_of
from payments.stripe_refunds import refund_reference, refunded
from payments.stripe_wire import PAGES_MAX, Answer, StripeWire
from rtbill.domain.payment import (
    Disputed,
    DisputeState,
    GatewayEvent,
    ListedPayment,
    MethodGone,
    MethodRenewed,
    Settled,
    Told,
)

EVENT_KINDS = (
    *("payment_intent.succeeded", "payment_intent.payment_failed"),
    *("payment_intent.requires_action", "payment_intent.processing", "payment_intent.canceled"),
    *("charge.refunded", "refund.created", "refund.updated", "refund.failed"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
    *("checkout.session.completed", "setup_intent.succeeded"),
    *("payment_method.automatically_updated", "payment_method.updated"),
    "payment_method.detached",
)
"""What rtbill wants to be told; Stripe's list of events takes at most 20 kinds."""
Reading = Callable[[str], Awaitable[Sequence[Told]]]


class StripeBooks:
    """Reads the books of one account at Stripe; every failure is Unavailable, but OutcomeUnknown
    for what makes no sense.
    """

    def __init__(self, wire: StripeWire, methods: StripeMethods, declines: DeclineTable) -> None:
        self._wire = wire
        self._methods = methods
        self._declines = declines

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """What the thing an event is about now says; empty for what does not concern us."""
        readings: dict[str, Reading] = {
            "payment_intent": self._payment,
            "charge": self._refunds_of_charge,
            "refund": self._refund,
            "charge.dispute": self._dispute,
            "checkout.session": self._page,
            "setup_intent": self._set_up,
            "payment_method": self._method,
        }
        if event.kind not in EVENT_KINDS:
            return ()
        return await readings[event.kind.rpartition(".")[0]](event.about)

    async def _payment(self, intent_id: str) -> Sequence[Told]:
        answer = await self._wire.get(
            f"payment {intent_id}",
            lambda: self._wire.api.payment_intents.retrieve_async(intent_id),
        )
        if answer is None or not reference_of(answer):
            return ()
        return (Settled(reference_of(answer), outcome_of(answer, self._declines)),)

    async def _refunds_of_charge(self, charge_id: str) -> Sequence[Told]:
        told: list[Told] = []
        pages = self._wire.pages(
            f"refunds of {charge_id}",
            self._wire.api.refunds.list_async,
            PAGES_MAX,
            charge=charge_id,
            expand=["data.payment_intent"],
        )
        async for page in pages:
            told += [refunded(each) for each in page if reference_of(_of(each))]
        return told

    async def _refund(self, refund_id: str) -> Sequence[Told]:
        answer = await self._wire.get(
            f"refund {refund_id}",
            lambda: self._wire.api.refunds.retrieve_async(
                refund_id, {"expand": ["payment_intent"]}
            ),
        )
        if answer is None or not reference_of(_of(answer)):
            return ()
        return (refunded(answer),)

    async def _dispute(self, dispute_id: str) -> Sequence[Told]:
        answer = await self._wire.get(
            f"dispute {dispute_id}",
            lambda: self._wire.api.disputes.retrieve_async(
                dispute_id, {"expand": ["payment_intent"]}
            ),
        )
        if answer is None or not reference_of(_of(answer)):
            return ()
        money = read_money(answer, f"dispute {dispute_id}")
        intent_id = str(_of(answer).get("id"))
        return [Disputed(dispute_id, intent_id, money, state) for state in _dispute_states(answer)]

    async def _page(self, page_id: str) -> Sequence[Told]:
        ready = await self._methods.ready_on_page(page_id)
        return () if ready is None else (ready,)

    async def _set_up(self, intent_id: str) -> Sequence[Told]:
        ready = await self._methods.ready_by_intent(intent_id)
        return () if ready is None else (ready,)

    async def _method(self, method_id: str) -> Sequence[Told]:
        method = await self._methods.known(method_id)
        return (MethodGone(method_id),) if method is None else (MethodRenewed(method),)

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """Charges that took money and refunds that gave it back, made in this span, oldest first.
        A refund stands under its own id.
        """
        span = {"gte": second_of(since), "lt": second_of(until)}
        more: dict[str, Any] = {"created": span, "expand": ["data.payment_intent"]}
        found: list[ListedPayment] = []
        charges = self._wire.pages(
            "the list of charges",
            self._wire.api.charges.list_async,
            PAGES_MAX,
            **more,
        )
        async for page in charges:
            found += [_listed_charge(each) for each in page if each.get("status") == "succeeded"]
        refunds = self._wire.pages(
            "the list of refunds",
            self._wire.api.refunds.list_async,
            PAGES_MAX,
            **more,
        )
        async for page in refunds:
            found += [_listed_refund(each) for each in page if each.get("status") == "succeeded"]
        return sorted(found, key=lambda each: (each.at, each.provider_id))

    async def events_since(self, at: datetime) -> list[Answer]:
        """Events that concern us, as Stripe writes them, oldest first; it keeps them 30 days."""
        found: list[Answer] = []
        pages = self._wire.pages(
            "the list of events",
            self._wire.api.events.list_async,
            PAGES_MAX,
            created={"gte": second_of(at)},
            types=list(EVENT_KINDS),
        )
        async for page in pages:
            found += page
        return found[::-1]


def _dispute_states(dispute: Mapping[str, Any]) -> list[DisputeState]:
    """What has happened to the money, in order: by the movements, since the status of a dispute
    says how it stands and not what was booked.
    """
    movements = dispute.get("balance_transactions")
    amounts = [
        each["amount"]
        for each in (movements if isinstance(movements, list) else [])
        if isinstance(each, Mapping) and isinstance(each.get("amount"), int)
    ]
    states = []
    if any(amount < 0 for amount in amounts):
        states.append(DisputeState.WITHDRAWN)
    if any(amount > 0 for amount in amounts):
        states.append(DisputeState.REINSTATED)
    return states or [DisputeState.INQUIRY]


def _of(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """The intent that a refund, charge or dispute belongs to; empty when there is none."""
    intent = thing.get("payment_intent")
    return intent if isinstance(intent, Mapping) else {}


def _listed_charge(charge: Mapping[str, Any]) -> ListedPayment:
    intent, charge_id = _of(charge), shown(charge.get("id"))
    return ListedPayment(
        provider_id=str(intent.get("id") or charge_id),
        reference=reference_of(intent),
        money=read_money(charge, f"charge {charge_id}"),
        at=read_instant(charge),
        movement=_movement(charge),
    )


def _listed_refund(refund: Mapping[str, Any]) -> ListedPayment:
    refund_id = shown(refund.get("id"))
    return ListedPayment(
        provider_id=refund_id,
        reference=refund_reference(refund),
        money=read_money(refund, f"refund {refund_id}"),
        at=read_instant(refund),
        is_refund=True,
        movement=_movement(refund),
    )


def _movement(thing: Mapping[str, Any]) -> str:
    movement = thing.get("balance_transaction")
    return shown(movement) if movement else ""
