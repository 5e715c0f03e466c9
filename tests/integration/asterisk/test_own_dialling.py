"""A site that rings telephones by steps of its own: what these need so that no 302 calls a trunk
(docs/who-pays.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.integration.asterisk.conftest import VERSIONS
from tests.integration.asterisk.lab import open_lab
from tests.integration.asterisk.server import TEMPLATES, Layout
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.server import AsteriskServer

UNWATCHED_DIAL, WATCHED_DIAL, OPEN_QUEUE, CLOSED_QUEUE = "2301", "2302", "2303", "2304"
SERVICES = f"""[services]
exten => {UNWATCHED_DIAL},1,Dial(PJSIP/1002,10)
exten => {WATCHED_DIAL},1,Dial(PJSIP/1002,10,U(rtbill-inside))
exten => {OPEN_QUEUE},1,Queue(desk,,,,2)
exten => {CLOSED_QUEUE},1,Queue(desk,i,,,2)
"""
QUEUES = "[general]\n[desk]\nmember => PJSIP/1002\n"


@pytest.fixture(params=VERSIONS, ids=lambda version: f"asterisk{version}")
async def site(
    request: pytest.FixtureRequest,
    new_server: Callable[[int, Layout], AsteriskServer],
    tmp_path: Path,
) -> AsyncIterator[Lab]:
    """An exchange whose telephone 1002 answers every call with a trunk's channel."""
    (tmp_path / "queues.conf").write_text(QUEUES)
    layout = Layout(
        templates=(TEMPLATES, tmp_path),
        modules=("app_queue.so",),
        render=lambda text: text.replace("[services]\n", SERVICES),
    )
    with new_server(request.param, layout) as server:
        async with open_lab(server) as lab:
            lab.phones.policies["1002"] = forwarding(quote("PJSIP/0900555@carrier", safe=""))
            yield lab


async def test_telephone_lets_itself_out_unless_the_site_watches(site: Lab) -> None:
    await site.phones.call("1001", UNWATCHED_DIAL).wait(State.UP)
    await site.trunk_leg("0900555")
    await site.reset()
    await site.phones.call("1001", OPEN_QUEUE).wait(State.UP)
    await site.trunk_leg("0900555")

    await site.reset()
    assert await site.phones.call("1001", WATCHED_DIAL).ended() >= 400
    assert [each["Reason"] for each in site.ami.seen("UserEvent")] == ["malformed"]
    await site.reset()
    await site.phones.call("1001", CLOSED_QUEUE).ended()
    assert site.trunk_legs == []
