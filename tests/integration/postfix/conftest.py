"""The mail server for the tests in this folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.certificates import Authority
from tests.integration import borrowed_servers
from tests.integration.postfix.server import Postfix, unpack
from tests.integration.postfix.sign_in import SignIn

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As all that Debian's packages give."""
    borrowed_servers.mark(items, Path(__file__).resolve().parent, "postfix")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def postfix(authority: Authority) -> Iterator[Postfix]:
    """A running server."""
    certificate = authority.certificate("mail")
    with (
        borrowed_servers.proven_or_skipped("postfix"),
        tempfile.TemporaryDirectory(prefix="rtbill-postfix-") as made,
        Postfix(unpack(), _passable(made), certificate) as server,
        SignIn(server.folder / "queue/private/auth"),
    ):
        yield server


def _passable(folder: str) -> Path:
    """The folder, which postfix's daemons may pass through as the users that they become."""
    path = Path(folder)
    path.chmod(0o711)
    return path
