"""The holder's browser is back from the provider's page: what became of the top-up is asked now."""

from __future__ import annotations

from rtbill.domain.errors import PortFailed, Refused
from rtbill.domain.payment import ActionNeeded
from rtbill.domain.top_up import TopUp, TopUpState
from rtbill.pay.arguments import Answer, Arguments
from rtbill.pay.as_json import top_up_json
from rtbill.payment_books import PaymentReader
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.top_up_driver import TopUpDriver


class PayReturns:
    """Looks up a top-up before its time, for somebody who waits for it."""

    def __init__(self, driver: TopUpDriver, gateways: Gateways, reader: PaymentReader) -> None:
        self._driver = driver
        self._gateways = gateways
        self._reader = reader

    async def look(self, arguments: Arguments) -> Answer:
        """A top-up of the account as the provider has it now, or as the books have it where the
        provider does not answer; Refused when the account has none of this reference.
        """
        row = await self._own(arguments)
        if not row.is_final and row.provider_id:
            await self._ask(row)
            row = await self._own(arguments)
        return {"top_up": top_up_json(row)}

    async def _own(self, arguments: Arguments) -> TopUp:
        row = await self._reader.top_up(str(arguments["reference"]))
        if row is None or row.account != arguments["account"]:
            raise Refused(f"account {arguments['account']} has no such top-up")
        return row

    async def _ask(self, row: TopUp) -> None:
        charge = await self._driver.charge(row)
        try:
            told = await self._gateways.ask(
                row.gateway, "look", lambda gateway: gateway.find(charge, row.provider_id)
            )
        except (PortFailed, Refused):
            return  # it is looked up by and by all the same
        is_waiting = row.state is TopUpState.ACTION_NEEDED and isinstance(told, ActionNeeded)
        if not is_waiting:
            await self._driver.heard(row, told)
