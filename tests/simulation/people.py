"""The people who dial, answer, transfer and hang up, at an exchange that may ask first."""

from __future__ import annotations

from simulator.ami_server import AmiServer
from simulator.calls import SimulatedCall
from simulator.director import Director
from simulator.scenario import PlannedCall, Scenario
from tests.simulation.dialplan import DecidingExchange

NOTHING_PLANNED = Scenario(
    extensions={},
    trunks=(),
    outside_prefix="",
    length_s=1.0,
    rounds=1,
    calls=(),
    faults=(),
)


class People(Director):
    """A director of single calls."""

    def __init__(self, server: AmiServer, seed: int) -> None:
        super().__init__(server, NOTHING_PLANNED, seed)

    async def play_call(self, planned: PlannedCall) -> None:
        """One call from beginning to end."""
        await self._play_call(planned)

    async def _until_answered(self, call: SimulatedCall, ring_s: float, ends: str) -> None:
        assert isinstance(self._exchange, DecidingExchange)
        await self._exchange.until_decided(call)
        await super()._until_answered(call, ring_s, ends)
