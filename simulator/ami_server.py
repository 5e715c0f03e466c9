"""An AMI server on loopback.

Reads actions, sends answers and events, and breaks things as the fault plan says.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from simulator.ami_session import AmiSession
from simulator.calls import SimulatedCall
from simulator.channel import Message
from simulator.clock import US, Clock, SpeedClock
from simulator.database import AstDatabase
from simulator.exchange import Exchange
from simulator.faults import FaultPlan
from simulator.replies import Rights

ACTIONS_KEPT_MAX = 100_000
SESSIONS_MAX = 100


class AmiServer:
    """One exchange and everybody who listens to it. Use it as `async with AmiServer() as server`.

    Tests place calls by hand (`start_call`, `ring`, `answer`, `hang_up`), break the link
    (`drop_connections`, `stop_answering`, `restart`) and look at `database` and `actions`.
    """

    def __init__(  # noqa: PLR0913 -- the settings of a server, all by name
        self,
        exchange: Exchange | None = None,
        clock: Clock | None = None,
        *,
        user: str = "rtbill",
        secret: str = "rtbill",  # noqa: S107 -- a simulated exchange on loopback keeps no secret
        rights: Rights | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: FaultPlan | None = None,
        backlog_max: int = 4 * 1024 * 1024,
    ) -> None:
        self.clock: Clock = clock or SpeedClock()
        self.exchange = exchange or Exchange(self.clock.now_us)
        self.user, self.secret, self.rights = user, secret, rights or Rights()
        self.host, self.port = host, port
        self.faults = faults or FaultPlan()
        self.backlog_max = backlog_max
        """Bytes a client may leave unread before it is disconnected.

        Asterisk's figure is about 4 MB.
        """
        self.actions: deque[Mapping[str, str]] = deque(maxlen=ACTIONS_KEPT_MAX)
        """Every action received, keys in lower case, oldest first."""
        self.sessions: list[AmiSession] = []
        self.sessions_opened = 0
        self.is_mute = False
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._timer_us: int | None = None

    # -- life

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._tasks)
        self.exchange.on_event = self._broadcast
        self.exchange.on_timer_change = self._set_timer
        try:
            await self._listen()
        except OSError:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop_listening()
        for session in self.sessions:
            session.close()
        for task in self._running:
            task.cancel()
        await self._stack.__aexit__(kind, error, trace)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._on_connect, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await asyncio.sleep(0)

    def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self.sessions) >= SESSIONS_MAX:
            writer.transport.abort()
            return
        self.sessions_opened += 1
        session = AmiSession(self, reader, writer, self.sessions_opened)
        session.is_silent = self.is_mute
        self.sessions.append(session)
        self._spawn(self._serve(session), f"ami session {self.sessions_opened}")

    async def _serve(self, session: AmiSession) -> None:
        try:
            await session.run()
        finally:
            self.sessions.remove(session)

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        task = self._tasks.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _broadcast(self, message: Message) -> None:
        for session in self.sessions:
            session.offer_event(message)

    # -- AbsoluteTimeout

    def _set_timer(self) -> None:
        next_us = self.exchange.next_timeout_us()
        if next_us is not None and (self._timer_us is None or next_us < self._timer_us):
            self._timer_us = next_us
            self._spawn(self._cut_at(next_us), f"cut at {next_us}")

    async def _cut_at(self, instant_us: int) -> None:
        await self.clock.sleep_until_us(instant_us)
        self.exchange.cut_due()
        if self._timer_us == instant_us:
            self._timer_us = None
            self._set_timer()

    # -- calls by hand

    @property
    def database(self) -> AstDatabase:
        """The exchange's AstDB."""
        return self.exchange.database

    def start_call(self, caller: str, called: str, *, trunk: str | None = None) -> SimulatedCall:
        """An extension dials; the call is refused, at voicemail, or dialling."""
        return self.exchange.start_call(caller, called, trunk=trunk)

    def receive_call(
        self, number: str, extension: str, *, trunk: str | None = None
    ) -> SimulatedCall:
        """A call comes in for an extension."""
        return self.exchange.receive_call(number, extension, trunk=trunk)

    def ring(self, call: SimulatedCall) -> None:
        """The called side rings."""
        self.exchange.ring(call)

    def answer(self, call: SimulatedCall) -> None:
        """The called side answers."""
        self.exchange.answer(call)

    def fail(self, call: SimulatedCall, how: str) -> None:
        """The called side does not answer: busy, noanswer, cancel, congestion, unallocated."""
        self.exchange.fail(call, how)

    def hang_up(self, call: SimulatedCall, by: str = "caller") -> None:
        """One side ends the call."""
        self.exchange.hang_up(call, by)

    # -- faults by hand

    def drop_connections(self) -> None:
        """Break every connection; new ones are welcome."""
        for session in list(self.sessions):
            session.abort()

    def stop_answering(self, *, also_new: bool = False) -> None:
        """Half-open: connections stay, nothing comes any more.

        On request also on new connections.
        """
        self.is_mute = also_new
        for session in self.sessions:
            session.is_silent = True

    def answer_again(self) -> None:
        """New connections are served again; the silent ones stay silent."""
        self.is_mute = False

    def send_garbage(self) -> None:
        """Bytes that are no message, on every connection."""
        for session in self.sessions:
            session.offer(session.faults.garbage(), is_event=False)

    async def restart(self, downtime_s: float = 0.0) -> None:
        """Asterisk dies and comes back after that many seconds of its clock.

        AstDB survives, channels do not.
        """
        self.exchange.restart()
        if downtime_s > 0:
            await self._stop_listening()
        self.drop_connections()
        if downtime_s > 0:
            await self.clock.sleep_until_us(self.clock.now_us() + round(downtime_s * US))
            self.exchange.restart()
            await self._listen()

    def restart_soon(self) -> None:
        """Restart from within a connection that is about to be dropped."""
        self._spawn(self.restart(), "restart")
