"""From a seed to what is wrong with its run."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import NamedTuple

from tests.simulation.invariants import violations
from tests.simulation.making import make_world
from tests.simulation.network import MemoryLoop
from tests.simulation.plan import Plan
from tests.simulation.press import draw
from tests.simulation.script import carry_out
from tests.simulation.virtual_loop import Standstill
from tests.simulation.world import World


class Outcome(NamedTuple):
    """What became of a seed."""

    violations: list[str]
    mix: Counter[str]
    """How often each fault happened, and what became of calls."""


def outcome(seed: int, edition: int = 2) -> Outcome:
    """All that is wrong in the run of this seed, and what there was in it."""
    world = run(draw(seed, edition))
    return Outcome(violations(world), world.mix)


def check(seed: int, edition: int = 2) -> list[str]:
    """All that is wrong in the run of this seed, one sentence each."""
    return outcome(seed, edition).violations


def run(plan: Plan) -> World:
    """Carry one plan out, on a loop of its own."""
    random.seed(plan.seed)  # the outbox draws its pauses from there
    loop = MemoryLoop(plan.seed)
    # A killed biller leaves futures behind that nobody will look at.
    loop.set_exception_handler(lambda _loop, _context: None)
    world = make_world(plan, loop)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(loop.create_task(carry_out(world)))
    except Standstill as still:
        waiting = sorted(task.get_name() for task in asyncio.all_tasks(loop))
        world.violations.append(f"{still}; waiting are {', '.join(waiting)}")
    except Exception as broken:  # noqa: BLE001 - any end but a good one is a finding
        world.violations.append(f"the run broke: {broken!r}")
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return world
