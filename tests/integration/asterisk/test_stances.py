"""A real exchange that is observed, then enforced: nothing is touched, then all that was told."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.test_billing import Site, until_true
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab

POOR, RICH = "1005", "1001"
"""0.02 buy the fee of 0.015 and five seconds at 0.001."""

pytestmark = pytest.mark.timeout(120)


async def test_an_observed_exchange_is_left_alone_and_locked_once_it_is_enforced(
    lab: Lab, tmp_path: Path
) -> None:
    biller = Biller(
        tmp_path, lab.server.ports.ami, secret=lab.server.secret, stance="observe", unaided="open"
    )
    biller.prepare([Room(POOR, "0.02"), Room(RICH, "20.00")])
    site = Site(lab, biller, cable=None)  # type: ignore[arg-type]  # nothing is unplugged here
    try:
        biller.start()
        await biller.ready()
        await until_true(lambda: has_rows(lab, {POOR: "open", RICH: "open"}), "rows are not open")
        call = await site.call_out(POOR, "555140")
        await asyncio.sleep(5.6)
        assert call.state is State.UP, "nobody ends it"
        call.hang_up()
        assert (await site.row("+4930555140")).talk_s > 5.5
        (await site.call_out(POOR, "555141")).hang_up()
        await site.row("+4930555141")
        assert await lab.rows("rtbill/lock") == []
        answer = json.loads(await asyncio.to_thread(biller.run, "observed", "--json"))
        assert [each["kind"] for each in answer["observations"]].count("cut") == 2
        assert (answer["totals"]["refused"], answer["totals"]["cut"]) == (1, 1)
        assert list(answer["switching"]) == [f"hall/{POOR}"]
        assert biller.stop() == 0

        biller.set_stance("observe", "enforce")
        biller.start()
        await site.is_locked(POOR)
        assert await lab.phones.call(POOR, "9555142").ended() == 403
        pushed = {POOR: "home:other/0:0", RICH: "home:other/9984:4999"}
        await until_true(lambda: has_rows(lab, pushed), "rows do not follow the stance")
    finally:
        biller.end()


async def has_rows(lab: Lab, wanted: dict[str, str]) -> bool:
    """Whether the exchange's database holds exactly these rows."""
    rows = await lab.rows("rtbill/unaided")
    found = {row["Key"].removeprefix("/rtbill/unaided/"): row["Val"] for row in rows}
    return found == wanted
