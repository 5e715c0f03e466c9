"""Gives orders to the running service, from another process of the same machine.

Half of all commands begin here: what it imports, each of them waits for.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from rtbill.domain.errors import (
    BadRecord,
    Conflict,
    NoRate,
    OutcomeUnknown,
    Refused,
    RtbillError,
    Unavailable,
    UnknownAccount,
)
from rtbill.serving.unix_socket import is_answered

ORDER_TIMEOUT_S = 60.0
"""The service gives an order up after that."""
CONNECT_TIMEOUT_S = 5.0

Arguments = dict[str, Any]

ERROR_KINDS: dict[str, tuple[type[RtbillError], int]] = {
    "conflict": (Conflict, 409),
    "no_rate": (NoRate, 409),
    "unknown_account": (UnknownAccount, 409),
    "refused": (Refused, 409),
    "bad_record": (BadRecord, 422),
    "unavailable": (Unavailable, 503),
    "outcome_unknown": (OutcomeUnknown, 504),
}
"""How an error travels: the first entry whose class fits. Subclasses stand before their parent."""


class ControlClient:
    """Gives orders to the running service; raises the error that the service raised."""

    def __init__(self, path: Path, *, timeout_s: float = ORDER_TIMEOUT_S + 5) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def is_running(self) -> bool:
        """Whether a service answers on the socket."""
        return self._path.exists() and is_answered(self._path)

    def order(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of one order. Unavailable when no service answers."""
        absent = f"no rtbill answers on {self._path}; start it with: rtbill run"
        if not self.is_running():
            raise Unavailable(absent)
        body = json.dumps(dict(arguments), ensure_ascii=False, allow_nan=False).encode()
        connection = _Connection(self._path, self._timeout_s)
        try:
            connection.connect()
        except OSError as error:
            raise Unavailable(absent) from error
        try:
            with contextlib.closing(connection):
                status, answer = connection.post(f"/v1/orders/{verb}", body)
        except (OSError, HTTPException) as error:
            raise OutcomeUnknown(
                f"{verb}: the service broke off; look whether it was done"
            ) from error
        return _result(verb, status, answer)


class _Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("rtbill", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """OSError when nobody accepts within CONNECT_TIMEOUT_S."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_TIMEOUT_S)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise
        self.sock.settimeout(self.timeout)

    def post(self, target: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        # Who is sent too much answers before the end, and reads no further.
        with contextlib.suppress(ConnectionError):
            self.request("POST", target, body, {"Content-Type": "application/json"})
        answer = self.getresponse()
        return answer.status, answer.read()


def _result(verb: str, status: int, answer: bytes) -> dict[str, Any]:
    try:
        content = json.loads(answer)
    except ValueError as error:
        raise OutcomeUnknown(f"{verb}: the answer cannot be read") from error
    if status == HTTPStatus.OK:
        assert isinstance(content, dict)
        return content
    kind, message = str(content.get("error")), str(content.get("message"))
    raised, _ = ERROR_KINDS.get(kind, (OutcomeUnknown, 500))
    raise raised(message)
