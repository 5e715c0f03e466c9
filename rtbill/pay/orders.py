"""What people do about payments, by name: the command line, the pages and the API speak to this.

Arguments and answers are plain JSON values; money is decimal text beside its currency. What the
holder agrees to is taken down with the version of the text, the time, and where it came from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from rtbill.alarms import Alarms
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Refused
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.domain.payment_changes import ResumeGateway
from rtbill.formats.wording import Wording
from rtbill.pay.arguments import Answer, Arguments, PayArguments
from rtbill.pay.as_json import (
    gateway_json,
    in_flight_json,
    kept_json,
    reconciled_json,
    settings_json,
    top_up_json,
)
from rtbill.pay.links import PayLinks
from rtbill.pay.method_orders import MethodOrders
from rtbill.pay.top_up_orders import TopUpOrders
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Store
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.pay_methods import PayMethods
from rtbill.replenishment.reconciliation import Reconciliation
from rtbill.replenishment.top_up_driver import TopUpDriver
from rtbill.replenishment.triggers import AutomaticTopUps

TOP_UPS_SHOWN = 20
IN_FLIGHT_SHOWN = 1_000


class PayDesk:
    """Carries out one order at a time; Refused, Conflict, BadRecord say what is wrong."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        driver: TopUpDriver,
        methods: PayMethods,
        links: PayLinks,
        top_ups: AutomaticTopUps,
        reconciliation: Reconciliation,
        gateways: Gateways,
        directory: Directory,
        store: Store,
        reader: PaymentReader,
        alarms: Alarms,
        clock: Clock,
        wording: Wording,
    ) -> None:
        self._read = PayArguments(directory, gateways, methods, reader)
        self._method_orders = MethodOrders(self._read, methods, gateways)
        self._top_up_orders = TopUpOrders(self._read, driver, reader)
        self._methods = methods
        self._links = links
        self._top_ups = top_ups
        self._reconciliation = reconciliation
        self._gateways = gateways
        self._directory = directory
        self._store = store
        self._reader = reader
        self._alarms = alarms
        self._clock = clock
        self._wording = wording

    def orders(self) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        """Every order by its name."""
        return {
            **self._method_orders.orders(),
            **self._top_up_orders.orders(),
            "pay.link": self._link,
            "pay.open": self._open,
            "pay.status": self._status,
            "pay.resume": self._resume,
            "pay.reconcile": self._reconcile,
        }

    async def _link(self, arguments: Arguments) -> Answer:
        account = self._read.account(arguments)
        made = await self._links.to_manage(account, is_mailed=bool(arguments.get("mail", False)))
        return {"account": account, "url": made.url, "expires": made.expires_at.isoformat()}

    async def _open(self, arguments: Arguments) -> Answer:
        """A link is used: whose it is and what for. Its token is good for nothing afterwards."""
        link = await self._links.use(str(arguments["token"]))
        answer: Answer = {"account": link.account, "purpose": link.purpose}
        if link.top_up:
            answer["top_up"] = top_up_json(await self._read.top_up(link.top_up))
        return answer

    async def _resume(self, arguments: Arguments) -> Answer:
        """An account, or a gateway, at which buying was stopped."""
        if name := arguments.get("gateway"):
            gateway = self._gateways.named(str(name)).name
            stops = [each.gateway for each in await self._reader.gateway_stops()]
            if gateway not in stops:
                raise Refused(f"gateway {gateway} is not stopped")
            await self._store.change(ResumeGateway(gateway))
            self._alarms.clear("gateway", gateway)
            self._top_ups.look_again_at(gateway)
            return {"gateway": gateway}
        account = self._read.account(arguments)
        by = str(arguments.get("by") or "desk")
        settings = await self._methods.resume(account, by)
        currency = self._read.currency(account)
        return {"account": account, "settings": settings_json(settings, currency)}

    async def _status(self, arguments: Arguments) -> Answer:
        if arguments.get("account"):
            return await self.of_account(self._read.account(arguments))
        return await self.status()

    async def status(self) -> Answer:
        """What is under way, in doubt and stopped, at all gateways."""
        rows = await self._reader.top_ups_in_flight(IN_FLIGHT_SHOWN)
        stops = {each.gateway: each for each in await self._reader.gateway_stops()}
        settings = await self._reader.replenishments()
        return {
            "gateways": [gateway_json(each, stops.get(each.name)) for each in self._gateways],
            "accounts_on": sum(each.is_on and not each.stopped for each in settings),
            "accounts_stopped": [each.account for each in settings if each.is_on and each.stopped],
            "queued": len(self._top_ups.queue),
            **in_flight_json(rows),
        }

    async def of_account(self, account: str) -> Answer:
        """Everything about one account's payments."""
        state = self._directory.state(account)
        currency = state.account.currency
        settings = await self._reader.replenishment(account)
        rows = await self._reader.top_ups(account, TOP_UPS_SHOWN)
        return {
            "account": account,
            "currency": currency,
            "balance": decimal_text(state.balance_micros, EXPONENTS[currency]),
            "grace": decimal_text(state.grace_micros, EXPONENTS[currency]),
            "settings": settings_json(settings, currency) if settings else None,
            "methods": [kept_json(each) for each in await self._reader.methods(account)],
            "top_ups": [top_up_json(row) for row in rows],
        }

    async def _reconcile(self, arguments: Arguments) -> Answer:
        gateway = self._read.gateway(arguments)
        now = self._clock.now()
        since = self._wording.instant(arguments.get("from"), now)
        until = self._wording.instant(arguments.get("until"), now)
        return reconciled_json(await self._reconciliation.reconcile(gateway, since, until))
