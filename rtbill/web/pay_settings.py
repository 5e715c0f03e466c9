"""When credit is bought without the holder: written down, shown with the text, agreed to, stopped.

A form of amounts leads to a page that shows the whole text with them. What is agreed to is what was
shown there: the amounts wait in the session, and do not come back from the browser.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.web.pay_forms import Mistyped, amount, method, usable
from rtbill.web.pay_mandates import TOP_UP
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_orders import PayOrders
from rtbill.web.pay_sessions import Ending, Proposal
from rtbill.web.pay_template import Templates
from rtbill.web.pay_visit import Visit, to
from rtbill.web.pay_words import amount_text

DAY_TIMES = 3
"""So many purchases a day are asked for: more would look like a thief's (RP-14)."""
MONTH_TIMES = 5
_THRESHOLD, _INCREMENT = 5_000_000, 20_000_000


class Settings:
    """The pages of automatic top-ups."""

    def __init__(self, office: PayOffice, templates: Templates, orders: PayOrders) -> None:
        self._office = office
        self._templates = templates
        self._orders = orders

    async def show(self, visit: Visit) -> Response:
        """The form, as things are or as a beginning."""
        status = await self._orders.ask("pay.status", account=visit.own.account)
        return self._form_page(visit, status)

    def _form_page(
        self, visit: Visit, status: dict[str, Any], problem: Mistyped | None = None
    ) -> Response:
        cards = usable(status)
        if not cards:
            return to("/pay/card")
        typed = visit.form or self._known(status)
        if visit.language == "de" and not visit.form:
            typed = {key: text.replace(".", ",") for key, text in typed.items() if key != "method"}
            typed["method"] = (status["settings"] or {}).get("method") or ""
        return self._templates.page(
            "settings",
            visit.language,
            422 if problem else 200,
            path="/pay/settings",
            csrf=visit.own.csrf,
            methods=cards,
            typed={"method": cards[-1]["method"], **{k: v for k, v in typed.items() if v}},
            currency=status["currency"],
            problem=problem,
        )

    def _known(self, status: dict[str, Any]) -> dict[str, str]:
        known = status["settings"]
        if known:
            keys = ("threshold", "increment", "month_max")
            return {key: known[key] for key in keys} | {"method": known["method"] or ""}
        exponent = EXPONENTS[status["currency"]]
        increment = min(
            max(_INCREMENT, self._office.amount_min_micros), self._office.amount_max_micros
        )
        return {
            "threshold": decimal_text(_THRESHOLD, exponent),
            "increment": decimal_text(increment, exponent),
            "month_max": decimal_text(MONTH_TIMES * increment, exponent),
        }

    async def propose(self, visit: Visit) -> Response:
        """What was typed, on to the text that is agreed to."""
        status = await self._orders.ask("pay.status", account=visit.own.account)
        currency = status["currency"]
        exponent = EXPONENTS[currency]
        most = self._office.amount_max_micros
        try:
            increment = amount(
                visit.form, "increment", currency, self._office.amount_min_micros, most
            )
            threshold = amount(visit.form, "threshold", currency, 0, 10 * most)
            month_max = amount(visit.form, "month_max", currency, increment, 1000 * most)
            chosen = method(visit.form, usable(status))
        except Mistyped as problem:
            return self._form_page(visit, status, problem)
        visit.own.proposal = Proposal(
            threshold=decimal_text(threshold, exponent),
            increment=decimal_text(increment, exponent),
            day_max=decimal_text(min(DAY_TIMES * increment, month_max), exponent),
            month_max=decimal_text(month_max, exponent),
            method=chosen,
        )
        return to("/pay/agree")

    async def read(self, visit: Visit) -> Response:
        """The text with the amounts, and a box to tick."""
        return await self._text_page(visit)

    async def _text_page(self, visit: Visit, problem: Mistyped | None = None) -> Response:
        proposal = visit.own.proposal
        if proposal is None:
            return to("/pay/settings")
        status = await self._orders.ask("pay.status", account=visit.own.account)
        amounts = {
            name: amount_text(getattr(proposal, name), status["currency"], visit.language)
            for name in ("threshold", "increment", "day_max", "month_max")
        }
        found = [each for each in status["methods"] if each["method"] == proposal.method]
        texts = self._office.mandates
        return self._templates.page(
            "agree",
            visit.language,
            422 if problem else 200,
            path="/pay/agree",
            csrf=visit.own.csrf,
            once=visit.own.once,
            label=found[0]["label"] if found else "",
            mandate=texts.paragraphs(TOP_UP, visit.language, site=self._office.site, **amounts),
            problem=problem,
        )

    async def agree(self, visit: Visit) -> Response:
        """It holds from now on, with the version of the text, the time and the address."""
        session, proposal = visit.own, visit.own.proposal
        if visit.form.get("agree") != "yes":
            return await self._text_page(visit, Mistyped("agree", "mistyped.agree"))
        if proposal is None or not session.use_once(visit.form.get("once", "")):
            return to("/pay/done")
        session.proposal = None
        arguments = {
            "account": session.account,
            "on": True,
            "threshold": proposal.threshold,
            "increment": proposal.increment,
            "charge_max": proposal.increment,
            "day_max": proposal.day_max,
            "month_max": proposal.month_max,
            "method": proposal.method,
            "text_version": self._office.mandates.version,
            "address": visit.address,
            "by": "holder",
        }
        await self._orders.carry_out(
            session, "pay.settings", arguments, lambda _answer: Ending(words="automatic_on")
        )
        return to("/pay/done")

    async def stop(self, visit: Visit) -> Response:
        """Nothing is bought without the holder from now on."""
        arguments = {"account": visit.own.account, "on": False, "by": "holder"}
        await self._orders.carry_out(
            visit.own, "pay.settings", arguments, lambda _answer: Ending(words="automatic_off")
        )
        return to("/pay/done")
