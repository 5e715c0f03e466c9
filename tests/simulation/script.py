"""One run: the plan is carried out in virtual time, then everything must come to rest."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from balance import ledger
from rtbill import consequences
from rtbill.consequences import Policies
from rtbill.domain.account import HOUSE, SUSPENSE, Account, AccountKind, Extension, Membership
from rtbill.domain.changes import AddTariff, Assign, CreateAccount
from rtbill.domain.errors import Conflict, Refused, RtbillError
from rtbill.domain.hold import Hold
from rtbill.domain.work import Operation
from simulator.scenario import PlannedCall
from tests.simulation.breaking import break_something
from tests.simulation.holding import check_timer
from tests.simulation.people import People
from tests.simulation.plan import PBX, POLICIES, Happening
from tests.simulation.prices import tariffs
from tests.simulation.rest import come_to_rest
from tests.simulation.steady import check_steady
from tests.simulation.world import LOOK_S, Move, World


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
            move = partial(ledger.credit, micros=micros, key=key, at=start, reason="opening")
            decide = partial(consequences.moved_at_desk, move=move, policies=policies, at=start)
            books.submit(Operation(account_id, f"credit:{key}", decide)).result()
    since = start.replace(year=2020)
    for number, holder in plan.holders.items():
        held = Extension(PBX, number)
        await books.change(Assign(Membership(account=holder, extension=held, valid_from=since)))
    world.witness.look()
    world.committed()


async def carry_out(world: World) -> None:
    """The whole run, to its rest; violations are noted in the world."""
    await fill_books(world)
    async with world.server, asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(world), name="watch")
        world.exchange.tasks = group
        world.exchange.on_timer = partial(check_timer, world)
        world.biller.start(group, world.notices)
        async with asyncio.TaskGroup() as life:
            world.witness.on_final = partial(_pay_late, world, life)
            for call in world.plan.calls:
                life.create_task(_call(world, call))
            for order in world.plan.orders:
                life.create_task(_order(world, order))
            for fault in world.plan.faults:
                life.create_task(break_something(world, fault, group))
        world.is_over = True
        await come_to_rest(world)
        watch.cancel()
        await world.biller.stop()
    world.violations += world.exchange.violations


async def _watch(world: World) -> None:
    """Four times a second; what takes longer to look at, once."""
    looks = 0
    while True:
        world.look()
        looks += 1
        if looks % 4 == 0:
            if not world.biller.is_connected or world.disk.is_full or world.rates:
                world.trouble()
            world.violations += check_steady(world)
        if world.biller.failure is not None:
            world.violations.append(f"the biller fell over: {world.biller.failure!r}")
            world.biller.failure = None
        await asyncio.sleep(LOOK_S)


async def _call(world: World, planned: PlannedCall) -> None:
    await asyncio.sleep(planned.at_s)
    if not world.is_exchange_down:
        world.mix["calls"] += 1
        await People(world.server, world.plan.seed).play_call(planned)


def _pay_late(world: World, life: asyncio.TaskGroup, hold: Hold) -> None:
    """The account of a call that has got its last slice is often paid before that is over."""
    chance = world.chance
    if chance.random() >= world.plan.late_credit_chance or world.is_over:
        return
    at_s = round(world.loop.time() + chance.uniform(0, 1.2 * max(1, hold.granted_s)), 3)
    amount = chance.choice(["0.02", "0.10", "0.35", "1.00"])
    late = Happening(at_s, "credit", account=hold.account, amount=amount)
    world.mix["late payments"] += 1
    life.create_task(_order(world, late), name="late payment")


async def _order(world: World, order: Happening) -> None:
    """A person at the desk insists until it is done."""
    await asyncio.sleep(order.at_s - world.loop.time())
    world.receipts += 1
    verb, arguments = _words(order, world.receipts)
    move = Move(order.extension, world.exchange_clock.now_us(), world.loop.time())
    if order.kind == "move":
        world.moves.append(move)
    while True:
        try:
            await world.biller.order(verb, arguments)
            break
        except (Conflict, Refused) as refused:
            if order.kind == "credit":
                world.violations.append(f"I5: {order.account} was not paid: {refused}")
            move.known_us, move.known_s = world.exchange_clock.now_us(), world.loop.time()
            return  # two orders crossed: the desk sees what the books say
        except RtbillError:
            await asyncio.sleep(1.7)
    if order.kind == "credit":
        world.credits.append((order.account, order.amount))
    move.known_us, move.known_s = world.exchange_clock.now_us(), world.loop.time()


def _words(order: Happening, receipt: int) -> tuple[str, dict[str, Any]]:
    """The order as the desk takes it; `receipt` is this order's alone, also where two pay the same
    account at the same instant.
    """
    extension = f"{PBX}/{order.extension}"
    match order.kind:
        case "credit":
            key = f"receipt {receipt}"
            return "credit", {"account": order.account, "amount": order.amount, "key": key}
        case "lock":
            incoming = "divert" if order.amount < "1" else "ring"
            return "lock", {"extension": extension, "incoming": incoming}
        case "unlock":
            return "unlock", {"extension": extension}
        case kind:
            assert kind == "move"
            return "group.add", {"account": order.account, "extension": extension, "move": True}
