"""The mail server for the tests in this folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.certificates import Authority
from tests.integration import debian_packages
from tests.integration.debian_packages import NotAvailable
from tests.integration.postfix.server import SUITES, Postfix, unpack
from tests.integration.postfix.sign_in import SignIn

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
FIRST_INSTALL_TIMEOUT_S = debian_packages.LOCK_TIMEOUT_S + 2 * debian_packages.APT_TIMEOUT_S


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, keep it on one worker, and give the first test time for the packages."""
    is_there = any(debian_packages.is_unpacked(f"postfix-{suite}") for suite in SUITES)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.xdist_group("postfix"))
            if not is_there:
                item.add_marker(pytest.mark.timeout(FIRST_INSTALL_TIMEOUT_S))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def postfix(authority: Authority) -> Iterator[Postfix]:
    """A running server; skipped by name without packages, but where CI asks for proof, not having
    it is a failure.
    """
    try:
        root = unpack()
        certificate = authority.certificate("mail")
        with (
            tempfile.TemporaryDirectory(prefix="rtbill-postfix-") as made,
            Postfix(root, _passable(made), certificate) as server,
            SignIn(server.folder / "queue/private/auth"),
        ):
            yield server
    except NotAvailable as reason:
        said = f"postfix cannot be had: {reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)


def _passable(folder: str) -> Path:
    """The folder, which postfix's daemons may pass through as the users that they become."""
    path = Path(folder)
    path.chmod(0o711)
    return path
