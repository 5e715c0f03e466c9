"""A scripted exchange on a loopback socket, a clock moved by hand, and a listener."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Self, TypeVar

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.rights import NEEDED_ACTIONS
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.asterisk.wire import Message, actions
from adapters.line import LinkSettings
from rtbill.domain.events import PbxEvent
from tests.fakes.talks import conversing
from tests.unit.adapters.ami_text import BASE_S

E = TypeVar("E", bound=PbxEvent)
Reply = Callable[[Message], str]

SOCKET_MOMENT_S = 0.004
PATIENCE_S = 5.0
"""How long a test waits for something that must happen."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop and the loopback socket work until this holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a socket buffer gives no event
            await asyncio.sleep(0.001)


class ManualClock:
    """ports.Clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._passed_s = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(BASE_S, UTC) + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed_s + seconds, next(self._order), woken))
        await woken

    @property
    def longest_sleep_s(self) -> float:
        """How far off the last one is who sleeps now; 0 when nobody does."""
        return max(
            (due - self._passed_s for due, _, woken in self._sleepers if not woken.done()),
            default=0.0,
        )

    def slip(self, seconds: float) -> None:
        """Move on in the middle of something; who sleeps is woken later."""
        self._passed_s += seconds

    async def advance(self, seconds: float) -> None:
        """Move on, waking sleepers in order; the sockets get a moment after each."""
        await asyncio.sleep(SOCKET_MOMENT_S)
        target = self._passed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            self._passed_s, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
                await asyncio.sleep(SOCKET_MOMENT_S)
        self._passed_s = target


class FakeExchange:
    """An AMI server that answers by a table and remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.connections = 0
        self.replies: dict[str, Reply] = {
            "Login": lambda _: "Response: Success\r\n" + self.id_of(_) + FULLY_BOOTED,
            "ListCommands": lambda _: self.ok(
                _, *(f"{name}: x" for name in ["Ping", *NEEDED_ACTIONS])
            ),
            "CoreSettings": lambda _: self.ok(_, "AsteriskVersion: 22.10.1"),
            "Status": lambda _: self.a_list(_, ""),
            "DBGetTree": lambda _: self.a_list(_, ""),
            "DBGet": lambda _: self.error(_, "Database entry not found"),
            "Ping": lambda _: self.ok(_, "Ping: Pong"),
        }
        self.silent: set[str] = set()
        """Actions that are heard and not answered."""
        self.mute = False
        self._writers: list[asyncio.StreamWriter] = []
        self._stack = AsyncExitStack()
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        self.port = await self._stack.enter_async_context(conversing(self._serve, self.port))

    async def stop(self) -> None:
        """Refuse connections and drop those there are."""
        self.drop()
        await self._stack.aclose()

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def say(self, text: str) -> None:
        """Send blocks of headers, divided by empty lines."""
        blocks = [block.strip() for block in text.strip().split("\n\n")]
        lines = ["\r\n".join(line.strip() for line in block.splitlines()) for block in blocks]
        self.say_bytes("".join(f"{block}\r\n\r\n" for block in lines).encode())

    def say_bytes(self, data: bytes) -> None:
        self._writers[-1].write(data)

    def asked(self, action: str) -> list[Message]:
        return [message for message in self.heard if message.event == action]

    @staticmethod
    def id_of(action: Message) -> str:
        return f"ActionID: {action.get('ActionID')}\r\n"

    @classmethod
    def ok(cls, action: Message, *lines: str) -> str:
        more = "".join(f"{line}\r\n" for line in lines)
        return f"Response: Success\r\n{cls.id_of(action)}{more}\r\n"

    @classmethod
    def error(cls, action: Message, text: str) -> str:
        return f"Response: Error\r\n{cls.id_of(action)}Message: {text}\r\n\r\n"

    @classmethod
    def a_list(cls, action: Message, items: str) -> str:
        """A list reply whose items are text blocks with the ActionID `x`."""
        blocks = [block.strip() for block in items.split("\n\n") if block.strip()]
        body = "".join(
            "\r\n".join(line.strip() for line in block.splitlines()) + "\r\n\r\n"
            for block in blocks
        ).replace("ActionID: x", f"ActionID: {action.get('ActionID')}")
        start = cls.ok(action, "EventList: start")
        complete = (
            f"Event: {action.event}Complete\r\n{cls.id_of(action)}EventList: Complete\r\n\r\n"
        )
        return start + body + complete

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                [action] = actions(await reader.readuntil(b"\r\n\r\n"))
                self.heard.append(action)
                if not self.mute and action.event not in self.silent:
                    reply = self.replies.get(action.event, self.ok)
                    writer.write(reply(action).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()


FULLY_BOOTED = "\r\nEvent: FullyBooted\r\nPrivilege: system,all\r\nUptime: 30\r\n\r\n"


class Listener:
    """Receives events one by one."""

    def __init__(self, pbx: AsteriskPbx) -> None:
        self._pbx = pbx
        self._waiting: deque[PbxEvent] = deque()
        self.all: list[PbxEvent] = []

    async def next(self, kind: type[E]) -> E:
        """The next event, which must be of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._waiting:
                self._waiting.extend(await self._pbx.receive())
        event = self._waiting.popleft()
        self.all.append(event)
        assert isinstance(event, kind), f"{event} is no {kind.__name__}"
        return event

    @property
    def is_quiet(self) -> bool:
        """Nothing more has been told."""
        return not self._waiting and not len(self._pbx._buffer)


def a_pbx(
    exchange: FakeExchange, clock: ManualClock, host: str = "127.0.0.1", **link: float
) -> AsteriskPbx:
    settings = AsteriskSettings(
        name="lab",
        host=host,
        port=exchange.port,
        user="rtbill",
        secret="s3cret",
        trunks=(Trunk("carrier", ("PJSIP/carrier-",)),),
        link=LinkSettings(**link),  # type: ignore[arg-type]
        booted_timeout_s=0.3,
    )
    return AsteriskPbx(settings, clock)


@asynccontextmanager
async def running(pbx: AsteriskPbx) -> AsyncIterator[Listener]:
    """The link at work."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pbx.run(), name="link")
        try:
            yield Listener(pbx)
        finally:
            task.cancel()
