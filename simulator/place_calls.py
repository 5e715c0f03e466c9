"""Place real test calls through a real Asterisk, by a client that shares no code with the biller.

The client is panoramisk. It has known defects, and this module keeps them harmless: nothing of it
has a deadline, so every wait here has one; it would send a value with a line break as a second
action, so such values are refused; it reconnects and re-sends by itself, so both are switched off;
an exception in a callback kills its connection, so the callback only stores.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import panoramisk  # type: ignore[import-untyped]  # the library has no type hints
from panoramisk.ami_protocol import AMIProtocol  # type: ignore[import-untyped]  # the same

CONNECT_WITHIN_S = 5.0
REPLY_WITHIN_S = 5.0
END_WITHIN_S = 10.0
LAST_WORDS_S = 0.3
"""For the hang-ups of the other legs, which come after the first."""
EVENTS_MAX = 10_000
NEVER_S = 10**6

Fields = Mapping[str, str]


class Manager(Protocol):
    """What is used of panoramisk's Manager."""

    on_disconnect: Callable[..., None]
    connect: Callable[..., None]
    config: dict[str, object]
    protocol: AmiProtocol
    encoding: str
    responses: dict[str, object]

    def register_event(self, pattern: str, callback: Callable[..., None]) -> object: ...
    def send_action(
        self, action: dict[str, str | list[str]], *, as_list: bool
    ) -> asyncio.Future[Fields]: ...
    def close(self) -> None: ...


class AmiProtocol(Protocol):
    """What is used of panoramisk's protocol object."""

    factory: Manager
    config: dict[str, object]
    encoding: str
    responses: dict[str, object]


class PlacingFailed(Exception):
    """The exchange could not be reached, refused, or fell silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """Which calls to place."""

    host: str
    port: int
    user: str
    secret: str
    caller: str
    called: str
    channel: str = "PJSIP/%s@carrier"
    """Dial string; %s is the number."""
    context: str = ""
    talk_s: float = 5.0
    answer_within_s: float = 30.0
    calls: int = 1


@dataclass(slots=True)
class Leg:
    """What events said of one channel; instants are UTC, None where no event came."""

    channel: str
    uniqueid: str
    answered_at: str | None = None
    ended_at: str | None = None
    cause: int | None = None


@dataclass(slots=True)
class PlacedCall:
    """What became of one call."""

    caller: str
    called: str
    result: str = "unanswered"
    """answered, unanswered, or unfinished if no hang-up was seen in time."""
    legs: dict[str, Leg] = field(default_factory=dict)

    def to_json(self, uniqueid: str) -> str:
        """One line: the leg that was originated, then all legs that belong to it."""
        own = self.legs.get(uniqueid, Leg("", uniqueid))
        line = {"from": self.caller, "to": self.called, "result": self.result, **asdict(own)}
        line["legs"] = [asdict(leg) for leg in self.legs.values()]
        return json.dumps(line)


async def place_calls(order: CallOrder, write: Callable[[str], object] | None = None) -> int:
    """Place them one after the other, writing a line of JSON for each.

    0 if all were answered and ended, else 1.
    """
    write = write or (lambda line: print(line, flush=True))  # noqa: T201 -- a command's output
    failed = 0
    async with _signed_in(order) as link:
        for number in range(1, order.calls + 1):
            # Given by us, so that every event of the call can be told from the exchange's other
            # calls.
            uniqueid = f"{time.time_ns() // 10**9}.{9_000_000 + number}"
            call = await link.place(order, uniqueid)
            write(call.to_json(uniqueid))
            failed += call.result != "answered"
    return 1 if failed else 0


class Link:
    """A signed-in connection: actions with a deadline, events in order, loss noticed."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._events: deque[Fields] = deque(maxlen=EVENTS_MAX)
        self._arrived = asyncio.Event()
        self._is_lost = False
        self._numbers = itertools.count(1)
        manager.register_event("*", self._store)

    def _store(self, _manager: Manager, event: Fields) -> None:
        self._events.append({str(key).lower(): str(value) for key, value in event.items()})
        self._arrived.set()

    def lost(self, *_: object) -> None:
        """Called by the library when the connection is gone."""
        self._is_lost = True
        self._arrived.set()

    async def act(self, within_s: float, **headers: str | list[str]) -> Fields:
        """Send one action and give back its first answer.

        Raises PlacingFailed on an error or silence.
        """
        refuse_line_breaks(headers)
        if self._is_lost:
            raise PlacingFailed("the exchange closed the connection")
        name = headers["Action"]
        answered = self._manager.send_action(dict(headers), as_list=False)
        try:
            async with asyncio.timeout(within_s):
                while not answered.done() and not self._is_lost:
                    self._arrived.clear()
                    answered.add_done_callback(lambda _future: self._arrived.set())
                    await self._arrived.wait()
        except TimeoutError as error:
            raise PlacingFailed(f"no answer to {name} within {within_s:g} s") from error
        if not answered.done():
            raise PlacingFailed("the exchange closed the connection")
        fields = {str(key).lower(): str(value) for key, value in answered.result().items()}
        if fields.get("response") != "Success":
            raise PlacingFailed(f"{name} was refused: {fields.get('message', fields)}")
        return fields

    async def place(self, order: CallOrder, uniqueid: str) -> PlacedCall:
        """Originate one call, let it talk, hang it up."""
        call = PlacedCall(order.caller, order.called)
        self._events.clear()
        await self.act(REPLY_WITHIN_S, **_originate(order, uniqueid))
        own = await self._follow(call, uniqueid, order.answer_within_s, until="answer")
        if own is not None and own.answered_at and not own.ended_at:
            call.result = "answered"
            await self._follow(call, uniqueid, order.talk_s)
        if own is not None and not own.ended_at:
            await self.act(REPLY_WITHIN_S, Action="Hangup", Channel=own.channel, Cause="16")
            await self._follow(call, uniqueid, END_WITHIN_S)
            if not own.ended_at:
                call.result = "unfinished"
            await self._follow(call, uniqueid, LAST_WORDS_S, until="time")
        elif own is not None and own.answered_at:
            call.result = "answered"
        return call

    async def _follow(
        self, call: PlacedCall, uniqueid: str, within_s: float, *, until: str = "end"
    ) -> Leg | None:
        """Read events until the "end", the "answer", or only until the "time" is over."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._events:
                        note_event(call, uniqueid, self._events.popleft())
                        own = call.legs.get(uniqueid)
                        has_answered = own is not None and own.answered_at is not None
                        has_ended = own is not None and own.ended_at is not None
                        if (has_ended and until != "time") or (has_answered and until == "answer"):
                            return own
                    if self._is_lost:
                        raise PlacingFailed("the exchange closed the connection during a call")
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return call.legs.get(uniqueid)


def refuse_line_breaks(headers: Mapping[str, str | list[str]]) -> None:
    """Raises PlacingFailed where a value would be taken for a second action."""
    for key, value in headers.items():
        for text in [value] if isinstance(value, str) else value:
            if any(character in text for character in "\r\n\0"):
                raise PlacingFailed(f"{key} holds a line break: {text!r}")


def note_event(call: PlacedCall, uniqueid: str, event: Fields) -> None:
    """Take from one event what it says of the call's legs."""
    own = event.get("uniqueid", "")
    if uniqueid not in (own, event.get("linkedid")):
        return
    leg = call.legs.setdefault(own, Leg(event.get("channel", ""), own))
    match event.get("event"):
        case "Newstate" if event.get("channelstate") == "6":
            leg.answered_at = leg.answered_at or _instant(event)
        case "Hangup":
            leg.ended_at = _instant(event)
            cause = event.get("cause", "")
            leg.cause = int(cause) if cause.isdigit() else None
        case _:
            pass


