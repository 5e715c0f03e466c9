"""kill -9 in the middle of a run: whoever goes on with it comes to the same end, and nothing is
posted twice.

The child opens the books as the command line does, carries out the run in slices of four calls and
is killed at some instant of it, again and again, until one of them comes to the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from rtbill.app.books import open_books
from rtbill.app.offline import SilentMeter
from rtbill.clock import SystemClock
from rtbill.domain.changes import AddTariff, CreateAccount
from rtbill.domain.work import Operation
from rtbill.repricing import rerating
from rtbill.storage.sqlite import open_reader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.fakes import config_file
from tests.fakes.books import a_call, a_rate, a_record, a_tariff, an_account, credit, posting
from tests.fakes.environment import NOON, CountingMeter, ManualClock

ROOT = Path(__file__).parents[2]
ACCOUNTS = 10
CALLS = 1_200
SLICE = 4
OLD_MICROS = 250_000
NEW_MICROS = 100_000
OPENING_MICROS = 1_000_000_000
STRETCH_MAX = 250
"""Calls between two kills, at most."""
KILLS_MIN = 3
POLL_S = 0.002


def operations() -> list[Operation]:
    """Money for every account, and calls of a minute round the accounts."""
    found = []
    for number in range(ACCOUNTS):
        name = f"room-{number}"
        found.append(credit(name, OPENING_MICROS, account=name))
    for number in range(CALLS):
        record = a_record(str(number), NOON + timedelta(minutes=number))
        account = f"room-{number % ACCOUNTS}"
        found.append(posting(a_call(record=record, account=account, micros=OLD_MICROS)))
    return found


async def prepare(folder: Path) -> None:
    """Books in which every call costs 0.10 by the tariff now, and a run that says so."""
    config = config_file.load(folder)
    settings = StoreSettings(path=config.store.path)
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        for number in range(ACCOUNTS):
            terms = {"tariff": "germany"}
            await store.change(CreateAccount(an_account(f"room-{number}", **terms)))
        cheap = a_rate(terms=a_rate().terms.per_minute(NEW_MICROS, 60, 1))
        await store.change(AddTariff(a_tariff(name="germany", rates=(cheap,))))
        for future in [store.submit(operation) for operation in operations()]:
            await future
    async with open_books(config, SystemClock(), SilentMeter()) as books:
        answer = await books.desk.order("run.plan", {"by": "test"})
    assert answer["changed"] == CALLS
    assert answer["totals"][0]["difference"] == "-180.00"


async def child(folder: Path) -> None:
    """Carry out the run, or go on with it, until killed."""
    rerating.SLICE = SLICE
    async with open_books(config_file.load(folder), SystemClock(), SilentMeter()) as books:
        os.write(1, b"ready\n")
        await books.desk.order("run.apply", {"run": 1})


def run_and_kill(folder: Path, path: Path, calls: int) -> None:
    """As soon as so many calls are carried out, unless it came to its end before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.test_rerating_kill", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        while process.poll() is None and state_of(path)[1] < calls:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode in (0, -signal.SIGKILL)


def state_of(path: Path) -> tuple[str, int]:
    """Of the run; and calls carried out so far, as the run itself tells and as its rows tell."""
    with contextlib.closing(open_reader(path)) as connection:
        state, told, found = connection.execute(
            "SELECT state, done, (SELECT count(*) FROM rerated_call) FROM rerating"
        ).fetchone()
    assert told == found
    return state, told


@pytest.mark.integration
def test_a_run_killed_again_and_again_comes_to_the_same_end(tmp_path: Path) -> None:
    asyncio.run(prepare(tmp_path))
    path = tmp_path / "books.sqlite"
    seed = int.from_bytes(os.urandom(4))
    stretches = random.Random(seed)
    kills_in_the_middle, done, state = 0, 0, "planned"
    while state != "done":
        wanted = done + stretches.randint(0, STRETCH_MAX)
        run_and_kill(tmp_path, path, min(wanted, CALLS + 1))
        before, (state, done) = done, state_of(path)
        assert done >= before, f"seed {seed}"
        kills_in_the_middle += 0 < done < CALLS
    assert kills_in_the_middle >= KILLS_MIN, f"seed {seed}"
    assert verify(path) == [], f"seed {seed}"
    assert state_of(path) == ("done", CALLS)
    with contextlib.closing(open_reader(path)) as connection:
        balances = connection.execute("SELECT micros FROM balance WHERE account LIKE 'room-%'")
        paid = CALLS // ACCOUNTS * NEW_MICROS
        assert {micros for (micros,) in balances} == {OPENING_MICROS - paid}
        kinds = "SELECT kind, count(*) FROM transfer GROUP BY kind ORDER BY kind"
        assert dict(connection.execute(kinds).fetchall()) == {
            "call": 2 * CALLS,
            "reversal": CALLS,
            "top-up": ACCOUNTS,
        }


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[1])))
