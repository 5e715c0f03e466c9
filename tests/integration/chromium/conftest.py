"""The browser for the tests in this folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration import debian_packages
from tests.integration.chromium.browser import SUITES, unpack
from tests.integration.debian_packages import NotAvailable

HERE = Path(__file__).resolve().parent
FIRST_INSTALL_TIMEOUT_S = debian_packages.LOCK_TIMEOUT_S + 2 * debian_packages.APT_TIMEOUT_S


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, keep it on one worker, and give the first test time for the packages."""
    is_there = any(debian_packages.is_unpacked(f"chromium-{suite}") for suite in SUITES)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.xdist_group("chromium"))
            if not is_there:
                item.add_marker(pytest.mark.timeout(FIRST_INSTALL_TIMEOUT_S))


@pytest.fixture(scope="session")
def chromium_root() -> Path:
    """An unpacked browser; skipped by name without packages, but where CI asks for proof, not
    having it is a failure.
    """
    try:
        return unpack()
    except NotAvailable as reason:
        said = f"Chromium cannot be had: {reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
