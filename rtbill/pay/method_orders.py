"""The desk's orders about what accounts pay from, and when they buy by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from rtbill.domain.bank_cards import is_bank_card
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import parse_money
from rtbill.domain.payment import MethodKind, PaymentMethod
from rtbill.pay.arguments import Answer, Arguments, PayArguments
from rtbill.pay.as_json import kept_json, settings_json
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.pay_methods import PayMethods, Wanted

NAME_LENGTH_MAX = 64


class MethodOrders:
    """Gives, removes and chooses cards, and sets when credit is bought."""

    def __init__(self, read: PayArguments, methods: PayMethods, gateways: Gateways) -> None:
        self._read = read
        self._methods = methods
        self._gateways = gateways

    def orders(self) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        """Each by its name."""
        return {
            "pay.method.begin": self._begin,
            "pay.method.finish": self._finish,
            "pay.method.add": self._add,
            "pay.method.remove": self._remove,
            "pay.settings": self._settings,
        }

    async def _begin(self, arguments: Arguments) -> Answer:
        page = await self._methods.begin(
            self._read.account(arguments),
            self._read.gateway(arguments),
            str(arguments.get("email") or ""),
            str(arguments["return_url"]),
            self._read.agreement(arguments),
        )
        return {"page": page.id, "url": page.url}

    async def _finish(self, arguments: Arguments) -> Answer:
        kept = await self._methods.finish(
            self._read.account(arguments),
            self._read.gateway(arguments),
            str(arguments["page"]),
        )
        return {"method": kept_json(kept) if kept else None}

    async def _add(self, arguments: Arguments) -> Answer:
        """A cashless card, by the name that its provider has for it. A bank card is never told to
        us: it is given on its provider's page.
        """
        gateway = self._gateways.named(self._read.gateway(arguments))
        if gateway.abilities.sets_up_by_page:
            raise Refused(
                f"cards of {gateway.name} are given on its own page; send a link: `rtbill pay link`"
            )
        reference = str(arguments["card"]).strip()
        if not reference or len(reference) > NAME_LENGTH_MAX or not reference.isprintable():
            raise BadRecord(f"a card is named by up to {NAME_LENGTH_MAX} printable characters")
        if is_bank_card(reference):
            raise BadRecord(
                "this looks like the number of a bank card, which nobody may tell us; send a link "
                "to give it on its provider's page: `rtbill pay link`"
            )
        method = PaymentMethod(
            gateway=gateway.name,
            kind=MethodKind.CASHLESS,
            reference=reference,
            label=str(arguments.get("label") or f"card …{reference[-4:]}"),
        )
        account, agreement = self._read.account(arguments), self._read.agreement(arguments)
        return {"method": kept_json(await self._methods.keep(account, method, agreement))}

    async def _remove(self, arguments: Arguments) -> Answer:
        account = self._read.account(arguments)
        gateway, reference = await self._read.method(account, str(arguments["method"]))
        is_forgotten = await self._methods.drop(account, gateway, reference)
        return {"account": account, "method": reference, "forgotten": is_forgotten}

    async def _settings(self, arguments: Arguments) -> Answer:
        account = self._read.account(arguments)
        currency = self._read.currency(account)

        def micros(name: str) -> int | None:
            text = arguments.get(name)
            return None if text is None else parse_money(str(text), currency).micros

        gateway, method = await self._read.method(account, arguments.get("method"))
        wanted = Wanted(
            is_on=arguments.get("on"),
            threshold_micros=micros("threshold"),
            increment_micros=micros("increment"),
            charge_max_micros=micros("charge_max"),
            day_max_micros=micros("day_max"),
            month_max_micros=micros("month_max"),
            gateway=gateway or None,
            method=method or None,
        )
        agreement = self._read.agreement(arguments) if arguments.get("text_version") else None
        by = str(arguments.get("by") or "desk")
        settings = await self._methods.set(account, wanted, agreement, by)
        return {"settings": settings_json(settings, currency)}
