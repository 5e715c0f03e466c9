"""The whole biller on a hundred seeds, and that the simulation sees what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import planted
from tests.simulation.invariants import dump
from tests.simulation.plan import draw
from tests.simulation.run import check, run

FOUND = (4, 288, 959, 1486, 1636, 5420, 30_935, 32_557)
"""Seeds that once failed: the biller could not be stopped while the link broke (4); a running call
was limited by an account that no longer paid for it (959, 1486, 1636); a call refused while it was
dialled was hung up although another account had taken it over at the answer (5420);
an alarm of a failed sign-in outlived it (30935); a guessed answer made two calls of one (32557); a
call was told to have gone beyond its limit by our clock that had not by the exchange's (288).
"""
SEEDS = range(10_001, 10_101)
PLANTED_WITHIN = 200

pytestmark = pytest.mark.simulation


@pytest.mark.parametrize("first", range(SEEDS.start, SEEDS.stop, 20))
def test_no_seed_breaks_a_rule(first: int) -> None:
    failed = {seed: found for seed in range(first, first + 20) if (found := check(seed))}
    assert not failed, "\n".join(f"seed {seed}: {found}" for seed, found in failed.items())


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_stays_away(seed: int) -> None:
    assert check(seed) == []


@pytest.mark.parametrize("name", sorted(planted.FAULTS))
def test_a_planted_fault_is_found(name: str) -> None:
    with planted.FAULTS[name]():
        assert any(check(seed) for seed in range(1, PLANTED_WITHIN + 1))


def test_one_seed_gives_the_same_books_and_words_in_any_process() -> None:
    here = dump(run(draw(7)))
    assert len(here) > 10_000
    assert dump(run(draw(7))) == here
    program = (
        "import sys; from tests.simulation.invariants import dump;"
        "from tests.simulation.plan import draw; from tests.simulation.run import run;"
        "sys.stdout.write(dump(run(draw(7))))"
    )
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert there.stdout == here


def test_runs_cross_the_clock_change_and_meet_every_fault() -> None:
    plans = [draw(seed) for seed in SEEDS]
    kinds = {fault.kind for plan in plans for fault in plan.faults}
    assert len(kinds) == 13
    assert all(len(plan.calls) >= 20 and len(plan.faults) >= 3 for plan in plans)
    assert all(5 <= len(plan.extensions) <= 12 for plan in plans)
