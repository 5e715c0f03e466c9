"""Puts a run together: exchange, disk, first biller, and those who watch them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping

from simulator.ami_server import AmiServer
from tests.fakes.memory_store import MemoryStore
from tests.simulation.biller import Biller, Collector
from tests.simulation.clocks import BillerClock, ExchangeClock
from tests.simulation.dialplan import DecidingExchange
from tests.simulation.losses import WitnessedFaults
from tests.simulation.network import MemoryLoop
from tests.simulation.plan import PBX, Plan
from tests.simulation.store import Disk
from tests.simulation.witness import Witness
from tests.simulation.world import World


class TimedActions(deque[Mapping[str, str]]):
    """What the exchange was told to do; snapshots are noted with their time."""

    def __init__(self, world: World) -> None:
        super().__init__(maxlen=world.server.actions.maxlen)
        self._world = world

    def append(self, action: Mapping[str, str], /) -> None:
        """One more."""
        super().append(action)
        if action.get("action") == "Status":
            self._world.snapshots.append(self._world.loop.time())


def make_world(plan: Plan, loop: MemoryLoop) -> World:
    """The exchange, the disk and the first biller, before anything runs."""
    clock = BillerClock(loop, plan.start)
    exchange_clock = ExchangeClock(clock, plan.exchange_ahead_s)
    exchange = DecidingExchange(
        exchange_clock.now_us,
        loop.time,
        pbx=PBX,
        is_inline=plan.is_inline,
        seed=plan.seed,
        extensions=plan.extensions,
        version=plan.version,
    )
    exchange.timers_late_s, exchange.hasty_chance = plan.timers_late_s, plan.hasty_chance
    violations: list[str] = []
    faults = WitnessedFaults(plan.seed, {})
    server = AmiServer(exchange, exchange_clock, faults=faults)
    disk = Disk(MemoryStore(clock))
    world = World(
        plan=plan,
        loop=loop,
        clock=clock,
        exchange_clock=exchange_clock,
        exchange=exchange,
        server=server,
        disk=disk,
        biller=Biller(plan, disk, clock, 40_000, 1),
        notices=Collector(clock),
        rates=faults.rates,
        witness=Witness(disk.books, loop.time, violations.append),
        violations=violations,
        chance=random.Random(f"late/{plan.seed}"),
    )
    server.actions = TimedActions(world)
    faults.on_lost.append(world.lost)
    disk.on_step = world.witness.look
    disk.on_commit, disk.on_refusal = world.committed, world.refused
    exchange.on_dialled, exchange.on_answered = world.dialled, world.answered
    return world
