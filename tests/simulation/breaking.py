"""Carries faults out: of the link, the exchange, the biller, its disk, and of questions."""

from __future__ import annotations

import asyncio

from tests.simulation.biller import Biller
from tests.simulation.plan import NOISE, Happening
from tests.simulation.press import QUESTION_FAULTS
from tests.simulation.world import CLOCK_LEARNT_S, World

NOISE_RATES = {"split": 0.5, "delay": 0.15, "duplicate": 0.3, "lose": 0.3}
SLOWNESS_S = 4.0
COMMIT_WITHIN_S = 30.0
"""A biller with nothing to write is killed all the same after so long."""


async def break_something(world: World, fault: Happening, group: asyncio.TaskGroup) -> None:
    """One fault, from beginning to end."""
    await asyncio.sleep(fault.at_s)
    world.mix[fault.kind] += 1
    world.trouble(fault.length_s if fault.kind != "step" else 150.0)
    match fault.kind:
        case "cut":
            world.server.drop_connections()
        case "half_open":
            world.server.stop_answering()
        case "garbage":
            world.server.send_garbage()
        case "restart":
            await _restart(world, fault)
        case "kill" | "kill_in_commit" | "stop":
            await _new_life(world, fault, group)
        case "hand":
            _change_by_hand(world, fault.extension)
        case _:
            await _bad_time(world, fault)
    world.trouble()


async def _bad_time(world: World, fault: Happening) -> None:
    """The exchange's clock is set; or the disk is full, or messages suffer, for a while."""
    if fault.kind == "step":
        _set_clock(world, fault.length_s)
    elif fault.kind == "disk_full":
        world.disk.is_full = True
        await asyncio.sleep(fault.length_s)
        world.disk.is_full = False
    elif fault.kind == "disk_slow":
        world.disk.slowness_s = SLOWNESS_S
        await asyncio.sleep(fault.length_s)
        world.disk.slowness_s = 0.0
        now_s = world.loop.time()
        world.troubles.add(now_s, now_s + SLOWNESS_S)  # the last step it began may take so long
    elif fault.kind == "deaf":
        world.notices.is_deaf = True
        await asyncio.sleep(fault.length_s)
        world.notices.is_deaf = False
    elif fault.kind in QUESTION_FAULTS:
        world.exchange.faults.add(fault.kind)
        await asyncio.sleep(fault.length_s)
        world.exchange.faults.discard(fault.kind)
    else:
        assert fault.kind in NOISE
        world.rates[fault.kind] = NOISE_RATES[fault.kind]
        await asyncio.sleep(fault.length_s)
        world.rates.pop(fault.kind, None)


def _set_clock(world: World, seconds: float) -> None:
    """Somebody sets the exchange's clock; its timers are by that clock."""
    world.has_stepped = True
    world.exchange_clock.step(seconds)
    now_s = world.loop.time()
    world.steps.append((now_s, seconds))
    world.troubles.add(now_s, now_s + CLOCK_LEARNT_S)
    world.server._timer_us = None
    world.server._set_timer()


async def _next_commit(world: World) -> None:
    """Let the biller die as the next commit is written: it is durable, and nobody learns that."""
    store, on_commit = world.biller.store, world.disk.on_commit
    is_written = asyncio.Event()

    def die() -> None:
        on_commit()
        store.die()
        is_written.set()

    world.disk.on_commit = die
    try:
        async with asyncio.timeout(COMMIT_WITHIN_S):
            await is_written.wait()
    except TimeoutError:
        pass
    finally:
        world.disk.on_commit = on_commit


async def _restart(world: World, fault: Happening) -> None:
    if world.is_exchange_down:
        return
    world.is_exchange_down = True
    await world.server.restart(fault.length_s)
    world.is_exchange_down = False


async def _new_life(world: World, fault: Happening, group: asyncio.TaskGroup) -> None:
    biller = world.biller
    if biller.is_over:
        return
    biller.is_over = True
    if fault.kind == "kill_in_commit":
        await _next_commit(world)
    await (biller.stop() if fault.kind == "stop" else biller.kill())
    await asyncio.sleep(fault.length_s)
    world.lives += 1
    world.births.append(world.loop.time())
    world.biller = Biller(world.plan, world.disk, world.clock, world.server.port, world.lives)
    world.biller.start(group, world.notices)


def _change_by_hand(world: World, extension: str) -> None:
    """Somebody at the exchange's console takes a lock away, or sets one; and opens a row."""
    world.trouble(330.0)  # until the locks are read anew
    world.server.database.put("rtbill/unaided", extension, "open")
    for family in ("lock", "divert"):
        if not world.server.database.delete(f"rtbill/{family}", extension):
            world.server.database.put(f"rtbill/{family}", extension, "1")
