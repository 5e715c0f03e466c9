"""Calls on a simulated exchange, remembered outside the process that is being killed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from simulator.ami_server import AmiServer
from simulator.calls import CallState, SimulatedCall

NUMBERS = ("0301234567", "00441632960000", "01701234567")


@dataclass(slots=True)
class Truth:
    """What really happened to one trunk leg."""

    leg: str
    payer: str
    number: str
    answered_us: int
    ended_us: int | None = None


class Traffic:
    """Places calls at a rate until told to stop; knows every answered leg."""

    def __init__(self, server: AmiServer, extensions: list[str], seed: int) -> None:
        self._server = server
        self._extensions = extensions
        self._random = random.Random(seed)
        self.truths: dict[str, Truth] = {}
        self.refused = 0
        self._is_on = True

    async def run(self, calls_per_s: float) -> None:
        """Place calls until `stop`; returns when the last one is over."""
        async with asyncio.TaskGroup() as group:
            while self._is_on:
                group.create_task(self._one(), name="call")
                await asyncio.sleep(self._random.expovariate(calls_per_s))

    def stop(self) -> None:
        """No new calls."""
        self._is_on = False

    async def _one(self) -> None:
        server = self._server
        extension = self._random.choice(self._extensions)
        number = self._random.choice(NUMBERS)
        call = await self._dial(extension, number)
        if call.state is CallState.REFUSED:
            self.refused += 1
            return
        await asyncio.sleep(self._random.uniform(0.0, 0.2))
        if call.is_over:
            return  # the biller hung up a call that nothing can pay
        if self._random.random() < 0.15:
            server.fail(call, self._random.choice(["busy", "noanswer", "cancel"]))
            return
        self._answer(call)
        leg = call.b
        assert leg is not None
        assert call.answered_us is not None
        truth = Truth(leg.uniqueid, extension, number, call.answered_us)
        self.truths[leg.uniqueid] = truth
        await self._talk(call, self._talk_s())
        # A timer or the biller may have ended it before; the exchange's own row says when.
        truth.ended_us = int(server.clock.now_us())

    async def _dial(self, extension: str, number: str) -> SimulatedCall:
        """The call as the exchange let it out, or refused it."""
        return self._server.start_call(extension, number)

    def _answer(self, call: SimulatedCall) -> None:
        self._server.answer(call)

    def _talk_s(self) -> float:
        return self._random.uniform(0.02, 1.5)

    async def _talk(self, call: SimulatedCall, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline and not call.is_over:  # noqa: ASYNC110 - the exchange tells nobody
            await asyncio.sleep(0.01)
        if not call.is_over:
            self._server.hang_up(call)
