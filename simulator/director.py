"""Plays a scenario on an exchange: the people who dial, answer, transfer and hang up."""

from __future__ import annotations

import asyncio
import itertools

from simulator.ami_server import AmiServer
from simulator.calls import CallState, SimulatedCall
from simulator.clock import US
from simulator.scenario import PlannedCall, PlannedFault, Scenario, Transfer
from simulator.transfers import attended_transfer, blind_transfer

SETUP_S = 0.3
"""From dialling until the far end rings, as in the captures."""
VOICEMAIL_MAX_S = 8.0
CONSULTATION_S = 2.0


class Director:
    """Carries out what a scenario plans, on the server's clock."""

    def __init__(self, server: AmiServer, scenario: Scenario, seed: int) -> None:
        self._server, self._scenario, self._seed = server, scenario, seed
        self._exchange, self._clock = server.exchange, server.clock

    async def play(self) -> None:
        """All rounds.

        Returns when the last call is over, or never if the scenario repeats for ever.
        """
        start_us = self._clock.now_us()
        length_us = round(self._scenario.length_s * US)
        rounds = self._scenario.rounds
        async with asyncio.TaskGroup() as calls:
            for number in range(rounds) if rounds else itertools.count():
                round_us = start_us + number * length_us
                for planned in self._scenario.round(number, self._seed):
                    await self._clock.sleep_until_us(round_us + round(planned.at_s * US))
                    if isinstance(planned, PlannedCall):
                        calls.create_task(self._play_call(planned))
                    else:
                        calls.create_task(self._break(planned))
                await self._clock.sleep_until_us(round_us + length_us)

    async def _break(self, fault: PlannedFault) -> None:
        match fault.kind:
            case "cut":
                self._server.drop_connections()
            case "half_open":
                self._server.stop_answering()
            case "restart":
                await self._server.restart(fault.downtime_s)
            case "garbage":
                self._server.send_garbage()
            case kind:
                raise AssertionError(f"fault {kind} has no script")

    async def _play_call(self, planned: PlannedCall) -> None:
        script = planned.script
        if script.is_incoming:
            call = self._exchange.receive_call(script.caller, script.called, trunk=script.trunk)
        else:
            call = self._exchange.start_call(script.caller, script.called, trunk=script.trunk)
        await self._until_answered(call, planned.ring_s, script.ends)
        talk_s = planned.talk_s
        if script.transfer is not None and call.state is CallState.TALKING:
            talk_s -= await self._transfer(call, script.transfer)
        if call.state is CallState.VOICEMAIL:
            talk_s = min(talk_s, VOICEMAIL_MAX_S)
        await self._pass(max(0.0, talk_s))
        if not call.is_over:
            self._exchange.hang_up(call, "callee" if script.ends == "callee" else "caller")

    async def _until_answered(self, call: SimulatedCall, ring_s: float, ends: str) -> None:
        """Let it ring and be answered, or fail. A call may end at any moment for another reason."""
        await self._pass(SETUP_S)
        if call.state is not CallState.DIALLING:
            return
        self._exchange.ring(call)
        await self._pass(ring_s)
        if call.is_over:
            return
        if ends in ("caller", "callee"):
            self._exchange.answer(call)
        else:
            self._exchange.fail(call, ends)

    async def _transfer(self, call: SimulatedCall, transfer: Transfer) -> float:
        """Carry a transfer out; gives back the seconds of talk it took."""
        begun_us = self._clock.now_us()
        await self._pass(transfer.after_s)
        if call.state is not CallState.TALKING:
            return transfer.after_s
        if transfer.kind == "blind":
            blind_transfer(self._exchange, call, transfer.to)
            await self._until_answered(call, 1.0, "caller")
        else:
            await self._consult(call, transfer.to)
        return (self._clock.now_us() - begun_us) / US

    async def _consult(self, call: SimulatedCall, target: str) -> None:
        assert call.b is not None
        phone = call.a.extension or call.b.extension
        assert phone is not None
        second = self._exchange.start_call(phone, target)
        await self._until_answered(second, 1.0, "caller")
        await self._pass(CONSULTATION_S)
        if call.state is CallState.TALKING and second.state is CallState.TALKING:
            attended_transfer(self._exchange, call, second)
        elif not second.is_over:
            self._exchange.hang_up(second)

    async def _pass(self, seconds: float) -> None:
        await self._clock.sleep_until_us(self._clock.now_us() + round(seconds * US))
