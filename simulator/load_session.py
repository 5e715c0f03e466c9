"""One AMI connection of the load generator: answers every action of a biller, cheaply.

It holds what an exchange would hold: legs that ring or talk, rows of calls that ended and were not
acknowledged yet, keys that were put. Timers and hang-ups are accepted and counted, not carried out:
the load is to be offered as planned.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Iterable

from simulator.load_calls import Call, stamp

_END = b"\r\n\r\n"
_ACKNOWLEDGED = b"Action: DBDel\r\nFamily: rtbill/done\r\nKey: "
_DELETED = b"Response: Success\r\nMessage: Key deleted successfully\r\n\r\n"
_BANNER = b"Asterisk Call Manager/11.0.0\r\n"
_BOOTED = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 86400\r\nLastReload: 86400\r\n"
    b"Status: Fully Booted\r\n\r\n"
)
_COMMANDS = (
    *("AbsoluteTimeout", "CoreSettings", "CoreStatus", "DBDel", "DBGet", "DBGetTree", "DBPut"),
    *("Filter", "Hangup", "ListCommands", "Login", "Logoff", "Ping", "Status"),
)
_UNREAD_MAX = 512 * 1024
"""Bytes waiting for the biller to read; beyond it no call begins or goes on."""

Row = tuple[bytes, bytes]


def wall_us() -> int:
    """The exchange's clock, in microseconds since 1970."""
    return time.time_ns() // 1000


