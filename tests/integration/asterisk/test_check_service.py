"""The running service inspects a real exchange at each sign-in; a test call is seen to the end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.planting import Garden, a_garden
from tests.integration.asterisk.proxy import Cable
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab

PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Site:
    """The service beside a real exchange, signed in through a cable."""

    lab: Lab
    biller: Biller
    cable: Cable
    garden: Garden

    async def checks(self) -> dict[str, str]:
        """What the service found at its last sign-in, by code. The cable works on meanwhile."""
        status = json.loads(await asyncio.to_thread(self.biller.run, "status", "--json"))
        return {
            alarm["subject"].removeprefix("hall/"): alarm["text"]
            for alarm in status["alarms"]
            if alarm["kind"] == "check"
        }

    async def sign_in_again(self) -> None:
        self.cable.pull()
        await asyncio.sleep(0.2)
        self.cable.plug_in()
        await self.biller.ready()


@pytest.fixture
async def site(lab: Lab, tmp_path: Path) -> AsyncIterator[Site]:
    async with Cable(lab.server.ports.ami) as cable, a_garden(lab.server) as garden:
        biller = Biller(tmp_path, cable.port, secret=lab.server.secret)
        await asyncio.to_thread(biller.prepare, [Room("1001", "10.00")])
        biller.start()
        try:
            await biller.ready()
            yield Site(lab, biller, cable, garden)
        finally:
            biller.end()


async def test_a_mistake_is_an_alarm_at_the_next_sign_in_until_it_is_mended(site: Site) -> None:
    site.garden.change("manager.conf", "timestampevents = yes", "timestampevents = no")
    await site.sign_in_again()
    end = time.monotonic() + PATIENCE_S
    while "timestamps" not in await site.checks():
        assert time.monotonic() < end
    site.garden.change("manager.conf", "timestampevents = no", "timestampevents = yes")
    await site.sign_in_again()
    while "timestamps" in await site.checks():
        assert time.monotonic() < end


async def test_a_test_call_is_seen_from_the_leg_to_the_books(site: Site) -> None:
    watch = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtbill", "check-pbx", "hall", "--call", "9555710"),
        *("--seconds", "20", "--config", str(site.biller.config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert watch.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert b"dial 9555710 from a telephone of hall now" in await watch.stdout.readline()
        call = await site.lab.phones.call("1001", "9555710").wait(State.UP)
        await asyncio.sleep(1.5)  # the watch looks at timer and row a second after the answer
        call.hang_up()
        said = (await watch.stdout.read()).decode()
        assert await watch.wait() == 0, said
    assert "trunk    carrier" in said
    assert "payer    1001" in said
    assert "number   555710, read as +4930555710 (local)" in said
    assert "answer   yes, stamped by the exchange" in said
    assert "timer    the exchange ends it in " in said
    assert "books    rated to room-1001: 0.0" in said
    assert "the call arrived as it must" in said
