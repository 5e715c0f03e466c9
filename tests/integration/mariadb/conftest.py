"""The server for the tests in this folder."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration import borrowed_servers
from tests.integration.mariadb.freepbx import create_tables
from tests.integration.mariadb.server import MariaDb, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As all that Debian's packages give."""
    borrowed_servers.mark(items, Path(__file__).resolve().parent, "mariadb")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return folder


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[MariaDb]:
    """A running server with FreePBX's call records, empty."""
    with borrowed_servers.proven_or_skipped("MariaDB"):
        root = unpack()
    tls = (f"--ssl-cert={certificate / 'cert.pem'}", f"--ssl-key={certificate / 'key.pem'}")
    with MariaDb(root, tmp_path_factory.mktemp("mariadb"), tls) as server:
        create_tables(server)
        yield server
