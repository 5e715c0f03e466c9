"""One run: the plan is carried out in virtual time, then everything must come to rest."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from rtbill import consequences
from rtbill.consequences import Policies
from rtbill.domain.account import HOUSE, SUSPENSE, Account, AccountKind, Extension, Membership
from rtbill.domain.changes import AddTariff, Assign, CreateAccount
from rtbill.domain.errors import Conflict, Refused, RtbillError
from rtbill.domain.work import Operation
from simulator.director import Director
from simulator.scenario import PlannedCall, Scenario
from tests.simulation.biller import Biller
from tests.simulation.plan import LENGTH_S, NOISE, PBX, POLICIES, Happening, tariffs
from tests.simulation.world import Move, World

REST_WITHIN_S = 420.0
"""Longer than the slowest repair: ten enforcement rounds before the locks are read anew."""
QUIET_S = 130.0
"""Long enough for two periodic snapshots."""
NOISE_RATES = {"split": 0.5, "delay": 0.15, "duplicate": 0.3, "lose": 0.3}
NOTHING_PLANNED = Scenario(
    extensions={},
    trunks=(),
    outside_prefix="",
    length_s=LENGTH_S,
    rounds=1,
    calls=(),
    faults=(),
)


async def fill_books(world: World) -> None:
    """Tariffs, accounts, opening balances, memberships."""
    books, plan, start = world.disk.books, world.plan, world.plan.start
    for tariff in tariffs():
        await books.change(AddTariff(tariff))
    own = [
        Account(id=name, name=name, kind=AccountKind.POSTPAID, currency="EUR")
        for name in (HOUSE, SUSPENSE)
    ]
    for account in (*own, *plan.accounts):
        await books.change(CreateAccount(account))
    policies = Policies(POLICIES)
    for account_id, micros in plan.openings.items():
        if micros:
            key = f"opening:{account_id}"
            decide = partial(
                consequences.credited,
                micros=micros,
                key=key,
                reason="opening",
                policies=policies,
                at=start,
            )
            books.submit(Operation(account_id, f"credit:{key}", decide)).result()
    since = start.replace(year=2020)
    for number, holder in plan.holders.items():
        held = Extension(PBX, number)
        await books.change(Assign(Membership(account=holder, extension=held, valid_from=since)))
    world.committed()


async def carry_out(world: World) -> None:
    """The whole run, to its rest; violations are noted in the world."""
    await fill_books(world)
    async with world.server, asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(world), name="watch")
        world.biller.start(group, world.notices)
        async with asyncio.TaskGroup() as life:
            for call in world.plan.calls:
                life.create_task(_call(world, call))
            for order in world.plan.orders:
                life.create_task(_order(world, order))
            for fault in world.plan.faults:
                life.create_task(_fault(world, fault, group))
        await _come_to_rest(world)
        watch.cancel()
        await world.biller.stop()
    world.violations += world.exchange.violations


async def _watch(world: World) -> None:
    while True:
        if not world.biller.is_connected or world.disk.is_full or world.rates:
            world.trouble()
        if world.biller.failure is not None:
            world.violations.append(f"the biller fell over: {world.biller.failure!r}")
            world.biller.failure = None
        await asyncio.sleep(1.0)


async def _call(world: World, planned: PlannedCall) -> None:
    await asyncio.sleep(planned.at_s)
    if world.is_exchange_down:
        return
    await Director(world.server, NOTHING_PLANNED, world.plan.seed)._play_call(planned)


async def _order(world: World, order: Happening) -> None:
    """A person at the desk insists until it is done."""
    await asyncio.sleep(order.at_s)
    verb, arguments = _words(order)
    move = Move(order.extension, world.exchange_clock.now_us())
    if order.kind == "move":
        world.moves.append(move)
    while True:
        try:
            await world.biller.order(verb, arguments)
            break
        except (Conflict, Refused):
            move.known_us = world.exchange_clock.now_us()
            return  # two orders crossed: the desk sees what the books say
        except RtbillError:
            await asyncio.sleep(1.7)
    if order.kind == "credit":
        world.credits.append((order.account, order.amount))
    move.known_us = world.exchange_clock.now_us()


def _words(order: Happening) -> tuple[str, dict[str, Any]]:
    """The order as the desk takes it."""
    extension = f"{PBX}/{order.extension}"
    match order.kind:
        case "credit":
            key = f"receipt {order.at_s} {order.account}"
            return "credit", {"account": order.account, "amount": order.amount, "key": key}
        case "lock":
            incoming = "divert" if order.amount < "1" else "ring"
            return "lock", {"extension": extension, "incoming": incoming}
        case "unlock":
            return "unlock", {"extension": extension}
        case kind:
            assert kind == "move"
            return "group.add", {"account": order.account, "extension": extension, "move": True}


async def _fault(world: World, fault: Happening, group: asyncio.TaskGroup) -> None:
    await asyncio.sleep(fault.at_s)
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
        case "kill" | "stop":
            await _new_life(world, fault, group)
        case "hand":
            _change_by_hand(world, fault.extension)
        case _:
            await _bad_time(world, fault)
    world.trouble()


async def _bad_time(world: World, fault: Happening) -> None:
    """The exchange's clock is set; or the disk is full, or messages suffer, for a while."""
    if fault.kind == "step":
        world.has_stepped = True
        world.exchange_clock.step(fault.length_s)
    elif fault.kind == "disk_full":
        world.disk.is_full = True
        await asyncio.sleep(fault.length_s)
        world.disk.is_full = False
    else:
        assert fault.kind in NOISE
        world.rates[fault.kind] = NOISE_RATES[fault.kind]
        await asyncio.sleep(fault.length_s)
        world.rates.pop(fault.kind, None)


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
    await (biller.kill() if fault.kind == "kill" else biller.stop())
    await asyncio.sleep(fault.length_s)
    world.lives += 1
    world.biller = Biller(world.plan, world.disk, world.clock, world.server.port, world.lives)
    world.biller.start(group, world.notices)


def _change_by_hand(world: World, extension: str) -> None:
    """Somebody at the exchange's console takes a lock away, or sets one; and opens a row."""
    world.trouble(330.0)  # until the locks are read anew
    world.server.database.put("rtbill/unaided", extension, "open")
    for family in ("lock", "divert"):
        if not world.server.database.delete(f"rtbill/{family}", extension):
            world.server.database.put(f"rtbill/{family}", extension, "1")


async def _come_to_rest(world: World) -> None:
    deadline = world.loop.time() + REST_WITHIN_S
    while unrest := world.unrest():
        if world.loop.time() > deadline:
            world.violations += [f"never at rest: {each}" for each in unrest]
            return
        await asyncio.sleep(5.0)
    await asyncio.sleep(2.0)  # a repair that came to rest is still being read back
    seen = len(world.server.actions)
    told = len(world.notices.told)
    await asyncio.sleep(QUIET_S)
    for _ in range(20):  # a regular note may be on its way to the disk
        if not world.unrest():
            break
        await asyncio.sleep(0.37)
    world.violations += [f"no longer at rest: {each}" for each in world.unrest()]
    idle = {"ping", "dbput alive", "dbgettree", "status"}
    for action in list(world.server.actions)[seen:]:
        name = action["action"].lower()
        name += " alive" if action.get("key") == "alive" else ""
        if name not in idle:
            world.violations.append(f"at rest the biller sent {dict(action)}")
    late = [line for line in world.notices.told[told + 5 :] if "alarm" in line]
    world.violations += [f"at rest the biller told {line}" for line in late]
