"""The browser for the tests in this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration import borrowed_servers
from tests.integration.chromium.browser import unpack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As all that Debian's packages give."""
    borrowed_servers.mark(items, Path(__file__).resolve().parent, "chromium")


@pytest.fixture(scope="session")
def chromium_root() -> Path:
    """An unpacked browser."""
    with borrowed_servers.proven_or_skipped("Chromium"):
        return unpack()
