"""The desk's orders about single top-ups: begun, confirmed, called off, given back, settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from payments.attempts import Event
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import Money
from rtbill.domain.top_up import Asker, TopUpState
from rtbill.pay.arguments import Answer, Arguments, PayArguments
from rtbill.pay.as_json import top_up_json
from rtbill.payment_books import PaymentReader
from rtbill.replenishment.top_up_driver import TopUpDriver


class TopUpOrders:
    """Carried out by the driver; what is answered is what the books hold then."""

    def __init__(self, read: PayArguments, driver: TopUpDriver, reader: PaymentReader) -> None:
        self._read = read
        self._driver = driver
        self._reader = reader

    def orders(self) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        """Each by its name."""
        return {
            "pay.topup": self._top_up,
            "pay.confirm": self._confirm,
            "pay.calloff": self._call_off,
            "pay.refund": self._refund,
            "pay.resolve": self._resolve,
        }

    async def _top_up(self, arguments: Arguments) -> Answer:
        """Now: by the holder who is there, or by the desk for the holder."""
        account = self._read.account(arguments)
        money = self._read.money(arguments["amount"], self._read.currency(account))
        asker = Asker.HOLDER if arguments.get("attended", False) else Asker.DESK
        gateway, method = await self._read.method(account, arguments.get("method"))
        wanted = await self._driver.want(account, asker, money, gateway, method)
        if wanted.top_up is None:
            raise Refused(f"nothing is bought for {account}: {wanted.reason}")
        page = ""
        if return_url := arguments.get("return_url"):
            page = await self._driver.attended(wanted, str(return_url))
        else:
            await self._driver.carry_on(wanted)
        row = await self._read.top_up(wanted.top_up.reference)
        return {"top_up": top_up_json(row), "page": page or None}

    async def _call_off(self, arguments: Arguments) -> Answer:
        row = await self._read.top_up(arguments["reference"])
        await self._driver.happened(row, Event.CALL_OFF, self._read.reason(arguments))
        return {"top_up": top_up_json(await self._read.top_up(row.reference))}

    async def _refund(self, arguments: Arguments) -> Answer:
        """To the card that it came from, and no more than was paid and is unused (RP-52)."""
        row = await self._read.top_up(arguments["reference"])
        left = Money(row.money.micros - row.reversed_micros, row.money.currency)
        amount = arguments.get("amount")
        money = left if amount is None else self._read.money(amount, row.money.currency)
        key, reason = self._driver.new_reference(), self._read.reason(arguments)
        await self._driver.take(self._driver.steps.giving_back(row, key, money, reason))
        for each in await self._reader.reversals(row.reference):
            if each.key == key:
                await self._driver.ask_refund(each)
        now = [each for each in await self._reader.reversals(row.reference) if each.key == key]
        stage = now[0].stage if now else None
        return {
            "top_up": top_up_json(await self._read.top_up(row.reference)),
            "refund": {"key": key, "amount": str(money), "stage": stage},
        }

    async def _resolve(self, arguments: Arguments) -> Answer:
        """A person has proof of what became of a top-up."""
        row = await self._read.top_up(arguments["reference"])
        if row.is_final:
            raise Refused(f"top-up {row.reference} is {row.state}; there is nothing to settle")
        word = arguments["as"]
        if word not in ("paid", "unpaid"):
            raise BadRecord("a top-up was `paid` or `unpaid`")
        event = Event.OPERATOR_PAID if word == "paid" else Event.OPERATOR_UNPAID
        await self._driver.happened(row, event, self._read.reason(arguments))
        return {"top_up": top_up_json(await self._read.top_up(row.reference))}

    async def _confirm(self, arguments: Arguments) -> Answer:
        """The holder is there to confirm a top-up: the page of the provider, if there is one."""
        row = await self._read.top_up(arguments["reference"])
        if row.account != self._read.account(arguments):
            raise Refused("this payment is not of this account")
        if row.state is not TopUpState.ACTION_NEEDED:
            raise Refused(f"this payment is {row.state} and waits for no confirmation")
        page = await self._driver.confirm(row, str(arguments["return_url"]))
        return {"top_up": top_up_json(await self._read.top_up(row.reference)), "page": page or None}