class LoadSession(asyncio.Protocol):
    """The exchange's side of one connection, and all its calls."""

    def __init__(self, user: str, secret: str) -> None:
        self._login = (user.encode(), secret.encode())
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._keys: dict[bytes, bytes] = {}
        self.ringing: dict[bytes, Call] = {}
        """Dialled and not answered yet, by leg."""
        self.talking: dict[bytes, Call] = {}
        self.ended: dict[bytes, Call] = {}
        """Hung up, and not acknowledged yet."""
        self.latencies_s: array[float] = array("d")
        """From a Hangup given to the socket to its acknowledgement, in order of arrival."""
        self.acknowledged_at: array[float] = array("d")
        self.actions: dict[str, int] = {}
        self.ready = asyncio.Event()
        """The biller has signed in and given its first sign of life."""
        self.writable = asyncio.Event()
        self.room = asyncio.Event()
        """Set whenever a call was acknowledged."""
        self.gone = asyncio.Event()
        self._handlers = self._answers()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(_UNREAD_MAX)
        self.writable.set()
        transport.write(_BANNER)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self.gone.set()
        self.room.set()
        self.writable.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        blocks = (self._held + data).split(_END)
        self._held = blocks.pop()
        answers: list[bytes] = []
        for block in blocks:
            if block.startswith(_ACKNOWLEDGED):
                answers.append(self._acknowledge(block[len(_ACKNOWLEDGED) :], now))
            else:
                answers.append(self._answer(block))
        assert self._transport is not None
        self._transport.write(b"".join(answers))

    # What the load uses

    def send(self, messages: Iterable[bytes], ended: Iterable[Call] = ()) -> None:
        """Give messages to the socket; the calls among them that end are timed from now."""
        assert self._transport is not None
        data = b"".join(messages)
        now = time.monotonic()
        for call in ended:
            call.written_at = now
            self.ended[call.leg] = call
        self._transport.write(data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    # Answers

    def _acknowledge(self, rest: bytes, now: float) -> bytes:
        leg, _, action_id = rest.partition(b"\r\nActionID: ")
        call = self.ended.pop(leg, None)
        if call is None:
            return _response(b"Error", action_id, b"Message: Database entry not found\r\n")
        self.latencies_s.append(now - call.written_at)
        self.acknowledged_at.append(now)
        self.room.set()
        if action_id:
            return _response(b"Success", action_id, b"Message: Key deleted successfully\r\n")
        return _DELETED

    def _answer(self, block: bytes) -> bytes:
        request = {}
        for line in block.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            request[name] = value
        action = request.get(b"Action", b"").decode("ascii", "replace")
        self.actions[action] = self.actions.get(action, 0) + 1
        return self._handlers.get(action, _unknown)(request)

    def _answers(self) -> dict[str, Callable[[dict[bytes, bytes]], bytes]]:
        return {
            "AbsoluteTimeout": lambda request: _success(request, b"Message: Timeout Set\r\n"),
            "CoreSettings": lambda request: _success(request, b"AsteriskVersion: 22.10.1\r\n"),
            "CoreStatus": _success,
            "DBDel": self._delete,
            "DBGet": self._get,
            "DBGetTree": self._tree,
            "DBPut": self._put,
            "Filter": lambda request: _success(request, b"Message: Filter added successfully\r\n"),
            "Hangup": lambda request: _success(request, b"Message: Channel Hungup\r\n"),
            "ListCommands": lambda request: _success(
                request, b"".join(b"%s: listed\r\n" % name.encode() for name in _COMMANDS)
            ),
            "Login": self._sign_in,
            "Logoff": lambda request: _response(
                b"Goodbye", request.get(b"ActionID", b""), b"Message: Thanks for all the fish.\r\n"
            ),
            "Ping": lambda request: _success(
                request, b"Ping: Pong\r\nTimestamp: %s\r\n" % stamp(wall_us())
            ),
            "Status": self._status,
        }

    def _sign_in(self, request: dict[bytes, bytes]) -> bytes:
        if (request.get(b"Username"), request.get(b"Secret")) != self._login:
            return _failure(request, b"Authentication failed")
        return _success(request, b"Message: Authentication accepted\r\n") + _BOOTED

    def _put(self, request: dict[bytes, bytes]) -> bytes:
        key = b"/%s/%s" % (request.get(b"Family", b""), request.get(b"Key", b""))
        self._keys[key] = request.get(b"Val", b"")
        if key == b"/rtbill/alive":
            self.ready.set()
        return _success(request, b"Message: Updated database successfully\r\n")

    def _get(self, request: dict[bytes, bytes]) -> bytes:
        family, key = request.get(b"Family", b""), request.get(b"Key", b"")
        value = self._keys.get(b"/%s/%s" % (family, key))
        if value is None:
            return _failure(request, b"Database entry not found")
        row = b"Event: DBGetResponse\r\nFamily: %s\r\nKey: %s\r\nVal: %s\r\n" % (family, key, value)
        return _list(request, [row], b"DBGetComplete")

    def _delete(self, request: dict[bytes, bytes]) -> bytes:
        key = b"/%s/%s" % (request.get(b"Family", b""), request.get(b"Key", b""))
        if self._keys.pop(key, None) is None:
            return _failure(request, b"Database entry not found")
        return _success(request, b"Message: Key deleted successfully\r\n")

    def _tree(self, request: dict[bytes, bytes]) -> bytes:
        family, key = request.get(b"Family", b""), request.get(b"Key", b"")
        rows = [
            b"Event: DBGetTreeResponse\r\nKey: %s\r\nVal: %s\r\n" % row
            for row in self._rows(family)
            if not key or row[0] == b"/%s/%s" % (family, key)
        ]
        return _list(request, rows, b"DBGetTreeComplete")

    def _rows(self, family: bytes) -> list[Row]:
        if family == b"rtbill/live":
            return [
                (b"/rtbill/live/" + call.leg, call.live_row()) for call in self.talking.values()
            ]
        if family == b"rtbill/done":
            return [(b"/rtbill/done/" + call.leg, call.done_row()) for call in self.ended.values()]
        return [row for row in self._keys.items() if row[0].startswith(b"/%s/" % family)]

    def _status(self, request: dict[bytes, bytes]) -> bytes:
        items = [call.status(is_up=True) for call in self.talking.values()]
        items += [call.status(is_up=False) for call in self.ringing.values()]
        return _list(request, items, b"StatusComplete")


def _response(result: bytes, action_id: bytes, rest: bytes = b"") -> bytes:
    identity = b"ActionID: %s\r\n" % action_id if action_id else b""
    return b"Response: %s\r\n%s%s\r\n" % (result, identity, rest)


def _success(request: dict[bytes, bytes], rest: bytes = b"") -> bytes:
    return _response(b"Success", request.get(b"ActionID", b""), rest)


def _failure(request: dict[bytes, bytes], text: bytes) -> bytes:
    return _response(b"Error", request.get(b"ActionID", b""), b"Message: %s\r\n" % text)


def _unknown(request: dict[bytes, bytes]) -> bytes:
    return _failure(request, b"Invalid/unknown command")


def _list(request: dict[bytes, bytes], items: list[bytes], complete: bytes) -> bytes:
    identity = b"ActionID: %s\r\n" % request.get(b"ActionID", b"")
    start = _success(request, b"EventList: start\r\nMessage: Result will follow\r\n")
    body = b"".join(item + identity + b"\r\n" for item in items)
    end = b"Event: %s\r\n%sEventList: Complete\r\nListItems: %d\r\n\r\n"
    return start + body + end % (complete, identity, len(items))
