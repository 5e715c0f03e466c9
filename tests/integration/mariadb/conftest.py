"""The server for the tests in this folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration import debian_packages
from tests.integration.debian_packages import NotAvailable
from tests.integration.mariadb.freepbx import create_tables
from tests.integration.mariadb.server import SUITES, MariaDb, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
FIRST_INSTALL_TIMEOUT_S = debian_packages.LOCK_TIMEOUT_S + 2 * debian_packages.APT_TIMEOUT_S


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, keep it on one worker, and give the first test time for the packages."""
    is_there = any(debian_packages.is_unpacked(f"mariadb-{suite}") for suite in SUITES)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.xdist_group("mariadb"))
            if not is_there:
                item.add_marker(pytest.mark.timeout(FIRST_INSTALL_TIMEOUT_S))


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
    """A running server with FreePBX's call records, empty; skipped by name without packages, but
    where CI asks for proof, not having it is a failure.
    """
    try:
        root = unpack()
    except NotAvailable as reason:
        said = f"MariaDB cannot be had: {reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    tls = (f"--ssl-cert={certificate / 'cert.pem'}", f"--ssl-key={certificate / 'key.pem'}")
    with MariaDb(root, tmp_path_factory.mktemp("mariadb"), tls) as server:
        create_tables(server)
        yield server
