"""Customers, their cards, and the page on which a card is given."""

from __future__ import annotations

from simulator.card_behaviour import Behaviour
from simulator.card_books import ApiError, CardBooks, Thing

EXPIRES = {"exp_month": 12, "exp_year": 2034}


class CardHolders:
    """Who pays, and with which cards."""

    def __init__(self, books: CardBooks, behaviours: dict[str, Behaviour]) -> None:
        self.books = books
        self.behaviours = behaviours
        self.page_base = ""

    def create_customer(self, form: Thing) -> Thing:
        """A customer without a card."""
        return self.books.add(
            "customer", email=form.get("email"), metadata=form.get("metadata", {})
        )

    def add_card(self, customer: str, behaviour: Behaviour) -> Thing:
        """A card that a customer has given."""
        self.books.get("customer", customer, "customer")
        method = self.books.add(
            "payment_method",
            type="card",
            customer=customer,
            metadata={},
            card={"brand": behaviour.brand, "last4": behaviour.last4, **EXPIRES},
        )
        self.behaviours[method["id"]] = behaviour
        self.books.tell("payment_method.attached", method)
        return method

    def detach(self, method_id: str) -> Thing:
        """The customer no longer has it."""
        method = self.books.get("payment_method", method_id, "payment_method")
        if method["customer"] is None:
            text = "The payment method you provided is not attached to a customer so detachment is"
            raise ApiError(400, f"{text} impossible.")
        method["customer"] = None
        self.books.tell("payment_method.detached", method)
        return method

    def renew(self, method_id: str, year: int) -> Thing:
        """The bank sent the holder a new card, and the network told us."""
        method = self.books.get("payment_method", method_id, "payment_method")
        method["card"]["exp_year"] = year
        self.books.tell("payment_method.automatically_updated", method)
        return method

    def create_session(self, form: Thing) -> Thing:
        """A page on which a card is given."""
        if form.get("mode") != "setup":
            raise ApiError(400, "The simulator knows mode=setup only", param="mode")
        self.books.get("customer", form.get("customer"), "customer")
        for name in ("success_url", "cancel_url"):
            if not str(form.get(name, "")).startswith(("http://", "https://")):
                raise ApiError(400, f"Not a valid URL: {name}", param=name, code="url_invalid")
        intent = self.books.add(
            "setup_intent",
            customer=form["customer"],
            metadata=form.get("setup_intent_data", {}).get("metadata", {}),
            payment_method=None,
            status="requires_payment_method",
            usage="off_session",
        )
        session = self.books.add(
            "checkout.session",
            mode="setup",
            customer=form["customer"],
            client_reference_id=form.get("client_reference_id"),
            metadata=form.get("metadata", {}),
            setup_intent=intent["id"],
            status="open",
            success_url=form["success_url"],
            cancel_url=form["cancel_url"],
        )
        session["url"] = f"{self.page_base}/pages/set-up/{session['id']}"
        return session

    def give_card(self, session_id: str, behaviour: Behaviour) -> Thing:
        """The holder gives a card on the page; ApiError 402 when it is refused there."""
        session = self.books.get("checkout.session", session_id)
        if session["status"] != "open":
            raise ApiError(400, f"This page is {session['status']}.")
        if behaviour.fails_set_up:
            raise ApiError(402, "Your card was declined.", type="card_error", code="card_declined")
        method = self.add_card(session["customer"], behaviour)
        intent = self.books.get("setup_intent", session["setup_intent"])
        intent.update(payment_method=method["id"], status="succeeded")
        session["status"] = "complete"
        self.books.tell("setup_intent.succeeded", intent)
        self.books.tell("checkout.session.completed", session)
        return session

    def expire(self, session_id: str) -> Thing:
        """Nobody gave a card in time."""
        session = self.books.get("checkout.session", session_id)
        if session["status"] == "open":
            session.update(status="expired", url=None)
            self.books.tell("checkout.session.expired", session)
        return session