def _originate(order: CallOrder, uniqueid: str) -> dict[str, str | list[str]]:
    dialled = order.channel.replace("%s", order.called)
    action: dict[str, str | list[str]] = {
        "Action": "Originate",
        "Channel": dialled,
        "ChannelId": uniqueid,
        "CallerID": f"{order.caller} <{order.caller}>",
        "Account": order.caller,
        "Timeout": str(round(order.answer_within_s * 1000)),
        "Async": "true",
        # An originated leg does not pass the dialplan that finds the payer: it must be told.
        "Variable": [
            f"RTB_PAYER={order.caller}",
            f"RTB_DEST={order.called}",
            f"RTB_EXT={order.caller}",
        ],
    }
    if dialled.startswith("Local/"):
        action["OtherChannelId"] = uniqueid + "2"
    if order.context:
        return {**action, "Context": order.context, "Exten": order.called, "Priority": "1"}
    # The exchange ends the call by itself should this program die.
    return {**action, "Application": "Wait", "Data": str(round(order.talk_s) + 30)}


@asynccontextmanager
async def _signed_in(order: CallOrder) -> AsyncIterator[Link]:
    manager: Manager = panoramisk.Manager(
        loop=asyncio.get_running_loop(),
        host=order.host,
        port=order.port,
        ping_delay=NEVER_S,
        ping_interval=NEVER_S,
        reconnect_timeout=NEVER_S,
    )
    link = Link(manager)
    manager.on_disconnect = link.lost
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            # Connected by hand: the library's own way retries for ever.
            _, protocol = await asyncio.get_running_loop().create_connection(
                AMIProtocol, order.host, order.port
            )
    except (OSError, TimeoutError) as error:
        raise PlacingFailed(f"no connection to {order.host}:{order.port}: {error}") from error
    _adopt(manager, protocol)
    try:
        login = {"Username": order.user, "Secret": order.secret, "Events": "on"}
        await link.act(REPLY_WITHIN_S, Action="Login", **login)
        yield link
    finally:
        manager.close()


def _adopt(manager: Manager, protocol: AmiProtocol) -> None:
    """What the library does itself when it connects, without sign-in, pings and reconnecting."""
    manager.protocol = protocol
    manager.connect = lambda *_args, **_more: None
    protocol.factory, protocol.config = manager, manager.config
    protocol.encoding = manager.encoding = "utf-8"
    manager.responses = protocol.responses = {}


def _instant(event: Fields) -> str:
    """The event's own time; this machine's if the exchange does not stamp its events."""
    stamp = event.get("timestamp")
    now = f"{time.time_ns() // 10**9}"
    seconds, _, fraction = (stamp or now).partition(".")
    whole = datetime.fromtimestamp(int(seconds), UTC)
    return whole.replace(microsecond=int(fraction.ljust(6, "0")[:6] or 0)).isoformat()
