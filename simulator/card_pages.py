"""Pages of the simulated card provider, for a browser: giving a card, confirming a payment."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import parse_qs

from simulator.card_behaviour import CARDS, behaviour
from simulator.card_books import ApiError, CardBooks, Thing
from simulator.card_holders import CardHolders
from simulator.card_payments import CardPayments
from simulator.http_server import Reply, Request

_PATH = re.compile("/pages/(set-up|confirm)/([A-Za-z0-9_]+)")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }}
select, button {{ font: inherit; width: 100%; padding: .6rem; margin: .4rem 0; }}
.mode {{ background: #f6c344; padding: .2rem .6rem; }}
.problem {{ color: #a40000; }}
</style></head>
<body><p class="mode">Simulated card provider: no money moves</p><h1>{title}</h1>
{body}</body></html>
"""


class CardPages:
    """Answers `/pages/...`."""

    def __init__(self, books: CardBooks, payments: CardPayments, holders: CardHolders) -> None:
        self._books, self._payments, self._holders = books, payments, holders

    def answer(self, request: Request) -> Reply:
        """The page, or where the browser goes next."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            return _page("No such page", "", 404)
        form = {name: each[-1] for name, each in parse_qs(request.body.decode("latin-1")).items()}
        try:
            if found.group(1) == "set-up":
                return self._set_up(found.group(2), request.method, form)
            return self._confirm(found.group(2), request.method, form)
        except ApiError as error:
            return _page("This does not work", f"<p>{escape(str(error))}</p>", error.status)

    def _set_up(self, session_id: str, method: str, form: dict[str, str]) -> Reply:
        session = self._books.get("checkout.session", session_id)
        if session["status"] != "open":
            return _page("This page is closed", f"<p>It is {session['status']}.</p>", 410)
        if method != "POST":
            return _page("Give a card", _card_form())
        if form.get("choice") != "save":
            return _redirect(session["cancel_url"])
        try:
            self._holders.give_card(session_id, behaviour(form.get("card", "")))
        except (ApiError, ValueError) as error:
            return _page("Give a card", _card_form(str(error)))
        return _redirect(session["success_url"])

    def _confirm(self, intent_id: str, method: str, form: dict[str, str]) -> Reply:
        intent = self._books.get("payment_intent", intent_id)
        if intent["status"] != "requires_action":
            return _page("Nothing to confirm", f"<p>The payment is {intent['status']}.</p>", 410)
        if method != "POST":
            return _page("Confirm the payment", _confirm_form(intent))
        try:
            self._payments.answer_holder(intent_id, agrees=form.get("choice") == "confirm")
        except ApiError as error:
            if error.status != 402:
                raise
        return _redirect(intent["_return_url"])


def _card_form(problem: str = "") -> str:
    options = "".join(
        f'<option value="{name}">{escape(card.brand.title())} {card.last4}: '
        f"{escape(card.text)}</option>"
        for name, card in CARDS.items()
    )
    said = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return (
        f'{said}<form method="post"><label for="card">Test card</label>'
        f'<select id="card" name="card">{options}</select>'
        '<button name="choice" value="save">Save card</button>'
        '<button name="choice" value="cancel">Cancel</button></form>'
    )


def _confirm_form(intent: Thing) -> str:
    return (
        f"<p>{intent['amount']} {escape(intent['currency'].upper())} (minor units)</p>"
        '<form method="post"><button name="choice" value="confirm">Confirm</button>'
        '<button name="choice" value="refuse">Refuse</button></form>'
    )


def _page(title: str, body: str, status: int = 200) -> Reply:
    text = _PAGE.format(title=escape(title), body=body)
    return Reply(status, text.encode(), "text/html; charset=utf-8")


def _redirect(url: str) -> Reply:
    return Reply(303, b"", "text/html; charset=utf-8", {"Location": url})
