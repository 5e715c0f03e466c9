"""The biller as an operator runs it: a process with a configuration, a database and a PBX."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.integration import program
from tests.integration.loopback_ports import free_port

SECRET = "a-secret-of-the-tests-only"
TOKEN = "a-token-of-the-tests-only"
CONFIG = """
[site]
name = "Test site"
country = "DE"
country_code = "49"
national_prefix = "0"
international_prefixes = ["00"]
area_code = "30"
internal = ["1xxx"]
zone = "Europe/Berlin"
currency = "EUR"
[store]
path = "rtbill.sqlite"
[control]
socket = "rtbill.sock"
[http]
host = "127.0.0.1"
port = {http_port}
[inline]
port = {inline_port}
[rating]
default_tariff = "test"
guard_s = {guard_s}
[account_classes.student]
exhausted_outgoing = "locked"
exhausted_incoming = "divert"
unaided = "{unaided}"
[[destination_class]]
name = "home"
prefixes = ["+49"]
[[pbx]]
name = "hall"
kind = "asterisk"
mode = "{mode}"
host = "127.0.0.1"
port = {ami_port}
user = "rtbill"
enforcement = "{stance}"
demo = true
secret = "{secret}"
token = "{token}"
{dialplan}
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
TARIFF = """prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
49,Germany,0.015,0.0600,1,1
44,United Kingdom,0,0.1200,60,1
"""


@dataclass(frozen=True, slots=True)
class Room:
    """A prepaid extension with its opening balance."""

    extension: str
    balance: str
    email: str = ""
    """Of its holder."""


class Biller:
    """One biller and its folder; start, kill and stop it as often as wanted."""

    def __init__(
        self,
        folder: Path,
        ami_port: int,
        *,
        secret: str = SECRET,
        guard_s: float = 0.5,
        stance: str = "enforce",
        unaided: str = "closed",
        inline_port: int = 0,
        dialplan: str = "",
        more: str = "",
    ) -> None:
        """`more` are sections of the configuration that the others do without."""
        self.folder = folder
        self.http_port = free_port()
        self.database = folder / "rtbill.sqlite"
        self.config = folder / "config.toml"
        self._process: program.Process | None = None
        self._books: sqlite3.Connection | None = None
        self.config.write_text(
            CONFIG.format(
                http_port=self.http_port,
                ami_port=ami_port,
                secret=secret,
                token=TOKEN,
                guard_s=guard_s,
                stance=stance,
                unaided=unaided,
                inline_port=inline_port,
                dialplan=dialplan,
                mode="inline" if inline_port else "reactive",
            )
            + more
        )

    def set_stance(self, before: str, after: str) -> None:
        """Edit the configuration; it holds from the next start."""
        text = self.config.read_text()
        assert f'enforcement = "{before}"' in text
        self.config.write_text(
            text.replace(f'enforcement = "{before}"', f'enforcement = "{after}"')
        )

    def run(self, *arguments: str) -> str:
        """Output of one rtbill command; fails loudly when it does."""
        done = self.try_to(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_to(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One rtbill command, whatever comes of it."""
        return program.run([*arguments, "--config", str(self.config)])

    def prepare(self, rooms: list[Room], rates: str = TARIFF) -> None:
        """Tariff, accounts and opening balances."""
        tariff = self.folder / "tariff.csv"
        tariff.write_text(rates)
        accounts = self.folder / "accounts.csv"
        rows = ["account,name,kind,currency,class,pbx,extension,from,opening_balance,email"]
        rows += [
            f"room-{room.extension},Room {room.extension},prepaid,EUR,student,hall,"
            f"{room.extension},2020-01-01,{room.balance},{room.email}"
            for room in rooms
        ]
        accounts.write_text("\n".join(rows) + "\n")
        self.run("migrate")
        self.run(*("tariff", "import", str(tariff)), "--name=test", "--from=2020-01-01", "--apply")
        self.run("accounts", "import", str(accounts), "--apply")

    def take_over(self, prepared: Path) -> None:
        """Begin with a copy of a database that another biller prepared and stopped using."""
        shutil.copy(prepared, self.database)

    def start(self, *, from_nothing: bool = False) -> None:
        """Start the service; it may not be ready yet. From nothing it has all imports to do."""
        assert self._process is None
        words = ["run", "--view", "none", "--config", str(self.config)]
        begin = program.started if from_nothing else program.forked
        with (self.folder / "biller.log").open("ab") as log:
            self._process = begin(words, log)

    async def ready(self, timeout_s: float = 20.0) -> float:
        """Wait until /readyz says so; seconds it took."""
        began = time.monotonic()
        async with httpx.AsyncClient() as client:
            while time.monotonic() - began < timeout_s:
                try:
                    answer = await client.get(
                        f"http://127.0.0.1:{self.http_port}/readyz", timeout=2
                    )
                    if answer.status_code == 200:
                        return time.monotonic() - began
                except httpx.TransportError:
                    pass
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "biller.log").read_text()
                await asyncio.sleep(0.02)
        raise TimeoutError((self.folder / "biller.log").read_text()[-2000:])

    def kill9(self) -> None:
        """End it without warning."""
        assert self._process is not None
        self._close_books()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._process = None

    def stop(self) -> int:
        """End it as systemd would; its exit code."""
        assert self._process is not None
        self._close_books()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        self._process = None
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._close_books()
        if self._process is not None:
            self.kill9()

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of the database, read past the program."""
        if self._books is None:
            # Kept, because reading the tables' definitions costs more than most questions.
            uri = f"file:{self.database}?mode=ro"
            self._books = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False
            )
        return self._books.execute(sql, values).fetchall()

    def _close_books(self) -> None:
        """So that the service is the last that closes them, as it is elsewhere."""
        if self._books is not None:
            self._books.close()
            self._books = None

    @property
    def pid(self) -> int:
        """Of the running service."""
        assert self._process is not None
        return self._process.pid


def exists(pid: int) -> bool:
    """Whether a process of this id lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
