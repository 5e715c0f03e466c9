"""FreePBX 16 on Asterisk 16 and FreePBX 17 on Asterisk 22, and laboratories around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.freepbx.dialplan import layout
from tests.integration.asterisk.freepbx.lab import FreePbxLab, open_freepbx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.integration.asterisk.server import AsteriskServer, Layout

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each version on one worker: its tests wait little, and it is long in starting."""
    for item in items:
        if item.path.is_relative_to(HERE) and isinstance(item, pytest.Function):
            version = item.callspec.params["exchange"]
            item.add_marker(pytest.mark.xdist_group(f"freepbx{version}"))


@pytest.fixture(scope="session")
def freepbx16(new_server: Callable[[int, Layout], AsteriskServer]) -> Iterator[AsteriskServer]:
    """A running Asterisk 16 with the dialplan of FreePBX 16."""
    with new_server(16, layout(16)) as server:
        yield server


@pytest.fixture(scope="session")
def freepbx17(new_server: Callable[[int, Layout], AsteriskServer]) -> Iterator[AsteriskServer]:
    """A running Asterisk 22 with the dialplan of FreePBX 17."""
    with new_server(22, layout(22)) as server:
        yield server


@pytest.fixture(params=(16, 17), ids=lambda version: f"freepbx{version}")
def exchange(request: pytest.FixtureRequest) -> AsteriskServer:
    """Each version in turn; started again if an earlier test killed it."""
    server: AsteriskServer = request.getfixturevalue(f"freepbx{request.param}")
    if server.pid is None:
        server.start()
    return server


@pytest.fixture
async def lab(exchange: AsteriskServer) -> AsyncIterator[FreePbxLab]:
    """Telephones, carriers and observer around one FreePBX, all at rest."""
    async with open_freepbx(exchange) as ready:
        yield ready
