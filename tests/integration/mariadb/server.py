"""One private MariaDB on loopback: unpacked, made new in a folder, started, stopped by its id."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql  # type: ignore[import-untyped]  # ships no types

from tests.integration import borrowed_servers, debian_packages
from tests.integration.debian_packages import NotAvailable

if TYPE_CHECKING:
    from types import TracebackType

PACKAGES = ("mariadb-server-core",)
PROGRAM = "usr/sbin/mariadbd"
BOOT_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")


def unpack() -> Path:
    """The folder of an unpacked server; NotAvailable when no suite has it."""
    return borrowed_servers.unpack("mariadb", PACKAGES, _finish)


def _finish(root: Path) -> str:
    said = debian_packages.run([*_words(root), "--no-defaults", "--version"])
    version = re.search(r"[0-9.]+-MariaDB", said)
    if version is None:
        raise NotAvailable(f"{PROGRAM} says {said}")
    return version[0]


def _words(root: Path) -> list[str]:
    return debian_packages.command(root, PROGRAM)


@dataclass(slots=True)
class MariaDb:
    """A running server; `with` makes its folder, starts and stops it. `root` needs no password."""

    root: Path
    folder: Path
    extra: tuple[str, ...] = ()
    """Options beyond those of every test."""
    port: int = field(default=0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> MariaDb:
        for name in ("data", "tmp"):
            (self.folder / name).mkdir(parents=True)
        share = self.root / "usr/share/mysql"
        tables = "".join((share / name).read_text() for name in SYSTEM_TABLES)
        script = f"CREATE DATABASE mysql;\nUSE mysql;\n{tables}"
        debian_packages.run([*self._command(), "--bootstrap"], None, script)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command(), f"--port={self.port}", *self.extra], stderr=log, stdout=log
            )
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def connect(self, **options: Any) -> Any:
        """A connection as root."""
        settings = {"user": "root", "autocommit": True, "ssl_disabled": True} | options
        return pymysql.connect(
            host="127.0.0.1", port=self.port, connect_timeout=5, read_timeout=30, **settings
        )

    def run(self, *statements: str, **options: Any) -> None:
        """Carry out statements as root."""
        connection = self.connect(**options)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def _command(self) -> list[str]:
        share, socket_path = self.root / "usr/share/mysql", self.folder / "s"
        user = ["--user=root"] if os.geteuid() == 0 else []
        return [
            *_words(self.root),
            "--no-defaults",
            f"--basedir={self.root / 'usr'}",
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
            f"--socket={socket_path}",
            f"--pid-file={self.folder / 'pid'}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0",
            "--performance-schema=OFF",
            *user,
        ]

    def _wait(self) -> None:
        """Until it answers; NotAvailable with the end of its log when it does not."""
        assert self._process is not None
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                self.connect().close()
            except pymysql.MySQLError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        log = (self.folder / "server.log").read_text(errors="replace")[-600:]
        self._process.kill()
        raise NotAvailable(f"mariadbd did not start: {log}")
