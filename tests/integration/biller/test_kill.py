"""kill -9 of the biller under load: no acknowledged call is lost, none is billed twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.ami_server import AmiServer
from simulator.clock import SpeedClock
from simulator.exchange import Exchange
from tests.integration.biller.process import SECRET, Biller, Room
from tests.integration.biller.traffic import Traffic, Truth

KILLS = 20
TOLERANCE_US = 500_000
"""Between the simulated instant of hang-up and the test's own note of it."""
ROOMS = [Room(str(1001 + n), "0.30" if n < 3 else "9000.00") for n in range(12)]
LOCK_CONVERGENCE_S = 5.0

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("kill")]


@pytest.mark.timeout(240)
async def test_killed_twenty_times_every_call_is_billed_exactly_once(tmp_path: Path) -> None:
    await killed(tmp_path, KILLS, seed=1)


async def killed(folder: Path, kills: int, seed: int) -> dict[str, float]:
    """Kill the biller so many times at random instants; assert the books; figures of the run."""
    chance = random.Random(seed)
    clock = SpeedClock()
    exchange = Exchange(clock.now_us, extensions=[room.extension for room in ROOMS])
    async with AmiServer(exchange, clock, secret=SECRET) as server:
        biller = Biller(folder, server.port)
        biller.prepare(ROOMS)
        traffic = Traffic(server, [room.extension for room in ROOMS], seed)
        try:
            async with asyncio.TaskGroup() as group:
                calls = group.create_task(traffic.run(40.0), name="traffic")
                for _ in range(kills):
                    biller.start(from_nothing=True)
                    # From before the imports are done until long after the sign-in.
                    await asyncio.sleep(
                        chance.choice([chance.uniform(0.0, 1.2), chance.uniform(1.0, 2.5)])
                    )
                    biller.kill9()
                biller.start()
                await biller.ready()
                traffic.stop()
                await calls
            took_s = await _locks_converge_after_restart(server, biller)
            await until(lambda: drained(server), 20, "the exchange's outbox is not emptied")
            biller.stop()
            assert_books(biller, server, traffic)
            return {"calls": len(traffic.truths), "kills": kills, "locks_s": took_s}
        finally:
            biller.end()


async def _locks_converge_after_restart(server: AmiServer, biller: Biller) -> float:
    """A hand in the exchange's database, a kill, a restart: seconds until all is as wanted."""
    wanted = _wanted_locks(biller)
    assert wanted, "the scenario must exhaust somebody"
    biller.kill9()
    server.database.delete_tree("rtbill/lock")
    server.database.put("rtbill/lock", "1012", "1")
    biller.start()
    began = time.monotonic()
    await biller.ready()  # how long a process takes to start is the machine's business
    await until(
        lambda: _in(server, "rtbill/lock") == wanted and _in(server, "rtbill/divert") == wanted,
        LOCK_CONVERGENCE_S,
        f"locks {_in(server, 'rtbill/lock')} are not {wanted}",
    )
    return time.monotonic() - began


def _wanted_locks(biller: Biller) -> set[str]:
    rows = biller.query(
        "SELECT number FROM membership JOIN balance USING (account) WHERE micros < 10000"
    )
    return {str(row[0]) for row in rows}


def _in(server: AmiServer, family: str) -> set[str]:
    return {path.rsplit("/", 1)[1] for path, _ in server.database.tree(family)}


def drained(server: AmiServer) -> bool:
    """Whether the exchange keeps no row of any call."""
    return not _in(server, "rtbill/done") and not _in(server, "rtbill/live")


async def until(true: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    """Return when it is so; fail when that takes too long."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.05)


def assert_books(biller: Biller, server: AmiServer, traffic: Traffic) -> None:
    """Every answered call stands in the books once, at its price, and the books are proven."""
    posted = {
        str(key).partition("/")[2]: (payer, status, answered, ended, price)
        for key, payer, status, answered, ended, price in biller.query(
            "SELECT key, payer, status, answered_at, ended_at, price_micros FROM call"
            " WHERE status <> 'unanswered'"
        )
    }
    acknowledged = {
        action["key"]
        for action in server.actions
        if action["action"] == "DBDel" and action["family"] == "rtbill/done"
    }
    known = {str(key).partition("/")[2] for (key,) in biller.query("SELECT key FROM call")}
    assert acknowledged - known == set(), "acknowledged but not in the books"
    assert traffic.truths.keys() - posted.keys() == set(), "answered but not in the books"
    assert posted.keys() - traffic.truths.keys() == set(), "in the books but never answered"
    for truth in traffic.truths.values():
        payer, status, answered, ended, price = posted[truth.leg]
        assert (payer, status) == (truth.payer, "rated"), truth
        assert abs(int(str(answered)) - truth.answered_us) < TOLERANCE_US, truth
        assert truth.ended_us is not None
        assert abs(int(str(ended)) - truth.ended_us) < TOLERANCE_US, truth
        assert price == _expected_micros(truth, int(str(ended)) - int(str(answered)))
    (double,) = biller.query(
        "SELECT count(*) - count(DISTINCT call) FROM transfer WHERE kind = 'call'"
    )
    assert double == (0,)
    assert "proven" in biller.run("verify")


def _expected_micros(truth: Truth, talk_us: int) -> int:
    """Worked out by hand from the test tariff: Germany 0.015 + 0.001/s by 1/1, UK 0.12 by 60/1."""
    seconds = max(1, -(-talk_us // 1_000_000))
    if truth.number.startswith("0044"):
        return 2_000 * max(60, seconds)
    return 15_000 + 1_000 * seconds
