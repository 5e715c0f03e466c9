"""The exchange crashes and comes back: what the dialplan wrote to its database is still there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.lab import Record, open_lab
from tests.integration.asterisk.sip_call import State

if TYPE_CHECKING:
    from tests.integration.asterisk.server import AsteriskServer

FLUSH_S = 1.2
"""Asterisk commits its database once a second."""


async def test_live_row_and_lock_survive_kill_9(asterisk: AsteriskServer) -> None:
    async with open_lab(asterisk) as lab:
        await lab.phones.call("1001", "9555500").wait(State.UP)
        await lab.ami.put("rtbill/lock", "1002")
        leg = (await lab.trunk_leg("555500"))["DestUniqueid"]
        before = await lab.live(leg)
        await asyncio.sleep(FLUSH_S)
        await asyncio.to_thread(asterisk.kill9)
    await asyncio.to_thread(asterisk.start)
    async with AmiProbe(asterisk.ports.ami, asterisk.secret) as ami:
        row = await ami.get("rtbill/live", leg)
        locked = await ami.get("rtbill/lock", "1002")
    assert row is not None
    assert Record.parse(row) == before
    assert locked == "1"


async def test_dialplan_loads_without_a_complaint(asterisk: AsteriskServer) -> None:
    words = ("pbx_config.c", "_rtbill.conf", "nonexistent context", "ast_expr2")
    wrong = [
        line
        for line in asterisk.log.partition("Asterisk Ready")[0].splitlines()
        if ("WARNING" in line or "ERROR" in line) and any(word in line for word in words)
    ]
    assert wrong == []
