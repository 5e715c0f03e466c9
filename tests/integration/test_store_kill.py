"""kill -9 at any instant: what was acknowledged is in the books, once, and the books are proven.

The child posts as fast as it can and writes each acknowledgement to a pipe; the parent, which
survives, keeps the list. After every kill the next child first posts again the last keys of the
one before, as an exchange's outbox would.
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

from rtbill.domain.call import CallId
from rtbill.domain.changes import AddBundle, CreateAccount
from rtbill.domain.errors import Conflict
from rtbill.domain.work import Operation
from rtbill.storage.sqlite import open_reader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_leg, a_record, an_account, credit, posting
from tests.fakes.bundles import a_bundle, given, pool, taking
from tests.fakes.environment import NOON, CountingMeter, ManualClock

KILLS = 20
ACCOUNTS = 50
AT_ONCE = 64
SHARED_S = 3_000
ROOMS = [f"room-{number}" for number in range(ACCOUNTS)]
ROOT = Path(__file__).parents[2]


def operation(number: int) -> Operation:
    """The same call, or every tenth time a top-up, for the same number, in every child. Every third
    call takes of minutes that all accounts share, until they are used up.
    """
    account = f"room-{number % ACCOUNTS}"
    if number % 10 == 0:
        return credit(str(number), account=account)
    record = a_record(str(number), NOON + timedelta(seconds=number))
    call = a_call(record=record, account=account, micros=1000 + number)
    if number % 3 == 0:
        return taking(call, pool("shared"), amount=SHARED_S, needs=7)
    return posting(call)


async def child(path: Path, first: int) -> None:
    """Post until killed; one line for every acknowledgement."""
    async with SqliteStore(StoreSettings(path=path), ManualClock(), CountingMeter()) as store:
        for number in range(ACCOUNTS):
            with contextlib.suppress(Conflict):
                await store.change(CreateAccount(an_account(f"room-{number}")))
        for change in (AddBundle(a_bundle(amount=SHARED_S)), given("shared", "minutes", *ROOMS)):
            with contextlib.suppress(Conflict):
                await store.change(change)
        os.write(1, b"ready\n")
        async with asyncio.TaskGroup() as tasks:
            for lane in range(AT_ONCE):
                tasks.create_task(post_lane(store, first + lane))


async def post_lane(store: SqliteStore, number: int) -> None:
    """One caller that waits for each answer before the next."""
    while True:
        wanted = operation(number)
        if wanted.call is not None:
            store.note_live(a_leg(wanted.call.leg))
        await store.submit(wanted)
        os.write(1, f"{wanted.key}\n".encode())
        number += AT_ONCE


def run_and_kill(path: Path, first: int, pause_s: float, *, while_opening: bool) -> list[str]:
    """The keys acknowledged before the kill, so long after its start or after it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.test_store_kill", str(path), str(first)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        if not while_opening:
            assert process.stdout.readline() == b"ready\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Nothing is read meanwhile, so the pipe may fill and hold the child up: then it dies
            # in between its answers and its writing, which is an instant like any other.
            process.wait(pause_s)
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().decode().splitlines(keepends=True)
        process.wait()
    assert process.returncode == -signal.SIGKILL, "the child ended by itself"
    whole = [line.rstrip("\n") for line in lines if line.endswith("\n")]
    return [line for line in whole if line != "ready"]


@pytest.mark.integration
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    seed = int.from_bytes(os.urandom(4))
    pauses = random.Random(seed)
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        # Two steps back: numbers that are booked, unbooked and in doubt are posted again.
        first = max(0, len(acknowledged) - 2 * AT_ONCE)
        # Every fifth dies at some instant of its start instead, the first while making the file.
        while_opening = kill % 5 == 0
        pause_s = pauses.uniform(0.15, 0.6) if while_opening else pauses.uniform(0.0, 0.25)
        acknowledged |= set(run_and_kill(path, first, pause_s, while_opening=while_opening))
        if not acknowledged:
            continue
        stored = keys_in(path)
        assert acknowledged <= stored, f"seed {seed}, kill {kill}: lost {acknowledged - stored}"
    assert verify(path) == [], f"seed {seed}"
    assert len(acknowledged) > 20 * AT_ONCE
    assert used_in(path) == SHARED_S


def used_in(path: Path) -> int:
    """Seconds that are used of the shared minutes, by the draws of the calls."""
    with contextlib.closing(open_reader(path)) as connection:
        return int(connection.execute("SELECT sum(amount) FROM draw").fetchone()[0])


def keys_in(path: Path) -> set[str]:
    """Every key in the books; a key that stands twice fails here."""
    with contextlib.closing(open_reader(path)) as connection:
        keys = [key for (key,) in connection.execute("SELECT key FROM transfer")]
        legs = [CallId("hotel", key.split("/")[1]) for key in keys if key.startswith("call:")]
        live = {key for (key,) in connection.execute("SELECT key FROM live_call")}
    assert len(keys) == len(set(keys))
    assert not live & {str(leg) for leg in legs}, "a booked call is still noted as live"
    return set(keys)


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[1]), int(sys.argv[2])))
