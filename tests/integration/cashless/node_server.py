"""The SOAP server of another stack: Node's package `soap`, installed into a private folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from payments.cashless_table import SHIPPED
from tests.fakes.certificates import Authority, Certificate
from tests.integration.debian_packages import NotAvailable, cache_folder

SOAP = "soap@1.13.0"
INSTALL_TIMEOUT_S = 240
STOP_TIMEOUT_S = 10
SERVER = Path(__file__).parent / "server.js"


@dataclass(frozen=True, slots=True)
class NodeServer:
    """A running server."""

    port: int
    seen: Path
    """Who asked last and over which TLS: `rtbill TLSv1.3`."""


def installed() -> Path:
    """The folder with the package; NotAvailable without node, npm or a registry."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotAvailable(f"{program} is not installed")
    folder = cache_folder() / f"node-{SOAP.replace('@', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may want it at once
        if not (folder / "complete").exists():
            _install(folder)
            (folder / "complete").touch()
    return folder


def _install(folder: Path) -> None:
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
    command = ["npm", "install", *quiet, "--prefix", str(folder), SOAP]
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[0]
        raise NotAvailable(f"npm cannot install {SOAP}: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise NotAvailable(f"npm did not install {SOAP} in {INSTALL_TIMEOUT_S} s") from error


@contextmanager
def running(
    folder: Path, own: Certificate, clients: Authority, user: str, password: str
) -> Iterator[NodeServer]:
    """The server, stopped at the end by its process id."""
    seen = own.cert_file.with_name("seen")
    arguments = (own.cert_file, own.key_file, clients.cert_file, user, password, seen)
    process = subprocess.Popen(
        ["node", str(SERVER), str(SHIPPED / "cashless.wsdl"), *map(str, arguments)],
        env=os.environ | {"NODE_PATH": str(folder / "node_modules")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.strip().isdigit(), f"node did not start: {first!r}"
        yield NodeServer(int(first), seen)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
