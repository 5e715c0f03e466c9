"""The program imported once, and forked for each process that tests want of it.

Python takes a second of processor to start and import the program, and the tests start it some five
hundred times. A fork begins where the imports end; from there on it is a process as any other, with
its own streams, folder, environment and signals. That the program also starts from nothing is told
by the tests that start it by its command: those of kills, of the demonstration and of instructions.

python -m tests.integration.forking FD, where FD is a Unix socket of packets: each names words,
folder and environment of one process as JSON, with the descriptors of its output, of its errors,
and of where its id is told, and later its exit status.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import typer.main

from rtbill import cli

REQUEST_BYTES_MAX = 1 << 20
NUMBER = struct.Struct("=i")
"""Of a process, and how it ended as `waitpid` says it."""
IMPORTED = (
    "rtbill.app.offline",
    "rtbill.app.service",
    "rtbill.app.pay_web",
    "rtbill.notify.letters",
    "rtbill.notify.smtp",
    "rtbill.web.api",
    "rtbill.web.operations",
    "payments.cashless_soap",
    "payments.stripe_card",
)


def serve(orders: socket.socket) -> list[str] | None:
    """Fork until nobody can ask any more; the words of the command in each fork, and None at last
    in the process that forked.
    """
    told, telling = socket.socketpair()
    telling.settimeout(0)
    running: dict[int, int] = {}
    with told, telling, selectors.DefaultSelector() as waiting:
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)
        waiting.register(orders, selectors.EVENT_READ)
        waiting.register(told, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is told:
                    told.recv(4096)
                    _tell_of_ends(running)
                    continue
                packet, streams, _, _ = socket.recv_fds(orders, REQUEST_BYTES_MAX, 3)
                if not packet:
                    return None
                pid = os.fork()
                if pid == 0:
                    _become_ordinary(running)
                    return _dressed(json.loads(packet), streams)
                running[pid] = _keep_last(streams)
                _tell(running[pid], pid)


def _tell_of_ends(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        end = running.pop(pid)
        _tell(end, status)
        os.close(end)


def _tell(descriptor: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(descriptor, NUMBER.pack(number))


def _keep_last(streams: list[int]) -> int:
    *others, last = streams
    for each in others:
        os.close(each)
    return last


def _become_ordinary(running: dict[int, int]) -> None:
    """The fork has the signals of a new process, and no part in the others."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in running.values():
        os.close(each)


def _dressed(asked: dict[str, object], streams: list[int]) -> list[str]:
    """The words, once folder, environment and streams are those that were asked for."""
    os.chdir(str(asked["folder"]))
    environment, words = asked["environment"], asked["words"]
    assert isinstance(environment, dict)
    assert isinstance(words, list)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    out, errors, told = streams
    os.dup2(out, 1)
    os.dup2(errors, 2)
    for each in (out, errors, told):
        os.close(each)
    return words


def main() -> None:
    """Serve on the socket that the first word names; a fork runs its command."""
    for each in IMPORTED:
        importlib.import_module(each)
    command = typer.main.get_command(cli.app)
    # A look for garbage would have each fork copy all that is imported.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        words = serve(orders)
    if words is not None:
        _run(command, words)


def _run(command: Callable[..., object], words: list[str]) -> NoReturn:
    """As the interpreter does, but for tidying up all that is imported, which takes longer than
    most commands.
    """
    code = 0
    try:
        command(words, prog_name="rtbill")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    threading._shutdown()  # type: ignore[attr-defined]  # who has left a thread behind hangs
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
