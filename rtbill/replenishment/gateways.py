"""The payment gateways of the site, by name: every question has a deadline and is measured."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from rtbill.domain.errors import OutcomeUnknown, Refused, RtbillError, Unavailable
from rtbill.gateway import PaymentGateway
from rtbill.ports import Clock, Meter

ANSWER_MAX_S = 45.0
"""Sooner than payments.looking.ANSWER_MAX, after which a top-up is looked up all the same."""
LIST_MAX_S = 300.0
"""For what may be many pages: a list, or what happened while nobody listened."""

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


class Gateways:
    """What is asked of providers goes through here."""

    def __init__(
        self,
        gateways: Iterable[PaymentGateway],
        clock: Clock,
        meter: Meter,
        answer_max_s: float = ANSWER_MAX_S,
    ) -> None:
        self._gateways = {gateway.name: gateway for gateway in gateways}
        self._clock = clock
        self._meter = meter
        self._answer_max_s = answer_max_s

    def __iter__(self) -> Iterator[PaymentGateway]:
        return iter(self._gateways.values())

    def __bool__(self) -> bool:
        return bool(self._gateways)

    def named(self, name: str) -> PaymentGateway:
        """The gateway of this name; Refused names those that there are."""
        try:
            return self._gateways[name]
        except KeyError:
            known = ", ".join(self._gateways) or "none"
            raise Refused(f"there is no payment gateway {name!r}; configured: {known}") from None

    async def ask(
        self,
        name: str,
        what: str,
        question: Callable[[PaymentGateway], Awaitable[_T]],
        answer_max_s: float | None = None,
    ) -> _T:
        """What the gateway answers, within the deadline of all, or its own. Unavailable: it surely
        heard nothing. OutcomeUnknown: it may have, also where it failed in a way that nobody
        foresaw. Refused: it will not do it.
        """
        gateway = self._gateways.get(name)
        if gateway is None:
            raise Unavailable(f"payment gateway {name!r} is not configured any more")
        began_s, result = self._clock.monotonic(), "failed"
        longest_s = self._answer_max_s if answer_max_s is None else answer_max_s
        try:
            async with asyncio.timeout(longest_s):
                answer = await question(gateway)
            result = "answered"
        except TimeoutError as late:
            text = f"{name} did not answer within {longest_s:g} s"
            raise OutcomeUnknown(text) from late
        except RtbillError as error:
            result = _WORDS.get(type(error), "failed")
            raise
        except Exception as error:
            # A mistake in a gateway must not leave a payment in a state that nobody looks at.
            _logger.exception("a payment gateway failed", extra={"gateway": name, "asked": what})
            raise OutcomeUnknown(f"{name} failed: {type(error).__name__}") from error
        finally:
            seconds = self._clock.monotonic() - began_s
            self._meter.observe("rtbill_gateway_seconds", seconds, gateway=name, asked=what)
            self._meter.count("rtbill_gateway_asked_total", gateway=name, asked=what, result=result)
        return answer

    async def close(self) -> None:
        """Let go of every connection."""
        for gateway in self._gateways.values():
            await gateway.close()


_WORDS = {Unavailable: "unavailable", OutcomeUnknown: "unknown", Refused: "refused"}
