"""Buying credit now, confirming what waits for it, and what each step came to."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from rtbill.domain.errors import RtbillError
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.web.pay_forms import Mistyped, amount, method, usable
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_orders import Ended, PayOrders
from rtbill.web.pay_sessions import Away, Ending, Session
from rtbill.web.pay_template import Templates
from rtbill.web.pay_visit import Visit, to

LOOK_S = 4.0
LOOKS_MAX = 60
"""Of one session: then the holder is told by mail, or comes back."""
_SOON = {"fast"}
_OTHER_CARD = {"card"}
_OURS = {"ours"}


class Buying:
    """The pages of single top-ups."""

    def __init__(self, office: PayOffice, templates: Templates, orders: PayOrders) -> None:
        self._office = office
        self._templates = templates
        self._orders = orders

    async def show(self, visit: Visit) -> Response:
        """How much, and from what."""
        status = await self._orders.ask("pay.status", account=visit.own.account)
        return self._form_page(visit, status)

    def _form_page(
        self, visit: Visit, status: dict[str, Any], problem: Mistyped | None = None
    ) -> Response:
        cards = usable(status)
        if not cards:
            return to("/pay/card")
        settings, exponent = status["settings"], EXPONENTS[status["currency"]]
        suggested = settings["increment"] if settings else ""
        if visit.language == "de":
            suggested = suggested.replace(".", ",")
        chosen = (settings or {}).get("method") or cards[-1]["method"]
        return self._templates.page(
            "top_up",
            visit.language,
            422 if problem else 200,
            path="/pay/top-up",
            csrf=visit.own.csrf,
            once=visit.own.once,
            methods=cards,
            typed={"amount": suggested, "method": chosen, **visit.form},
            currency=status["currency"],
            least=decimal_text(self._office.amount_min_micros, exponent),
            most=decimal_text(self._office.amount_max_micros, exponent),
            problem=problem,
        )

    async def buy(self, visit: Visit) -> Response:
        """Once, however often the button is pressed."""
        session = visit.own
        status = await self._orders.ask("pay.status", account=session.account)
        currency = status["currency"]
        least, most = self._office.amount_min_micros, self._office.amount_max_micros
        try:
            micros = amount(visit.form, "amount", currency, least, most)
            chosen = method(visit.form, usable(status))
        except Mistyped as problem:
            return self._form_page(visit, status, problem)
        if not session.use_once(visit.form.get("once", "")):
            return to("/pay/done")
        arguments = {
            "account": session.account,
            "amount": decimal_text(micros, EXPONENTS[currency]),
            "method": chosen,
            "attended": True,
            "return_url": f"{self._office.url}/pay/back",
        }
        await self._orders.carry_out(session, "pay.topup", arguments, _bought(session))
        return to("/pay/go" if session.away else "/pay/done")

    async def ask_confirm(self, visit: Visit) -> Response:
        """What waits for the holder's yes."""
        session = visit.own
        row = await self._waiting(session)
        if row is None:
            session.ending = Ending(words="top_up", top_up=session.top_up)
            return to("/pay/done" if session.top_up else "/pay/account")
        return self._templates.page(
            "confirm", visit.language, path="/pay/confirm", csrf=session.csrf, row=row
        )

    async def confirm(self, visit: Visit) -> Response:
        """On to the bank, for the same payment."""
        session = visit.own
        row = await self._waiting(session)
        if row is None:
            return to("/pay/confirm")
        arguments = {
            "account": session.account,
            "reference": row["reference"],
            "return_url": f"{self._office.url}/pay/back",
        }
        await self._orders.carry_out(session, "pay.confirm", arguments, _bought(session))
        return to("/pay/go" if session.away else "/pay/done")

    async def _waiting(self, session: Session) -> dict[str, Any] | None:
        status = await self._orders.ask("pay.status", account=session.account)
        for each in status["top_ups"]:
            is_it = each["reference"] == session.top_up or not session.top_up
            if is_it and each["state"] == "action needed":
                session.top_up = each["reference"]
                found: dict[str, Any] = each
                return found
        return None

    async def done(self, visit: Visit) -> Response:
        """What the last step came to, and what to do next."""
        session = visit.own
        if session.is_busy:
            return self._done_page(visit, "busy", None)
        ending = session.ending
        if ending is None:
            return to("/pay/go" if session.away else "/pay/account")
        if not ending.top_up:
            return self._done_page(visit, ending.words, None)
        row = await self._looked(session, ending.top_up)
        return self._done_page(visit, top_up_words(row) if row else "doubtful", row)

    async def _looked(self, session: Session, reference: str) -> dict[str, Any] | None:
        """The top-up as the provider has it, asked not too often, or as the books have it."""
        now_s = self._office.clock.monotonic()
        if session.looks < LOOKS_MAX and now_s - session.looked_s >= LOOK_S:
            session.looks, session.looked_s = session.looks + 1, now_s
            wanted = {"account": session.account, "reference": reference}
            try:
                row: dict[str, Any] = (await self._office.order("pay.look", wanted))["top_up"]
            except RtbillError:
                return None
            return row
        status = await self._orders.ask("pay.status", account=session.account)
        found = [each for each in status["top_ups"] if each["reference"] == reference]
        return found[0] if found else None

    def _done_page(self, visit: Visit, words: str, row: dict[str, Any] | None) -> Response:
        is_waiting = words in ("busy", "top_up_waiting") and visit.own.looks < LOOKS_MAX
        return self._templates.page(
            "done",
            visit.language,
            path="/pay/done",
            words=words,
            row=row,
            is_waiting=is_waiting,
            csrf=visit.own.csrf,
        )


def _bought(session: Session) -> Ended:
    def ended(answer: dict[str, Any]) -> Ending | Away:
        row = answer["top_up"]
        session.top_up = row["reference"] if row["state"] == "action needed" else ""
        ending = Ending(words="top_up", top_up=row["reference"])
        if answer["page"]:
            # It stands there already for the time after the bank's page.
            session.ending = ending
            return Away(url=answer["page"])
        return ending

    return ended


def top_up_words(row: dict[str, Any]) -> str:
    """What is said of a top-up: never why a bank said no, beyond what helps the holder on."""
    state, decline = row["state"], row["decline"]
    if state == "approved":
        return "top_up_paid"
    if state == "action needed":
        return "top_up_action"
    if state == "declined":
        return _declined(decline)
    if state in ("cancelled", "reversed"):
        return "top_up_off"
    return "top_up_waiting"


def _declined(decline: str | None) -> str:
    if decline in _SOON:
        return "top_up_later"
    if decline in _OTHER_CARD:
        return "top_up_other_card"
    if decline in _OURS:
        return "top_up_ours"
    return "top_up_unconfirmed" if decline == "action" else "top_up_declined"
