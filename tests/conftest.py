"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from unittest import mock

import pytest
from hypothesis import settings
from typer.main import get_command

from rtbill.collector import settle_for_service

# A deadline for one example measures the machine and its neighbours, not the program.
settings.register_profile("rtbill", deadline=None)
settings.load_profile("rtbill")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of one group run on one worker: pytest-xdist 3.8 tells its scheduler by a test's name,
    in a way that pytest 9.2 does not see.
    """
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        marker = item.get_closest_marker("xdist_group")
        if marker is not None and not item.nodeid.endswith(f"@{marker.args[0]}"):
            item._id = type(item._id).parse(f"{item.nodeid}@{marker.args[0]}")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """All tests and all that is imported stays: the garbage collector looked through it again and
    again, for a tenth of the time and more.
    """
    settle_for_service()


@pytest.fixture(autouse=True, scope="session")
def commands_built_once() -> Iterator[None]:
    """Typer's test runner uses one set of commands: building it anew for each of a test's commands
    takes five times as long as running them.
    """
    with mock.patch("typer.testing._get_command", cache(get_command)):
        yield
