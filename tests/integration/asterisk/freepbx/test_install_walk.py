"""The instructions that `rtbill pbx-config` writes for FreePBX, followed word by word."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.integration.asterisk.freepbx.legs import leg_to, payer
from tests.integration.asterisk.freepbx.with_rtbill import TRUNKS
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.walk import Walk, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.asterisk.freepbx.lab import FreePbxLab


async def test_instructions_lead_from_nothing_to_a_billed_call(
    lab: FreePbxLab, tmp_path: Path
) -> None:
    walk = Walk(lab.server, tmp_path)
    walk.prepare(f"freepbx{lab.freepbx.version}", "", TRUNKS)
    install = await asyncio.to_thread(walk.write_files)
    *steps, check = blocks(install, "sh", "Install")
    assert len(steps) == 3
    for step in steps:
        code, said = await asyncio.to_thread(walk.run, step)
        assert code == 0, said
    _, said = await asyncio.to_thread(walk.run, check)
    problems = [line for line in said.splitlines() if "PROBLEM" in line]
    # The laboratory has emergency routes of its own for some numbers only, and says so.
    assert all("emergency-route" in line for line in problems), said

    await lab.ami.put("rtbill", "alive", str(await lab.epoch()))
    lab.ami.events.clear()
    call = await lab.phones.call("1001", "9555900").wait(State.UP)
    assert await payer(lab, "555900") == "1001"
    call.hang_up()
    done = await lab.done((await leg_to(lab, "555900"))["DestUniqueid"])
    assert (done.payer, done.number) == ("1001", "555900")
