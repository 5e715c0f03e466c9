"""Who may sign in, as postfix asks: the server's side of Dovecot's authentication protocol.

One line each, fields parted by tabs: `AUTH 1 PLAIN service=smtp ... resp=<base64>` is answered
`OK 1 user=NAME` or `FAIL 1`. doc.dovecot.org, "Authentication Protocol", version 1.2.
"""

from __future__ import annotations

import base64
import binascii
import socketserver
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.mail_server import PASSWORD, USER

if TYPE_CHECKING:
    from types import TracebackType

_GREETING = (
    "VERSION\t1\t2\n"
    "MECH\tPLAIN\tplaintext\n"
    "SPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n"
)


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(_GREETING.encode())
        for line in self.rfile:
            fields = line.decode().rstrip("\n").split("\t")
            if fields[0] == "AUTH":
                self.wfile.write(_answer(fields[1], fields[2:]).encode())


def _answer(number: str, words: list[str]) -> str:
    response = next((word[5:] for word in words if word.startswith("resp=")), "")
    try:
        _, user, password = base64.b64decode(response).decode().split("\0")
    except (ValueError, binascii.Error):
        return f"FAIL\t{number}\n"
    if (user, password) == (USER, PASSWORD):
        return f"OK\t{number}\tuser={user}\n"
    return f"FAIL\t{number}\tuser={user}\n"


class SignIn:
    """Answers on a socket that postfix's daemons reach; `with` starts and stops it."""

    def __init__(self, path: Path) -> None:
        self._server = socketserver.ThreadingUnixStreamServer(str(path), _Talk)
        self._server.daemon_threads = True
        path.chmod(0o666)
        self._thread = threading.Thread(target=self._server.serve_forever, name="sign in")

    def __enter__(self) -> SignIn:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
