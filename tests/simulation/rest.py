"""When nobody calls any more and nothing breaks, all must come to rest, and stay there.

I11 and I13: no order is under way, every alarm has cleared that waits for no person, no money is
held, and the exchange holds what the biller wants.
"""

from __future__ import annotations

import asyncio

from tests.simulation.plan import PBX
from tests.simulation.world import World

REST_WITHIN_S = 420.0
"""Longer than the slowest repair: ten enforcement rounds before the locks are read anew."""
FREE_NUMBER = "116123"
QUIET_S = 130.0
"""Long enough for two periodic snapshots."""
REPAIR_S = 35.0
"""A half-open link is noticed by then."""
MAY_STAY = frozenset({"clock", "guard", "house", "suspense", "unrated", "unconfirmed"})
"""Alarms that wait for a person; all others clear by themselves."""


async def come_to_rest(world: World) -> None:
    """Wait until all is as it must be, and see that it stays so; noted in the world if not."""
    deadline = world.loop.time() + REST_WITHIN_S
    while found := unrest(world):
        if any("alarm inline" in each for each in found):
            await world.exchange.ask_about(FREE_NUMBER)  # the next question clears it
        if world.loop.time() > deadline:
            world.violations += [f"never at rest: {each}" for each in found]
            return
        await asyncio.sleep(5.0)
    await asyncio.sleep(2.0)  # a repair that came to rest is still being read back
    seen = len(world.server.actions)
    told = len(world.notices.told)
    await asyncio.sleep(QUIET_S)
    for _ in range(20):  # a regular note may be on its way to the disk
        if not unrest(world):
            break
        await asyncio.sleep(0.37)
    world.violations += [f"no longer at rest: {each}" for each in unrest(world)]
    idle = {"ping", "dbput alive", "dbgettree", "status"}
    for action in list(world.server.actions)[seen:]:
        name = action["action"].lower()
        name += " alive" if action.get("key") == "alive" else ""
        if name not in idle:
            world.violations.append(f"at rest the biller sent {dict(action)}")
    late = [line for line in world.notices.told[told + 5 :] if "alarm" in line]
    world.violations += [f"at rest the biller told {line}" for line in late]


def unrest(world: World) -> list[str]:
    """What keeps the run from being at rest."""
    found = []
    if world.loop.time() < world.faulted_at + REPAIR_S:
        found.append("the last fault is too recent")
    if not world.biller.is_connected:
        found.append("the biller is not connected")
    if world.biller.store.queued:
        found.append(f"{world.biller.store.queued} facts are not durable")
    locked, diverted = world.locked()
    wanted = {"done": set[str](), "live": set[str](), "lock": locked, "divert": diverted}
    found += [
        f"the exchange's {family} rows are {sorted(world.rows(family))}, wanted {sorted(rows)}"
        for family, rows in wanted.items()
        if world.rows(family) != rows
    ]
    found += _rows_differing(world)
    names = sorted(task.get_name() for task in asyncio.all_tasks())
    found += [f"an order is under way: {name}" for name in names if name.startswith("limit ")]
    found += [
        f"alarm {alarm.kind} {alarm.subject}: {alarm.text}"
        for alarm in world.biller.alarms.active()
        if alarm.kind not in MAY_STAY
    ]
    found += [
        f"{key} of {account} is held"
        for account, purse in world.witness.purses.items()
        for key in purse.holds
    ]
    if world.biller.line is not None and (count := world.biller.line.tracker.count()):
        found.append(f"the tracker holds {count} legs")
    return found


def _rows_differing(world: World) -> list[str]:
    """Rows for calls without an answer that are not as the biller wants them."""
    if world.biller.unaided is None:
        return ["nothing is pushed"]
    rows = world.unaided_rows()
    wanted = world.biller.unaided.wanted(PBX)
    return [
        f"the exchange's row of {number} is {rows.get(number)}, wanted {wanted.get(number)}"
        for number in sorted(rows.keys() | wanted.keys())
        if rows.get(number) != wanted.get(number)
    ]
