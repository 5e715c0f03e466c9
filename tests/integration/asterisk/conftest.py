"""Servers and laboratories for the tests in this folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.integration.asterisk import packages
from tests.integration.asterisk.lab import Lab, open_lab
from tests.integration.asterisk.server import AsteriskServer, Layout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

HERE = Path(__file__).resolve().parent
FIRST_INSTALL_TIMEOUT_S = packages.LOCK_TIMEOUT_S + packages.APT_TIMEOUT_S
VERSIONS = tuple(packages.SUITES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, and give whichever test comes first the time to fetch the packages."""
    cache = packages.cache_folder()
    all_there = all((cache / f"asterisk-{each}" / ".done").exists() for each in VERSIONS)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)
            if not all_there:
                item.add_marker(pytest.mark.timeout(FIRST_INSTALL_TIMEOUT_S))


@pytest.fixture(scope="session")
def new_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[int, Layout], AsteriskServer]:
    """Makes a server of one version and layout, not yet started, or skips."""

    def make(version: int, layout: Layout) -> AsteriskServer:
        installation = packages.install(version)
        if installation is None:
            _give_up(version)
        return AsteriskServer(installation, tmp_path_factory.mktemp(f"asterisk-{version}-"), layout)

    return make


@pytest.fixture(scope="session")
def asterisk22(new_server: Callable[[int, Layout], AsteriskServer]) -> Iterator[AsteriskServer]:
    """A running Asterisk 22 with the shipped dialplan."""
    with new_server(22, Layout()) as server:
        yield server


@pytest.fixture(scope="session")
def asterisk16(new_server: Callable[[int, Layout], AsteriskServer]) -> Iterator[AsteriskServer]:
    """A running Asterisk 16 with the shipped dialplan."""
    with new_server(16, Layout()) as server:
        yield server


@pytest.fixture(params=VERSIONS, ids=lambda version: f"asterisk{version}")
def asterisk(request: pytest.FixtureRequest) -> AsteriskServer:
    """Each version in turn; started again if an earlier test killed it."""
    server: AsteriskServer = request.getfixturevalue(f"asterisk{request.param}")
    if server.pid is None:
        server.start()
    return server


@pytest.fixture
async def lab(asterisk: AsteriskServer) -> AsyncIterator[Lab]:
    """Telephones, carrier and observer around one server, all at rest."""
    async with open_lab(asterisk) as ready:
        yield ready


def _give_up(version: int) -> NoReturn:
    """Skip by name; but where CI asks for proof, not having any version at all is a failure."""
    said = f"Asterisk {version} cannot be had: {packages.why_not(version)}"
    if os.environ.get("CI") == "true" and not any(map(packages.install, VERSIONS)):
        pytest.fail(f"{said}; nor can any other version")
    pytest.skip(said)
