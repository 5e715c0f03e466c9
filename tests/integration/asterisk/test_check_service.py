"""The running service inspects a real exchange at each sign-in; a test call is seen to the end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rtbill.domain.finding import Finding, Severity
from rtbill.serving.control_client import ControlClient
from tests.integration.asterisk.planting import AGE, FILE, Garden, a_garden, planted
from tests.integration.asterisk.proxy import Cable
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab

PATIENCE_S = 15.0
POLL_S = 0.1
DIALPLAN = '[pbx.dialplan]\noutside_prefix = "9"\n'


@dataclass(frozen=True, slots=True)
class Site:
    """The service beside a real exchange, signed in through a cable."""

    lab: Lab
    biller: Biller
    cable: Cable
    garden: Garden

    async def checks(self) -> dict[str, str]:
        """What the service found at its last sign-in, by code. The cable works on meanwhile."""
        client = ControlClient(self.biller.folder / "rtbill.sock")
        status = await asyncio.to_thread(client.order, "status", {})
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

    async def found(self) -> tuple[int, list[Finding]]:
        """Exit status of `rtbill check-pbx` and what it found."""
        done = await asyncio.to_thread(self.biller.try_to, "check-pbx", "hall", "--json")
        [hall] = json.loads(done.stdout)["pbxs"]
        return done.returncode, [
            Finding(**finding | {"severity": Severity(finding["severity"])})
            for finding in hall["findings"]
        ]

    async def alarmed(self, codes: set[str]) -> bool:
        """Whether the alarms, the exchange's age aside, are these within a while."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if set(await self.checks()) - AGE == codes:
                return True
            await asyncio.sleep(POLL_S)
        return False


@pytest.fixture
async def site(lab: Lab, tmp_path: Path) -> AsyncIterator[Site]:
    """The exchange has the files that `rtbill pbx-config` wrote for this configuration."""
    async with Cable(lab.server.ports.ami) as cable, a_garden(lab.server) as garden:
        biller = Biller(tmp_path, cable.port, secret=lab.server.secret, dialplan=DIALPLAN)
        await asyncio.to_thread(biller.prepare, [Room("1001", "10.00")])
        out = tmp_path / "pbx-files"
        await asyncio.to_thread(biller.run, "pbx-config", "asterisk", "--out", str(out))
        for file in out.glob("*.conf"):
            garden.write(file.name, file.read_text())
        await asyncio.to_thread(garden.reload)
        try:
            biller.start()
            await biller.ready()
            yield Site(lab, biller, cable, garden)
        finally:
            biller.end()


async def test_a_site_that_followed_the_instructions_has_no_alarm(site: Site) -> None:
    status, findings = await site.found()
    assert planted(findings) == {}
    assert not any(each.code == "not-checked" for each in findings)
    assert status == any(each.severity is Severity.PROBLEM for each in findings)
    assert await site.alarmed(set())


async def test_files_copied_by_hand_from_an_earlier_release_are_one_alarm(site: Site) -> None:
    text = site.garden.read(FILE).partition("[rtbill-stamp]")[0]
    site.garden.write(FILE, text.replace("[rtbill-decide]", "[rtbill-presence]"))
    await asyncio.to_thread(site.garden.reload)
    await site.sign_in_again()
    assert await site.alarmed({"files-older"})


async def test_a_configuration_changed_since_is_one_alarm(site: Site) -> None:
    text = site.biller.config.read_text()
    assert DIALPLAN in text
    site.biller.config.write_text(text.replace(DIALPLAN, f"{DIALPLAN}ring_s = 31\n"))
    assert site.biller.stop() == 0
    site.biller.start()
    await site.biller.ready()
    assert await site.alarmed({"files-outdated"})


async def test_a_mistake_is_an_alarm_at_the_next_sign_in_until_it_is_mended(site: Site) -> None:
    site.garden.change("manager.conf", "timestampevents = yes", "timestampevents = no")
    await site.sign_in_again()
    end = time.monotonic() + PATIENCE_S
    while "timestamps" not in await site.checks():
        assert time.monotonic() < end
        await asyncio.sleep(POLL_S)
    site.garden.change("manager.conf", "timestampevents = no", "timestampevents = yes")
    await site.sign_in_again()
    while "timestamps" in await site.checks():
        assert time.monotonic() < end
        await asyncio.sleep(POLL_S)


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
