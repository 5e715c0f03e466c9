"""Orders of holders under way: they end even when nobody waits for them any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from rtbill.domain.errors import BadRecord, PortFailed, Refused
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_sessions import Away, Ending, Session
from rtbill.web.pay_template import is_safe_page
from rtbill.web.pay_visit import Stop

WAIT_S = 12.0
"""Then the browser is told that it takes longer, and asks again."""
UNDER_WAY_MAX = 200

Ended = Callable[[dict[str, Any]], Ending | Away]

_logger = logging.getLogger(__name__)


class PayOrders:
    """Carries out one order of a session at a time."""

    def __init__(self, office: PayOffice, work: asyncio.TaskGroup, wait_s: float = WAIT_S) -> None:
        self._office = office
        self._work = work
        self._wait_s = wait_s
        self._under_way = 0

    async def ask(self, verb: str, **arguments: object) -> dict[str, Any]:
        """An answer without which there is no page; Stop when there is none."""
        try:
            return await self._office.order(verb, arguments)
        except PortFailed as error:
            _logger.warning("a pay page cannot be made", extra={"order": verb, "why": str(error)})
            raise Stop(503, "unavailable") from error

    async def carry_out(
        self, session: Session, verb: str, arguments: Mapping[str, Any], ended: Ended
    ) -> None:
        """Have it done; the session holds what came of it, now or later."""
        if session.is_busy:
            return
        if self._under_way >= UNDER_WAY_MAX:
            raise Stop(503, "unavailable")
        session.is_busy, session.ending, session.away = True, None, None
        self._under_way += 1
        task = self._work.create_task(
            self._one(session, verb, arguments, ended), name=f"{verb} of a pay page"
        )
        await asyncio.wait([task], timeout=self._wait_s)

    async def _one(
        self, session: Session, verb: str, arguments: Mapping[str, Any], ended: Ended
    ) -> None:
        try:
            came = ended(await self._office.order(verb, arguments))
            if isinstance(came, Away) and not is_safe_page(came.url):
                _logger.error("a provider's page is not over TLS", extra={"order": verb})
                came = Ending(words="unavailable")
            if isinstance(came, Away):
                session.away = came
            else:
                session.ending = came
        except (Refused, BadRecord) as no:
            why = {"order": verb, "account": session.account, "why": str(no)}
            _logger.info("a holder's order was refused", extra=why)
            session.ending = Ending(words="refused")
        except PortFailed as error:
            why = {"order": verb, "account": session.account, "why": str(error)}
            _logger.warning("a holder's order failed", extra=why)
            session.ending = Ending(words="doubtful")
        except Exception:  # the edge of a task: a mistake of ours must not end the service
            _logger.exception("a holder's order failed", extra={"order": verb})
            session.ending = Ending(words="doubtful")
        finally:
            session.is_busy = False
            self._under_way -= 1
