"""The service and the load generator as processes of their own, for the bench."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from rtbill.app.bench_books import ACCOUNTS, PBX, TARIFF, made_books, prefixes_of, tariff_text
from rtbill.domain.errors import Unavailable
from rtbill.rating.tariff_file import read_tariff

READY_WITHIN_S = 60.0
PURCHASES_AT_ONCE = 25
"""At 100 ms an answer they are 125 a second, so that 50 a second hardly wait for each other."""
_TOKEN = "rtbill-bench-on-loopback"  # noqa: S105 - of a listener on loopback, for minutes
_CONFIG = """
[site]
name = "Bench"
country = "DE"
country_code = "49"
national_prefix = "0"
international_prefixes = ["00"]
area_code = ""
internal = ["2xxxx"]
zone = "Europe/Berlin"
currency = "EUR"
[store]
path = "books.sqlite"
[control]
socket = "rtbill.sock"
[http]
host = "127.0.0.1"
port = {http}
[inline]
port = {inline}
[rating]
default_tariff = "{tariff}"
[account_classes.standard]
calls_max = 10000
[payments]
purchases_at_once = {at_once}
purchases_per_minute = 6000
[[pbx]]
name = "{pbx}"
mode = "inline"
host = "127.0.0.1"
port = {ami}
user = "rtbill"
demo = true
secret = "rtbill-bench-on-loopback"
token = "{token}"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""


def free_port() -> int:
    """A TCP port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with a configuration, a copy of the big books and the prefixes to call."""

    folder: Path
    http: int
    ami: int
    inline: int

    @property
    def database(self) -> Path:
        """The books that are measured."""
        return self.folder / "books.sqlite"

    def last_ids(self) -> tuple[int, int, int]:
        """Of the newest call, the newest transfer and the newest step of a hold; 0 for none."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            found = connection.execute(
                "SELECT (SELECT max(id) FROM call), (SELECT max(id) FROM transfer),"
                " (SELECT coalesce(max(id), 0) FROM hold_event)"
            ).fetchone()
        finally:
            connection.close()
        return int(found[0]), int(found[1]), int(found[2])

    @contextmanager
    def service(self) -> Iterator[subprocess.Popen[bytes]]:
        """The service, stopped at the end as systemd would."""
        command = [sys.executable, "-m", "rtbill", "run", "--view", "none"]
        with (self.folder / "service.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, "--config", str(self.folder / "config.toml")], stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ready_after_s(self, began: float) -> float:
        """Seconds from `began` until the service says it is ready."""
        url = f"http://127.0.0.1:{self.http}/readyz"
        while time.monotonic() - began < READY_WITHIN_S:
            try:
                if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                    return time.monotonic() - began
            except httpx.TransportError:
                pass
            time.sleep(0.01)
        raise Unavailable(f"the service is not ready; {self.folder / 'service.log'} says why")

    def live_calls(self) -> int:
        """Calls in progress as the service's own metrics tell."""
        text = httpx.get(f"http://127.0.0.1:{self.http}/metrics", timeout=5).text
        for line in text.splitlines():
            if line.startswith("rtbill_calls_live{"):
                return int(float(line.rpartition(" ")[2]))
        return 0

    def asking(self) -> list[str]:
        """Options of the load with which it asks before each call, of prepaid accounts only."""
        return [
            *("--ask-port", str(self.inline), "--ask-pbx", PBX, "--ask-token", _TOKEN),
            *("--extensions", str(ACCOUNTS // 2), "--extension-step", "2", "--talk", "5..50"),
        ]

    @contextmanager
    def sessions(
        self, seconds: float, extensions: int, sessions: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """So many calls in progress in a process of their own; rtbill.app.bench_sessions."""
        module = "rtbill.app.bench_sessions"
        figures = map(str, (seconds, extensions, sessions))
        command = [sys.executable, "-m", module, str(self.folder), *figures]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
            yield process

    @contextmanager
    def load(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The load generator; close its standard input to end a `--hold`."""
        command = [
            *(sys.executable, "-m", "simulator", "load", "--port", str(self.ami)),
            *("--secret", "rtbill-bench-on-loopback"),
            *("--prefixes", str(self.folder / "prefixes"), *arguments),
        ]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def result_of(process: subprocess.Popen[bytes], timeout_s: float) -> dict[str, Any]:
    """What the load generator counted."""
    out, _ = process.communicate(timeout=timeout_s)
    if process.returncode:
        raise Unavailable(f"the load failed: {out.decode(errors='replace')[:500]}")
    counted: dict[str, Any] = json.loads(out)
    return counted


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise Unavailable(f"process {pid} has ended")


@contextmanager
def prepared(cache: Path) -> Iterator[Bench]:
    """Everything in a folder that is removed at the end."""
    source = made_books(cache)
    with tempfile.TemporaryDirectory(prefix="rtbill-bench-", dir=cache) as name:
        folder = Path(name)
        bench = Bench(folder, free_port(), free_port(), free_port())
        shutil.copy(source, bench.database)
        with bench.database.open("rb") as copied:
            os.fsync(copied.fileno())  # else the first commits wait for the copy, not for their own
        prefixes = prefixes_of(read_tariff(tariff_text()).rates)
        (folder / "prefixes").write_text("\n".join(prefixes))
        text = _CONFIG.format(
            http=bench.http,
            ami=bench.ami,
            inline=bench.inline,
            tariff=TARIFF,
            pbx=PBX,
            token=_TOKEN,
            at_once=PURCHASES_AT_ONCE,
        )
        (folder / "config.toml").write_text(text)
        yield bench
