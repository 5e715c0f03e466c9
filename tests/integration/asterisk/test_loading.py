"""What Asterisk says when it loads rtbill's files."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.generated import CARRIER, PLAIN, Generated
from tests.integration.asterisk.lab import QUIET_TIMEOUT_S, until_true

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab

_CONSOLE = "Remote UNIX connection disconnected"
"""What the log says after each console command."""
_LINE = re.compile(r"(?:WARNING|ERROR|NOTICE)\[\d+\](?:\[C-\w+\])? (.*)")
LINES = '[[pbx.trunk]]\nname = "lines"\nmatch = ["DAHDI/i1/*"]\ndial = "DAHDI/g1/%s"\n'
POLICIES = f'{PLAIN}incoming = "1009"\nforwarded = "refuse"\nunaided = "closed"\n'


async def complaints(lab: Lab, before: int) -> list[str]:
    """What the log warns of since it was `before` characters long, without times and threads."""
    await log_is_written(lab)
    lines = lab.server.log[before:].splitlines()
    return [found[1] for line in lines if (found := _LINE.search(line))]


async def log_is_written(lab: Lab) -> int:
    """Wait until all that was said so far stands in the log; gives its length.

    Asterisk writes its log later than it acts, and in order.
    """
    known = lab.server.log.count(_CONSOLE)
    await asyncio.to_thread(lab.server.cli, "core show version")

    async def is_written() -> bool:
        return lab.server.log.count(_CONSOLE) > known

    async with asyncio.timeout(QUIET_TIMEOUT_S):
        await until_true(is_written)
    return len(lab.server.log)


@pytest.mark.parametrize(
    "generated",
    [
        Generated(),
        Generated(inline_port=8123),
        Generated(dialplan=POLICIES),
        Generated(dialplan="", trunks=CARRIER + LINES),
    ],
    ids=["usual", "asks first", "other policies", "no prefix, two trunks"],
)
async def test_the_generated_dialplan_loads_without_a_complaint(
    lab: Lab, generated: Generated
) -> None:
    before = await log_is_written(lab)
    await lab.regenerate(generated)
    assert await complaints(lab, before) == []


async def test_a_complaint_would_be_seen(lab: Lab) -> None:
    before = await log_is_written(lab)
    path = lab.server.folder / "etc" / "extensions_rtbill.conf"
    path.write_text(path.read_text() + "\n[rtbill-up]\nexten => s,1,NoOp(twice)\n")
    lab.server.cli("dialplan reload")
    said = await complaints(lab, before)
    lab.server.write_generated(lab.server.generated)
    lab.server.cli("dialplan reload")
    assert any("'s' priority 1 in 'rtbill-up', already in use" in each for each in said)
