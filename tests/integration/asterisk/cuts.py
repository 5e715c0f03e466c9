"""Many prepaid calls at once on a real exchange, each until its money is gone.

For each: what it costs is at most what there was, it was not cut before the last second that was
paid, less the guard, and the books say the same.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.asterisk.prepaid import (
    EARLY_S,
    GUARD_S,
    RATES,
    TARIFF,
    Prepaid,
    Rate,
    beside,
    talks,
    until,
)
from tests.integration.asterisk.server import EXTENSIONS
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.sip_call import Call

AT_ONCE_MAX = len(EXTENSIONS)
CENT = 10_000
BETWEEN_S = 0.1
"""All of them talk at once, but no site dials forty numbers in one millisecond."""
TALK_S_MIN, TALK_S_MAX = 5, 12
ENDED_TIMEOUT_S = TALK_S_MAX + 20.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that is to be made with all that its account has."""

    extension: str
    rate: Rate
    balance: int

    @property
    def number(self) -> str:
        """With its country code."""
        return f"{self.rate.prefix}30555{self.extension}"

    @property
    def affordable_s(self) -> int:
        """By hand."""
        return self.rate.affordable_s(self.balance)


@dataclass(frozen=True, slots=True)
class Cut:
    """A call that was cut."""

    planned: Planned
    talk_s: float
    """Of the trunk leg, by Asterisk's clock."""
    guard_s: float

    @property
    def late_s(self) -> float:
        """After the instant for which it was ordered."""
        return self.talk_s - (self.planned.affordable_s - self.guard_s)

    @property
    def overspent(self) -> int:
        """Beyond what the account had, in millionths."""
        return max(0, self.planned.rate.price(self.talk_s) - self.planned.balance)


def plan(calls: int, seed: int) -> list[Planned]:
    """Calls with different rates and balances that pay 5 to 12 s."""
    assert calls <= AT_ONCE_MAX
    chance = random.Random(seed)
    planned: list[Planned] = []
    for extension in EXTENSIONS[:calls]:
        rate = chance.choice(RATES)
        paid = [
            cents * CENT
            for cents in range(1, 100)
            if TALK_S_MIN <= rate.affordable_s(cents * CENT) <= TALK_S_MAX
        ]
        planned.append(Planned(extension, rate, chance.choice(paid)))
    return planned


async def cut(
    lab: Lab, folder: Path, calls: int, seed: int, *, inline: bool, guard_s: float = GUARD_S
) -> list[Cut]:
    """Make so many calls at once, wait until all are cut, and check each."""
    planned = plan(calls, seed)
    prepared = Biller(folder, 1)
    rooms = [Room(each.extension, f"{each.balance / 1e6:.2f}") for each in planned]
    prepared.prepare(rooms, TARIFF)
    made = folder / "prepared.sqlite"
    prepared.database.rename(made)
    async with beside(lab, folder, made, inline=inline, guard_s=guard_s, is_direct=True) as site:
        found = await _cut_all(site, planned, guard_s)
        await _check_books(site, found)
    for each in found:
        check(each)
    return found


async def _cut_all(site: Prepaid, planned: list[Planned], guard_s: float) -> list[Cut]:
    phones = site.lab.phones
    calls: list[Call] = []
    for each in planned:
        calls.append(phones.call(each.extension, f"900{each.number}"))
        await asyncio.sleep(BETWEEN_S)
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call.ended(ENDED_TIMEOUT_S), name=f"call of {call.me}")
    refused = [call.me for call in calls if State.UP not in call.reached]
    assert not refused, f"never answered: {refused}"
    # One look at the end: so many waits for events at once would each read all of them.
    legs = {leg["DialString"].partition("@")[0]: leg["DestUniqueid"] for leg in site.lab.trunk_legs}
    wanted = {each.extension: legs[f"00{each.number}"] for each in planned}
    await until(lambda: set(wanted.values()) <= talks(site.lab).keys(), "a trunk leg goes on")
    talked = talks(site.lab)
    return [Cut(each, talked[wanted[each.extension]], guard_s) for each in planned]


async def _check_books(site: Prepaid, cuts: list[Cut]) -> None:
    def booked() -> dict[object, tuple[object, ...]]:
        rows = site.biller.query("SELECT number, status, price_micros, account FROM call")
        return {row[0]: row[1:] for row in rows}

    await until(lambda: len(booked()) == len(cuts), "not all calls are in the books")
    await site.nothing_is_held()
    for each in cuts:
        planned = each.planned
        price = planned.rate.price(each.talk_s)
        row = booked()[f"+{planned.number}"]
        assert row == ("rated", price, f"room-{planned.extension}"), (each, row)
        assert site.balance(planned.extension) == planned.balance - price, each


def check(found: Cut) -> None:
    """Nothing is overspent, and no second was withheld."""
    assert found.overspent == 0, found
    assert found.late_s >= -EARLY_S, found


def figures(cuts: list[Cut]) -> dict[str, float]:
    """How late they came, in milliseconds."""
    late = sorted(round(each.late_s * 1000, 1) for each in cuts)
    return {
        "calls": len(cuts),
        "overspent": sum(each.overspent > 0 for each in cuts),
        "late_ms_min": late[0],
        "late_ms_p50": late[len(late) // 2],
        "late_ms_p99": late[min(len(late) - 1, len(late) * 99 // 100)],
        "late_ms_max": late[-1],
    }
