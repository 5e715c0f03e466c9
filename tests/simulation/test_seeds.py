"""The whole biller on a hundred seeds, and that the simulation sees what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import planted
from tests.simulation.invariants import dump
from tests.simulation.press import FAULTS, draw
from tests.simulation.run import check, run

FOUND_BEFORE_HOLDS = (4, 288, 959, 1486, 1636, 5420, 30_935, 32_557)
"""Seeds of the first edition that once failed: the biller could not be stopped while the link broke
(4); a running call was limited by an account that no longer paid for it (959, 1486, 1636); a call
refused while it was dialled was hung up although another account had taken it over at the answer
(5420); an alarm of a failed sign-in outlived it (30935); a guessed answer made two calls of one
(32557); a call was told to have gone beyond its limit by our clock that had not by the exchange's
(288).
"""
FOUND = (
    40,
    45,
    87,
    109,
    254,
    355,
    429,
    492,
    510,
    527,
    587,
    816,
    998,
    2517,
    4068,
    20_115,
    20_480,
    20_694,
    51_265,
    51_276,
    51_462,
    52_341,
    53_366,
    61_477,
    62_189,
    64_983,
    67_065,
    68_404,
    69_745,
    70_598,
)
"""Seeds that failed since. A call asked for before a price break and answered after it held the old
price (40); what was held for a call moved while it rang stayed held (45); an alarm outlived its
call (87); after a restart renewals were reckoned before the exchange's clock was known (109); a
call whose beginning was not heard was held for twice (254), as was one whose question was answered
too late (816, 998); a payment while a call rang was used at the last look only (355); after a slow
sign-in timers ran beyond what was held (429, 587); a snapshot that waited for a full store was
taken for one of now (492); an answer during a first snapshot was lost (510); a call was never told
its limit, because its answer waited for a full store (527); a call was ended for a step that had
failed although another one held for it (2517); two legs linked to one channel took the hold from
each other without end (4068); a renewal that fell due just then was never made (20115); what was
asked for on another account, or was not durable yet, was not found at the answer (20480, 20694);
what had been asked for on another account was not given back when the store was full, or had not
written it yet (51265, 52341), or while the new account held for the call as well (70598): the
question was charged by our clock, the call by that of its exchange; a call was held for whose
beginning was heard after its end (69745); after a restart of the exchange an order about a call of
before met one with its channel name (68404); a step that failed at the answer was not tried again,
so a call went on with a hold at the price of its dialling (64983, 67065); a timer that was
confirmed late was set again for more than was held by then (53366, 61477). Two payments of one sum
at one instant bore one receipt, and were taken for one (62189): that was the simulation's desk.
"""
SEEDS = range(10_001, 10_101)
KINDS_MIN = 14
FINDS = {
    "answer-before-commit": 6,
    "closed-on-loss": 1,
    "double-posting": 53,
    "early-acknowledgement": 86,
    "early-release": 1,
    "half-of-the-price": 1,
    "held-for-each-question": 70,
    "hold-after-command": 3,
    "late-release": 1,
    "limit-forgotten": 3,
    "lock-not-repaired": 1,
    "no-guard": 1,
    "no-retry-in-the-final-slice": 7,
    "observer-interferes": 2,
    "outbox-not-acknowledged": 1,
    "row-too-generous": 3,
    "snapshot-ignored": 15,
    "unlocked-by-paying": 5,
    "whole-balance-to-each": 1,
}
"""The first seed that finds each planted fault; `make soak` searches anew, within 200 seeds."""

pytestmark = pytest.mark.simulation


@pytest.mark.parametrize("first", range(SEEDS.start, SEEDS.stop, 10))
def test_no_seed_breaks_a_rule(first: int) -> None:
    failed = {seed: found for seed in range(first, first + 10) if (found := check(seed))}
    assert not failed, "\n".join(f"seed {seed}: {found}" for seed, found in failed.items())


@pytest.mark.parametrize("seed", FOUND_BEFORE_HOLDS)
def test_what_was_found_before_there_were_holds_stays_away(seed: int) -> None:
    assert check(seed, edition=1) == []


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_stays_away(seed: int) -> None:
    assert check(seed) == []


@pytest.mark.parametrize("name", sorted(planted.FAULTS))
def test_a_planted_fault_is_found(name: str) -> None:
    seed = FINDS[name]
    assert check(seed) == [], "the seed is good as long as nothing is planted"
    with planted.FAULTS[name]():
        assert check(seed)


@pytest.mark.parametrize("seed", [7, 8])
def test_one_seed_gives_the_same_books_and_words_in_any_process(seed: int) -> None:
    program = (
        "import sys; from tests.simulation.invariants import dump;"
        "from tests.simulation.press import draw; from tests.simulation.run import run;"
        f"sys.stdout.write(dump(run(draw({seed}))))"
    )
    dumps = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert len(dumps[0]) > 10_000
    assert dumps[0] == dumps[1]
    assert dump(run(draw(seed))).encode() == dumps[0]


def test_runs_cross_the_clock_change_ask_and_meet_every_fault() -> None:
    plans = [draw(seed) for seed in SEEDS]
    kinds = {fault.kind for plan in plans for fault in plan.faults}
    assert kinds == set(FAULTS)
    assert len(kinds) >= KINDS_MIN
    assert all(len(plan.calls) >= 20 and len(plan.faults) >= 3 for plan in plans)
    assert sum(plan.is_inline for plan in plans) == len(plans) // 2
