"""What orders about payments are told, read and checked: plain JSON values in, ours out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtbill.domain.directory import Directory
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import Money, parse_money, too_fine
from rtbill.domain.replenishment import Agreement
from rtbill.domain.top_up import TopUp
from rtbill.payment_books import PaymentReader
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.pay_methods import PayMethods

Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class PayArguments:
    """Finds what an argument names; Refused or BadRecord say what is wrong with it."""

    def __init__(
        self,
        directory: Directory,
        gateways: Gateways,
        methods: PayMethods,
        reader: PaymentReader,
    ) -> None:
        self._directory = directory
        self._gateways = gateways
        self._methods = methods
        self._reader = reader

    def account(self, arguments: Arguments) -> str:
        """The account that is named, which exists."""
        return self._directory.account(str(arguments["account"])).id

    def currency(self, account: str) -> str:
        """In which the account is kept."""
        return self._directory.account(account).currency

    def gateway(self, arguments: Arguments) -> str:
        """As named, or the only one there is."""
        names = [each.name for each in self._gateways]
        given = arguments.get("gateway")
        if not given and len(names) == 1:
            return names[0]
        if not given:
            raise Refused(f"say which gateway: {', '.join(names) or 'none is configured'}")
        return self._gateways.named(str(given)).name

    def agreement(self, arguments: Arguments) -> Agreement:
        """That somebody agrees now, to which text, and from where."""
        address = str(arguments.get("address") or "").strip()
        if not address:
            raise BadRecord("say where the agreement came from: an address, or who took it down")
        return self._methods.agreed(str(arguments["text_version"]), address)

    def reason(self, arguments: Arguments) -> str:
        """Why it is done, which stays in the books."""
        reason = str(arguments.get("reason") or "").strip()
        if not reason:
            raise BadRecord("this needs a reason, which stays in the books")
        return reason

    def money(self, text: object, currency: str) -> Money:
        """An amount above zero."""
        money = parse_money(str(text), currency)
        if money.micros <= 0:
            raise BadRecord(f"{text!r} is not more than nothing")
        if problem := too_fine(money):
            raise BadRecord(problem)
        return money

    async def method(self, account: str, reference: object) -> tuple[str, str]:
        """Gateway and name of a method of the account; two empty texts where none is named."""
        if not reference:
            return "", ""
        kept = await self._reader.methods(account)
        for each in kept:
            if each.method.reference == reference:
                return each.key
        known = ", ".join(each.method.reference for each in kept) or "none"
        raise Refused(f"account {account} has no method {reference!r}; it has {known}")

    async def top_up(self, reference: object) -> TopUp:
        """The top-up of this reference."""
        row = await self._reader.top_up(str(reference))
        if row is None:
            raise Refused(f"there is no top-up {reference}")
        return row
