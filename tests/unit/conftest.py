"""What holds for all unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from unittest import mock

import pytest
from typer.main import get_command


@pytest.fixture(autouse=True, scope="session")
def commands_built_once() -> Iterator[None]:
    """Typer's test runner uses one set of commands: building it anew for each of a test's commands
    takes five times as long as running them.
    """
    with mock.patch("typer.testing._get_command", cache(get_command)):
        yield
