"""An exchange that asks before it dials outside, and people who call through it."""

from __future__ import annotations

from collections.abc import Callable

from simulator.ami_server import AmiServer
from simulator.asking import AskSettings, answer_to, question
from simulator.calls import CallKind, SimulatedCall
from simulator.exchange import Exchange
from tests.integration.biller.process import TOKEN
from tests.integration.biller.traffic import Traffic

LONG_TALKS = 0.15
"""The share of calls that talk for longer than their first slice."""


class AskingExchange(Exchange):
    """Its dialplan waits at outside calls until it is told to go on or to refuse."""

    def __init__(self, now_us: Callable[[], int], extensions: list[str]) -> None:
        super().__init__(now_us, extensions=extensions)
        self._waiting: dict[int, Callable[[], None]] = {}

    def route(
        self, call: SimulatedCall, kind: CallKind, called: str, trunk: str | None, payer: str
    ) -> None:
        """Outside calls wait; whatever else goes on."""

        def go_on() -> None:
            super(AskingExchange, self).route(call, kind, called, trunk, payer)

        if kind is CallKind.OUT:
            self._waiting[call.ident] = go_on
        else:
            go_on()

    def go_on(self, call: SimulatedCall) -> None:
        """It was allowed: a lock still refuses it."""
        self._waiting.pop(call.ident)()

    def refuse(self, call: SimulatedCall) -> None:
        """It was refused, or nothing was heard."""
        del self._waiting[call.ident]
        self._refuse(call, cause=21, tech_cause=403)


class AskingTraffic(Traffic):
    """Calls that are dialled only when they are allowed, with the exchange's own timer set from the
    answer on.
    """

    def __init__(
        self,
        server: AmiServer,
        exchange: AskingExchange,
        inline_port: int,
        extensions: list[str],
        seed: int,
    ) -> None:
        super().__init__(server, extensions, seed)
        self._exchange = exchange
        self._asking = AskSettings(port=inline_port, pbx="hall", token=TOKEN)
        self._limits_s: dict[int, int] = {}
        self.allowed = self.unheard = 0

    async def _dial(self, extension: str, number: str) -> SimulatedCall:
        call = await super()._dial(extension, number)
        asked = question(self._asking, call.a.uniqueid, extension, number)
        answer = await answer_to(asked, self._asking.port)
        self.unheard += not answer
        if not answer.startswith("allow,"):
            self._exchange.refuse(call)
            return call
        self.allowed += 1
        self._limits_s[call.ident] = int(answer.removeprefix("allow,").rstrip("."))
        self._exchange.go_on(call)
        return call

    def _answer(self, call: SimulatedCall) -> None:
        super()._answer(call)
        assert call.b is not None
        self._exchange.set_timeout(call.b, self._limits_s.pop(call.ident))

    def _talk_s(self) -> float:
        is_long = self._random.random() < LONG_TALKS
        return self._random.uniform(5.0, 9.0) if is_long else self._random.uniform(0.02, 1.5)
