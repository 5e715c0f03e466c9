"""The instructions that `rtbill pbx-config` writes, followed word by word on a plain Asterisk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.generated import PLAIN
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.walk import Walk, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab

OURS = {
    "extensions.conf": ("#include extensions_rtbill.conf", "include => rtbill-phones"),
    "manager.conf": ("#include manager_rtbill.conf",),
}


@pytest.fixture
def walk(lab: Lab, tmp_path: Path) -> Iterator[Walk]:
    """An exchange as it was before rtbill; as the other tests need it afterwards."""
    walk = Walk(lab.server, tmp_path)
    before = {name: (walk.etc / name).read_text() for name in OURS}
    for name, lines in OURS.items():
        kept = [line for line in before[name].splitlines() if line not in lines]
        (walk.etc / name).write_text("\n".join(kept))
    for name in ("extensions_rtbill.conf", "manager_rtbill.conf"):
        (walk.etc / name).unlink()
    for command in ("dialplan reload", "manager reload"):
        lab.server.cli(command)
    yield walk
    for name, text in before.items():
        (walk.etc / name).write_text(text)
    lab.server.write_generated(lab.server.generated)
    for command in ("dialplan reload", "manager reload"):
        lab.server.cli(command)


async def test_instructions_lead_from_nothing_to_a_billed_call_and_back(
    lab: Lab, walk: Walk
) -> None:
    walk.prepare("plain", PLAIN)
    install = await asyncio.to_thread(walk.write_files)
    copy, load = blocks(install, "sh", "Install")
    include, phones, manager = blocks(install, "ini", "Install")

    code, said = await asyncio.to_thread(walk.run, copy)
    assert code == 0, said
    walk.append("extensions.conf", include + phones.replace("[from-phones] ", "[from-phones](+) "))
    walk.append("manager.conf", manager)
    code, said = await asyncio.to_thread(walk.run, load)
    assert code == 0, said
    assert "pbx hall" in said
    assert "PROBLEM" not in said

    await lab.ami.put("rtbill", "alive", str(await lab.epoch()))
    lab.ami.events.clear()
    await lab.phones.call("1001", "9555800").wait(State.UP)
    assert await lab.payer_of("555800") == "1001"
    await lab.phones.call("1002", "112").wait(State.UP)

    for name, lines in OURS.items():
        text = (walk.etc / name).read_text()
        for line in lines:
            text = text.replace(line, "")
        (walk.etc / name).write_text(text)
    [remove] = blocks(install, "sh", "Remove")
    code, said = await asyncio.to_thread(walk.run, remove)
    assert code == 0, said
    assert await lab.rows("rtbill") == []
    lab.ami.events.clear()
    assert await lab.phones.call("1001", "9555801").ended() >= 400
