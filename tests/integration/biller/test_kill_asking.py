"""kill -9 of the biller while it is asked, holds, extends and posts: money exact, no overspend."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from simulator.ami_server import AmiServer
from simulator.clock import SpeedClock
from tests.integration.biller.asking import AskingExchange, AskingTraffic
from tests.integration.biller.process import SECRET, Biller, Room
from tests.integration.biller.test_kill import assert_books, drained, until
from tests.integration.loopback_ports import free_port

KILLS = 6
CALLS_MIN = 50
ROOMS = [Room(str(1001 + n), "0.60" if n < 3 else "9000.00") for n in range(12)]
CREDIT = """
[credit]
slice_min_s = 5
slice_max_s = 10
call_min_s = 3
ring_max_s = 30
"""

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("kill")]


@pytest.mark.timeout(180)
async def test_killed_while_it_is_asked_nothing_is_lost_overspent_or_held_for_ever(
    tmp_path: Path,
) -> None:
    figures = await killed(tmp_path, KILLS, seed=1)

    assert figures["calls"] > CALLS_MIN
    assert figures["unheard"] > 0, "no question came while nobody answered"
    assert figures["extended"] > 0


async def killed(
    folder: Path, kills: int, seed: int, *, rings_out: bool = False
) -> dict[str, float]:
    """Kill the biller so many times at random instants; assert the books; figures of the run. With
    `rings_out` wait until what is held for calls that were never dialled is given back.
    """
    chance = random.Random(seed)
    clock = SpeedClock()
    extensions = [room.extension for room in ROOMS]
    exchange = AskingExchange(clock.now_us, extensions)
    async with AmiServer(exchange, clock, secret=SECRET) as server:
        port = free_port()
        biller = Biller(folder, server.port, inline_port=port, more=CREDIT)
        biller.prepare(ROOMS)
        traffic = AskingTraffic(server, exchange, port, extensions, seed)
        try:
            async with asyncio.TaskGroup() as group:
                calls = group.create_task(traffic.run(30.0), name="traffic")
                for _ in range(kills):
                    biller.start(from_nothing=True)
                    if chance.random() < 0.75:  # the others die while they start
                        await biller.ready()
                    await asyncio.sleep(chance.uniform(0.0, 2.0))
                    biller.kill9()
                biller.start()
                await biller.ready()
                # On a busy machine it was dead for most of the time.
                await until(lambda: len(traffic.truths) > CALLS_MIN, 30, "few calls are answered")
                traffic.stop()
                await calls
            await until(lambda: drained(server), 30, "the exchange's outbox is not emptied")
            await until(lambda: _held(biller, "call IS NOT NULL") == 0, 10, "an ended call holds")
            if rings_out:
                await until(lambda: _held(biller) == 0, 60, "something is held for ever")
            biller.stop()
            assert_books(biller, server, traffic)
            _assert_holds(biller)
            extended = "SELECT count(*) FROM hold_event WHERE step = 'extend' AND granted_s > 10"
            return {
                "calls": len(traffic.truths),
                "kills": kills,
                "allowed": traffic.allowed,
                "refused": traffic.refused - traffic.unheard,
                "unheard": traffic.unheard,
                "extended": int(str(biller.query(extended)[0][0])),
            }
        finally:
            biller.end()


def _held(biller: Biller, which: str = "TRUE") -> int:
    return int(str(biller.query(f"SELECT count(*) FROM open_hold WHERE {which}")[0][0]))


def _assert_holds(biller: Biller) -> None:
    overspent = biller.query(
        "SELECT id, micros FROM account JOIN balance ON balance.account = account.id"
        " WHERE kind = 'prepaid' AND micros < 0"
    )
    assert overspent == []
    # The last grant of each call was made durable before it, and pays for all that it talked.
    beyond = biller.query(
        "SELECT key, (ended_at - answered_at) / 1e6, granted FROM call JOIN ("
        "SELECT call, max(granted_s) AS granted FROM hold_event GROUP BY call"
        ") AS hold ON hold.call = call.key"
        " WHERE ended_at - answered_at > granted * 1000000 AND status = 'rated'"
    )
    assert beyond == []
    unheld = biller.query(
        "SELECT key FROM call WHERE status = 'rated'"
        " AND key NOT IN (SELECT call FROM hold_event WHERE call IS NOT NULL)"
    )
    # Answered and over while nobody lived to see it: held by what was asked for, not by its leg.
    for (key,) in unheld:
        assert biller.query("SELECT source FROM call WHERE key = ?", key) == [("outbox",)], key
