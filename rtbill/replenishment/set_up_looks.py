"""Cards that holders are about to give: asked for when neither browser nor provider tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from rtbill.domain.errors import PortFailed, Refused
from rtbill.domain.payment_changes import EndSetUp, LookAtSetUp
from rtbill.domain.replenishment import PendingSetUp
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Store
from rtbill.replenishment.pay_methods import PENDING_FOR, PayMethods

LOOK_S = 10.0
DUE_MAX = 100
AT_START_MAX = 10_000
SILENCE_MAX = timedelta(days=7)
"""After the end of a page: a provider that says nothing for so long is asked no more."""
AGAIN_MIN, AGAIN_MAX = timedelta(minutes=5), timedelta(hours=1)

_logger = logging.getLogger(__name__)


class SetUpLooks:
    """Asks about every page: at the start, after five minutes, ever more rarely, and at its end."""

    def __init__(
        self, methods: PayMethods, reader: PaymentReader, store: Store, clock: Clock
    ) -> None:
        self._methods = methods
        self._reader = reader
        self._store = store
        self._clock = clock

    async def serve(self) -> None:
        """Ask about all that wait, whatever their time, and then for ever about what is due."""
        ahead, limit = PENDING_FOR, AT_START_MAX
        while True:
            try:
                await self._ask(await self._reader.due_set_ups(self._clock.now() + ahead, limit))
                ahead, limit = timedelta(0), DUE_MAX
            except PortFailed as error:
                _logger.warning("cards to be given are not asked for", extra={"why": str(error)})
            except Exception:  # the books may be readable again in a while
                _logger.exception("cards to be given are not asked for")
            await self._clock.sleep(LOOK_S)

    async def _ask(self, due: Sequence[PendingSetUp]) -> None:
        """One after the other of each provider, so that one's silence is not another's."""
        async with asyncio.TaskGroup() as group:
            for gateway in {each.gateway for each in due}:
                own = [each for each in due if each.gateway == gateway]
                group.create_task(self._ask_one_by_one(own), name=f"set-ups at {gateway}")

    async def _ask_one_by_one(self, due: Sequence[PendingSetUp]) -> None:
        for pending in due:
            try:
                await self._see_to(pending)
            except PortFailed as error:
                extra = {"gateway": pending.gateway, "why": str(error)}
                _logger.warning("a provider does not say whether a card was given", extra=extra)
                return  # the others keep their time, and are asked about then
            except Refused as refused:
                extra = {"account": pending.account, "why": str(refused)}
                _logger.warning("a card that was given is not kept", extra=extra)
            except Exception:  # a poison one blocks nobody
                _logger.exception("a set-up cannot be seen to", extra={"key": pending.reference})

    async def _see_to(self, pending: PendingSetUp) -> None:
        now = self._clock.now()
        if now >= pending.expires_at + SILENCE_MAX:
            await self._store.change(EndSetUp(pending.reference))
            return
        again = min(max(now - pending.begun_at, AGAIN_MIN), AGAIN_MAX)
        is_last = now >= pending.expires_at
        next_look = now + again if is_last else min(now + again, pending.expires_at)
        # Moved on before the question: one that fails each time is not asked for all the time.
        await self._store.change(LookAtSetUp(pending.reference, next_look))
        kept = await self._methods.look(pending)
        if kept is None and is_last:
            await self._store.change(EndSetUp(pending.reference))
