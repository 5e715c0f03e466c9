"""The pages of an account: what pays, and taking it away or giving another."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from rtbill.web.pay_forms import Mistyped, agreement
from rtbill.web.pay_mandates import CARD
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_orders import PayOrders
from rtbill.web.pay_sessions import Away, Ending
from rtbill.web.pay_template import Templates
from rtbill.web.pay_visit import Stop, Visit, to

METHODS_MAX = 5
"""More cards than that nobody needs, and a thief would like to try."""


class Cards:
    """The account's page, and those of its cards."""

    def __init__(self, office: PayOffice, templates: Templates, orders: PayOrders) -> None:
        self._office = office
        self._templates = templates
        self._orders = orders

    async def account(self, visit: Visit) -> Response:
        """What pays, and when credit is bought; no balance, whoever holds the link."""
        status = await self._orders.ask("pay.status", account=visit.own.account)
        waiting = [each for each in status["top_ups"] if each["state"] == "action needed"]
        return self._templates.page(
            "account",
            visit.language,
            path="/pay/account",
            csrf=visit.own.csrf,
            methods=status["methods"],
            settings=status["settings"],
            currency=status["currency"],
            waiting=waiting[0] if waiting else None,
            can_add=len(status["methods"]) < METHODS_MAX,
        )

    async def card(self, visit: Visit) -> Response:
        """Where a card is given."""
        return self._card_page(visit)

    def _card_page(self, visit: Visit, problem: Mistyped | None = None) -> Response:
        texts = self._office.mandates
        return self._templates.page(
            "card",
            visit.language,
            422 if problem else 200,
            path="/pay/card",
            csrf=visit.own.csrf,
            offers=self._office.offers,
            has_cashless=self._office.has_cashless,
            chosen=visit.form.get("offer", ""),
            mandate=texts.paragraphs(CARD, visit.language, site=self._office.site),
            problem=problem,
        )

    async def add(self, visit: Visit) -> Response:
        """To the provider's page."""
        offer = visit.form.get("offer", "")
        if offer not in self._office.offers:
            return self._card_page(visit, Mistyped("offer", "mistyped.offer"))
        try:
            agreement(visit.form)
        except Mistyped as problem:
            return self._card_page(visit, problem)
        await self._room(visit)
        agreed = {"text_version": self._office.mandates.version, "address": visit.address}
        await self._begin(visit, {"account": visit.own.account, "gateway": offer, **agreed})
        return to("/pay/go")

    async def _room(self, visit: Visit) -> None:
        status = await self._orders.ask("pay.status", account=visit.own.account)
        if len(status["methods"]) >= METHODS_MAX:
            raise Stop(409, "too_many_cards")

    async def _begin(self, visit: Visit, arguments: dict[str, Any]) -> None:
        holder = await self._office.holder(visit.own.account)
        arguments |= {"email": holder.email, "return_url": f"{self._office.url}/pay/back"}

        def ended(answer: dict[str, Any]) -> Away:
            return Away(
                url=answer["url"],
                gateway=arguments["gateway"],
                page=answer["page"],
            )

        await self._orders.carry_out(visit.own, "pay.method.begin", arguments, ended)

    async def ask_remove(self, visit: Visit) -> Response:
        """Whether it shall really go."""
        status = await self._orders.ask("pay.status", account=visit.own.account)
        wanted = visit.request.query_params.get("card", "")
        found = [each for each in status["methods"] if each["method"] == wanted]
        if not found:
            return to("/pay/account")
        settings = status["settings"]
        is_used = bool(settings) and settings["on"] and settings["method"] == wanted
        return self._templates.page(
            "remove",
            visit.language,
            path=f"/pay/remove?{urlencode({'card': wanted})}",
            csrf=visit.own.csrf,
            method=found[0],
            is_used=is_used,
        )

    async def remove(self, visit: Visit) -> Response:
        """From the commit on nothing is asked of it."""
        arguments = {"account": visit.own.account, "method": visit.form.get("card", "")}
        if not arguments["method"]:
            return to("/pay/account")
        await self._orders.carry_out(
            visit.own, "pay.method.remove", arguments, lambda _answer: Ending(words="card_removed")
        )
        return to("/pay/done")
