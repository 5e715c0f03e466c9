"""The program as a process: forked from one that has imported it, or started from nothing."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from tests.integration.forking import NUMBER

ROOT = Path(__file__).parents[2]
COMMAND_TIMEOUT_S = 60.0


class Process(Protocol):
    """What subprocess.Popen promises of it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


@dataclass(slots=True)
class Fork:
    """A process that another one has forked for us."""

    pid: int
    _told: int
    """Where its end is told."""
    _code: int | None = field(default=None, init=False)

    def poll(self) -> int | None:
        """Its exit code, or less than zero the signal that ended it; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float) -> int:
        """The same, as soon as it has ended; subprocess.TimeoutExpired when it has not."""
        if self._code is None:
            waiting = select.poll()
            waiting.register(self._told, select.POLLIN)
            if not waiting.poll(timeout * 1000):
                raise subprocess.TimeoutExpired(f"rtbill, process {self.pid}", timeout)
            self._code = os.waitstatus_to_exitcode(_number(self._told))
            os.close(self._told)
        return self._code

    def send_signal(self, number: int, /) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def started(words: Sequence[str], log: IO[bytes]) -> Process:
    """The program from nothing, as its command starts it; all it says goes to the log."""
    return subprocess.Popen([sys.executable, "-m", "rtbill", *words], stdout=log, stderr=log)


def forked(
    words: Sequence[str],
    out: IO[bytes],
    errors: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Fork:
    """The program with its imports done; what is not given is as in this process."""
    asked = {
        "words": list(words),
        "folder": str(Path.cwd()),
        "environment": dict(os.environ if environment is None else environment),
    }
    told, telling = os.pipe()
    try:
        streams = [out.fileno(), (errors or out).fileno(), telling]
        socket.send_fds(_forking().orders, [json.dumps(asked).encode()], streams)
    finally:
        os.close(telling)
    return Fork(_number(told), told)


def run(
    words: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command to its end, whatever comes of it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = forked(words, out, errors, environment)
        try:
            code = process.wait(COMMAND_TIMEOUT_S)
        finally:
            process.send_signal(signal.SIGKILL)
        out.seek(0)
        errors.seek(0)
        said, complained = out.read().decode(), errors.read().decode()
    return subprocess.CompletedProcess(["rtbill", *words], code, said, complained)


@dataclass(frozen=True, slots=True)
class _Forking:
    """The process that forks, and where it takes orders."""

    process: subprocess.Popen[bytes]
    orders: socket.socket

    def end(self) -> None:
        """It ends when it can get no more orders; its forks live on."""
        self.orders.close()
        self.process.wait(COMMAND_TIMEOUT_S)


@cache
def _forking() -> _Forking:
    """One for all tests of this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.forking", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    made = _Forking(process, ours)
    atexit.register(made.end)
    return made


def _number(descriptor: int) -> int:
    told = os.read(descriptor, NUMBER.size)
    assert len(told) == NUMBER.size, "the process that forks has died"
    (number,) = NUMBER.unpack(told)
    assert isinstance(number, int)
    return number
