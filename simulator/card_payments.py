"""Payments, refunds and disputes at the simulated card provider."""

from __future__ import annotations

from typing import Any

from simulator.card_behaviour import Behaviour
from simulator.card_books import ApiError, CardBooks, Thing

CONFIRMABLE = ("requires_confirmation", "requires_payment_method")
CANCELLABLE = (*CONFIRMABLE, "requires_action", "processing")
FEE_MIN = 25


class CardPayments:
    """Does what the API and the control endpoint ask; ApiError is what the API answers."""

    def __init__(self, books: CardBooks, behaviours: dict[str, Behaviour]) -> None:
        self.books = books
        self.behaviours = behaviours
        """Of each payment method, by its id."""
        self.page_base = ""
        """Address of our own pages."""

    # -- payments

    def create(self, form: Thing) -> Thing:
        """A payment that takes nothing until it is confirmed."""
        amount = _amount(form.get("amount"))
        if form.get("customer"):
            self.books.get("customer", form["customer"], "customer")
        method = form.get("payment_method")
        if method:
            self._usable(method, form.get("customer"))
        intent = self.books.add(
            "payment_intent",
            amount=amount,
            amount_received=0,
            currency=str(form.get("currency", "")).lower(),
            customer=form.get("customer"),
            payment_method=method,
            payment_method_types=form.get("payment_method_types", ["card"]),
            description=form.get("description"),
            metadata=form.get("metadata", {}),
            status="requires_confirmation" if method else "requires_payment_method",
            last_payment_error=None,
            next_action=None,
            latest_charge=None,
        )
        intent["client_secret"] = f"{intent['id']}_secret_simulated"
        self.books.tell("payment_intent.created", intent)
        return intent

    def _usable(self, method_id: str, customer: object) -> None:
        method = self.books.get("payment_method", method_id, "payment_method")
        if method["customer"] != customer:
            raise ApiError(
                400, "The PaymentMethod does not belong to that Customer.", param="payment_method"
            )

    def confirm(self, intent_id: str, form: Thing) -> Thing:
        """Charge the card."""
        intent = self.books.get("payment_intent", intent_id, "intent")
        if intent["status"] not in CONFIRMABLE:
            raise self._unexpected(intent, "confirm")
        method = form.get("payment_method") or intent["payment_method"]
        if not method:
            raise ApiError(400, "You cannot confirm without a payment method.")
        self._usable(method, intent["customer"])
        intent["payment_method"] = method
        behaviour = self.behaviours[method]
        if behaviour.needs_holder:
            return self._ask_holder(intent, behaviour, form)
        return self._attempt(intent, behaviour)

    def _unexpected(self, intent: Thing, verb: str) -> ApiError:
        return ApiError(
            400,
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
            payment_intent=self.books.shown(intent, []),
        )

    def _ask_holder(self, intent: Thing, behaviour: Behaviour, form: Thing) -> Thing:
        if form.get("off_session") == "true":
            raise self._decline(intent, behaviour, "authentication_required")
        intent["status"] = "requires_action"
        intent["_return_url"] = form.get("return_url", "")
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        if form.get("return_url"):
            page = {"url": f"{self.page_base}/pages/confirm/{intent['id']}"}
            intent["next_action"] = {
                "type": "redirect_to_url",
                "redirect_to_url": {**page, "return_url": form["return_url"]},
            }
        self.books.tell("payment_intent.requires_action", intent)
        return intent

    def answer_holder(self, intent_id: str, *, agrees: bool) -> Thing:
        """The holder confirms or refuses on the page."""
        intent = self.books.get("payment_intent", intent_id)
        if intent["status"] != "requires_action":
            return intent
        intent["next_action"] = None
        if agrees:
            return self._attempt(intent, self.behaviours[intent["payment_method"]])
        code = "payment_intent_authentication_failure"
        self._note_failure(intent, {"type": "invalid_request_error", "code": code})
        return intent

    def _attempt(self, intent: Thing, behaviour: Behaviour) -> Thing:
        if behaviour.decline:
            raise self._decline(intent, behaviour, behaviour.decline)
        if behaviour.is_slow:
            intent["status"] = "processing"
            self.books.tell("payment_intent.processing", intent)
            return intent
        self._succeed(intent)
        if behaviour.dispute:
            self.dispute(intent["id"], is_inquiry=behaviour.dispute == "inquiry")
        return intent

    def _decline(self, intent: Thing, behaviour: Behaviour, decline: str) -> ApiError:
        charge = self._charge(intent, "failed")
        error = {
            "type": "card_error",
            "code": behaviour.code,
            "decline_code": decline,
            "message": behaviour.message or f"Your card was declined: {decline.replace('_', ' ')}.",
            "charge": charge["id"],
            **({"advice_code": behaviour.advice} if behaviour.advice else {}),
        }
        self._note_failure(intent, error)
        message = str(error.pop("message"))
        return ApiError(402, message, **error, payment_intent=self.books.shown(intent, []))

    def _note_failure(self, intent: Thing, error: Thing) -> None:
        intent["status"], intent["payment_method"] = "requires_payment_method", None
        intent["last_payment_error"] = dict(error)
        self.books.tell("payment_intent.payment_failed", intent)

    def _charge(self, intent: Thing, status: str) -> Thing:
        charge = self.books.add(
            "charge",
            amount=intent["amount"],
            amount_refunded=0,
            refunded=False,
            currency=intent["currency"],
            customer=intent["customer"],
            payment_intent=intent["id"],
            payment_method=intent["payment_method"],
            metadata=dict(intent["metadata"]),
            status=status,
            paid=status == "succeeded",
            balance_transaction=None,
        )
        intent["latest_charge"] = charge["id"]
        return charge

    def _succeed(self, intent: Thing) -> None:
        charge = self._charge(intent, "succeeded")
        fee = FEE_MIN + charge["amount"] * 15 // 1000
        charge["balance_transaction"] = self.books.book("charge", charge["amount"], fee, charge)[
            "id"
        ]
        intent.update(status="succeeded", amount_received=intent["amount"], last_payment_error=None)
        self.books.tell("charge.succeeded", charge)
        self.books.tell("payment_intent.succeeded", intent)

    def finish(self, intent_id: str, *, succeeds: bool = True) -> Thing:
        """A slow payment comes to its end."""
        intent = self.books.get("payment_intent", intent_id)
        if intent["status"] != "processing":
            raise self._unexpected(intent, "finish")
        if succeeds:
            self._succeed(intent)
        else:
            self._decline(intent, Behaviour(decline="generic_decline"), "generic_decline")
        return intent

    def cancel(self, intent_id: str) -> Thing:
        """Call a payment off that has taken nothing."""
        intent = self.books.get("payment_intent", intent_id, "intent")
        if intent["status"] not in CANCELLABLE:
            raise self._unexpected(intent, "cancel")
        intent.update(status="canceled", next_action=None)
        self.books.tell("payment_intent.canceled", intent)
        return intent

    # -- refunds

    def refund(self, form: Thing) -> Thing:
        """Give money back, all that is left or a part of it."""
        intent = self.books.get("payment_intent", form.get("payment_intent"), "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(400, "This PaymentIntent does not have a successful charge to refund.")
        charge = self.books.get("charge", intent["latest_charge"])
        left = charge["amount"] - charge["amount_refunded"]
        amount = _amount(form["amount"]) if "amount" in form else left
        if left == 0:
            code = "charge_already_refunded"
            raise ApiError(400, f"Charge {charge['id']} has already been refunded.", code=code)
        if amount > left:
            text = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise ApiError(400, text, param="amount")
        refund = self.books.add(
            "refund",
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            metadata=form.get("metadata", {}),
            payment_intent=intent["id"],
            status="succeeded",
        )
        refund["balance_transaction"] = self.books.book("refund", -amount, 0, refund)["id"]
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.books.tell("refund.created", refund)
        self.books.tell("charge.refunded", charge)
        return refund

    def fail_refund(self, refund_id: str) -> Thing:
        """The bank did not take the money; it comes back to us."""
        refund = self.books.get("refund", refund_id)
        charge = self.books.get("charge", refund["charge"])
        if refund["status"] != "succeeded":
            raise ApiError(400, f"Refund {refund_id} is {refund['status']}.")
        refund["status"] = "failed"
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self.books.book("refund_failure", refund["amount"], 0, refund)
        self.books.tell("refund.failed", refund)
        return refund

    # -- disputes

    def dispute(self, intent_id: str, *, amount: int = 0, is_inquiry: bool = False) -> Thing:
        """The holder objects; an inquiry takes no money yet, a dispute takes it at once."""
        intent = self.books.get("payment_intent", intent_id)
        if intent["status"] != "succeeded":
            raise self._unexpected(intent, "dispute")
        dispute = self.books.add(
            "dispute",
            amount=amount or intent["amount"],
            balance_transactions=[],
            charge=intent["latest_charge"],
            currency=intent["currency"],
            payment_intent=intent["id"],
            reason="fraudulent",
            status="warning_needs_response" if is_inquiry else "needs_response",
        )
        self.books.tell("charge.dispute.created", dispute)
        return dispute if is_inquiry else self.withdraw(dispute["id"])

    def withdraw(self, dispute_id: str) -> Thing:
        """The provider takes the disputed money back."""
        dispute = self.books.get("dispute", dispute_id)
        if dispute["balance_transactions"]:
            raise ApiError(400, f"Dispute {dispute_id} has taken its money already.")
        dispute["status"] = "needs_response"
        return self._move(dispute, -1, "charge.dispute.funds_withdrawn")

    def reinstate(self, dispute_id: str) -> Thing:
        """We won: the money is ours again."""
        dispute = self.books.get("dispute", dispute_id)
        if len(dispute["balance_transactions"]) != 1:
            raise ApiError(400, f"Dispute {dispute_id} has nothing to give back.")
        dispute["status"] = "won"
        self._move(dispute, 1, "charge.dispute.funds_reinstated")
        self.books.tell("charge.dispute.closed", dispute)
        return dispute

    def close_dispute(self, dispute_id: str) -> Thing:
        """It ends as it stands: lost, or only asked about."""
        dispute = self.books.get("dispute", dispute_id)
        dispute["status"] = "lost" if dispute["balance_transactions"] else "warning_closed"
        self.books.tell("charge.dispute.closed", dispute)
        return dispute

    def _move(self, dispute: Thing, sign: int, kind: str) -> Thing:
        movement = self.books.book("adjustment", sign * dispute["amount"], 0, dispute)
        dispute["balance_transactions"].append(dict(movement))
        self.books.tell(kind, dispute)
        return dispute

    # -- payouts

    def pay_out(self, currency: str) -> Thing:
        """All of our balance in a currency goes to our bank; what is booked for it."""
        left = sum(
            each["net"]
            for each in self.books.all_of("balance_transaction")
            if each["currency"] == currency
        )
        return self.books.book("payout", -left, 0, {"id": "po_simulated", "currency": currency})


def _amount(value: Any) -> int:  # noqa: ANN401 -- as it stands in the form
    amount = int(value) if str(value).isdecimal() else 0
    if amount <= 0:
        raise ApiError(400, f"Invalid positive integer: {value}", param="amount")
    return amount
