"""Of many calls that ask at once with money for one, one is allowed, in any order (CC-14)."""

from __future__ import annotations

import asyncio
import os
import random
from functools import partial

from balance import holds
from rtbill.credit.authorisation import Answer, Authoriser, CallKind, Permission, Question
from rtbill.domain.hold import HoldStep
from rtbill.domain.work import Holding
from tests.fakes.builders import PBX, SWITZERLAND, a_membership, a_rate, a_tariff, at
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

INTERLEAVINGS = int(os.environ.get("RTBILL_INTERLEAVINGS", "2000"))
EXTENSIONS = [str(1001 + number) for number in range(6)]
MINUTE = a_tariff(a_rate("60/60", "0.60"))


def authoriser(office: Office) -> Authoriser:
    reserve = office.billing.holdings.reserving.reserve
    return Authoriser(
        control=office.control,
        desk_locks=office.enforcement.desk_locks,
        alarms=office.alarms,
        chronicle=office.billing.chronicle,
        clock=office.clock,
        would_refuse=lambda _question, _refusal: None,
        reserve=lambda asked, grant, at_: reserve(
            grant.account, asked.pbx, asked.channel, grant.called, at_
        ),
    )


async def ask(decides: Authoriser, extension: str, chance: random.Random) -> list[Answer]:
    """One channel asks once, or again for another trunk, whenever its turn comes."""
    answers = []
    for _ in range(chance.choice((1, 1, 2))):
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        question = Question(
            pbx=PBX,
            channel=f"17.{extension}",
            payer=extension,
            number=SWITZERLAND,
            kind=CallKind.DIRECT,
        )
        answers.append(await decides.decide(question))
    return answers


async def commit_some(office: Office, chance: random.Random) -> None:
    """The store writes now and then, a part of what waits."""
    while True:
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        office.store.commit(chance.randrange(4))
        await asyncio.sleep(0)


async def asked_at_once(office: Office, decides: Authoriser, seed: int) -> list[str]:
    """Extensions that were allowed; all of them get the same answer again."""
    chance = random.Random(seed)
    who = chance.sample(EXTENSIONS, chance.randint(2, len(EXTENSIONS)))
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(commit_some(office, chance))
        asking = {each: group.create_task(ask(decides, each, chance)) for each in who}
        await asyncio.wait(asking.values())
        writing.cancel()
    allowed = []
    for extension, task in asking.items():
        kinds = {type(answer) for answer in task.result()}
        assert len(kinds) == 1, f"{extension} was told {task.result()}"
        if kinds == {Permission}:
            allowed.append(extension)
    return allowed


async def release_all(office: Office) -> None:
    """Nothing is held any more."""
    for hold in office.directory.state("room-1").holds:
        decide = partial(holds.resolve, key=hold.key, step=HoldStep.RELEASE, at=at("12:00:00"))
        office.billing.committed(await office.store.hold(Holding("room-1", decide)))


async def test_of_calls_that_ask_at_once_with_money_for_one_exactly_one_is_allowed() -> None:
    memberships = [a_membership(number=extension) for extension in EXTENSIONS]
    first: set[str] = set()
    async with an_office("0.60", tariff=MINUTE, memberships=memberships) as office:
        decides = authoriser(office)
        for seed in range(INTERLEAVINGS):
            office.store.is_stuck = True
            allowed = await asked_at_once(office, decides, seed)
            office.store.is_stuck = False
            office.store.commit()
            await settle()
            assert len(allowed) == 1, f"seed {seed}: {allowed} were allowed"
            assert office.directory.state("room-1").held_micros == 600_000
            first.update(allowed)
            await release_all(office)
    assert first == set(EXTENSIONS), "any of them may come first"
