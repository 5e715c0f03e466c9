"""What the folders of tests share whose server is unpacked from Debian's packages."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.integration import debian_packages
from tests.integration.debian_packages import NotAvailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

SUITES = ("bookworm", "trixie")
"""Of Debian: the first whose server the mirror has and this machine's C library runs is taken.
FreePBX 17 stands on bookworm.
"""
FIRST_INSTALL_TIMEOUT_S = debian_packages.LOCK_TIMEOUT_S + 2 * debian_packages.APT_TIMEOUT_S


def mark(items: list[pytest.Item], folder: Path, server: str) -> None:
    """Mark the tests of a folder, keep them on one worker, and give the first of them time for the
    packages.
    """
    is_there = any(debian_packages.is_unpacked(f"{server}-{suite}") for suite in SUITES)
    for item in items:
        if item.path.is_relative_to(folder):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.xdist_group(server))
            if not is_there:
                item.add_marker(pytest.mark.timeout(FIRST_INSTALL_TIMEOUT_S))


def unpack(server: str, packages: Sequence[str], finish: Callable[[Path], str]) -> Path:
    """The folder of an unpacked server; NotAvailable when no suite has one that runs."""
    reasons = []
    for suite in SUITES:
        try:
            return debian_packages.unpack(f"{server}-{suite}", suite, packages, finish)[0]
        except NotAvailable as reason:
            reasons.append(f"{suite}: {reason}")
    raise NotAvailable("; ".join(reasons))


@contextmanager
def proven_or_skipped(server: str) -> Iterator[None]:
    """NotAvailable skips the tests by the server's name; where CI asks for proof, not having it is
    a failure.
    """
    try:
        yield
    except NotAvailable as reason:
        said = f"{server} cannot be had: {reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
