"""One AMI connection: framing in, queue out, sign-in, and the carrying out of its faults."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from simulator.actions import AMI_VERSIONS, answer_action, fully_booted
from simulator.channel import Message
from simulator.clock import US
from simulator.faults import Cut, FallSilent, RestartExchange, Send, Step, Wait
from simulator.replies import Request, Session, error, parse_classes, success

if TYPE_CHECKING:
    from simulator.ami_server import AmiServer

REQUEST_MAX = 64 * 1024
LOGIN_WITHIN_S = 30.0
LOGIN_FAILED_PAUSE_S = 1.0


class AmiSession:
    """Serves one client until it leaves, is cut, or reads too slowly."""

    def __init__(
        self,
        server: AmiServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self.faults = server.faults.for_session(number)
        self.is_silent = False
        self.was_too_slow = False
        self._server = server
        self._reader, self._writer = reader, writer
        self._session: Session | None = None
        self._outgoing: deque[tuple[bytes, bool]] = deque()
        self._outgoing_size = 0
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Serve until the connection ends."""
        version = AMI_VERSIONS[self._server.exchange.version]
        self.offer(f"Asterisk Call Manager/{version}\r\n".encode(), is_event=False)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send_all())
                await self._receive_all()
                await self._drained(sending)
        except* (ConnectionError, TimeoutError):
            pass
        finally:
            self._writer.close()

    def close(self) -> None:
        """Say goodbye to the client without waiting for it."""
        self._writer.close()

    def abort(self) -> None:
        """Break the connection at once."""
        self._writer.transport.abort()

    def offer_event(self, message: Message) -> None:
        """Send an event if this client hears it."""
        if self._session is not None and self._session.hears(message):
            self.offer(message.to_bytes(), is_event=True)

    def offer(self, data: bytes, *, is_event: bool) -> None:
        """Queue bytes.

        A client that leaves more than the limit unread is disconnected, as Asterisk does.
        """
        waiting = self._outgoing_size + self._writer.transport.get_write_buffer_size()
        if waiting + len(data) > self._server.backlog_max:
            self.was_too_slow = True
            self._outgoing.clear()
            self._outgoing_size = 0
            self.abort()
            return
        self._outgoing.append((data, is_event))
        self._idle.clear()
        self._outgoing_size += len(data)
        self._arrived.set()

    # -- sending

    async def _send_all(self) -> None:
        while True:
            while self._outgoing:
                data, is_event = self._outgoing.popleft()
                self._outgoing_size -= len(data)
                for step in self.faults.steps(data, is_event=is_event):
                    await self._do(step)
            self._idle.set()
            self._arrived.clear()
            await self._arrived.wait()

    async def _do(self, step: Step) -> None:
        match step:
            case Send(data):
                if not self.is_silent:
                    self._writer.write(data)
                    await self._writer.drain()
            case Wait(seconds):
                clock = self._server.clock
                await clock.sleep_until_us(clock.now_us() + round(seconds * US))
            case Cut():
                self.abort()
            case FallSilent():
                self.is_silent = True
            case RestartExchange():
                self._server.restart_soon()

    async def _drained(self, sending: asyncio.Task[None]) -> None:
        """Let the last answer leave before the connection closes."""
        async with asyncio.timeout(1.0):
            self._arrived.set()
            await self._idle.wait()
        sending.cancel()

    # -- receiving

    async def _receive_all(self) -> None:
        buffer = b""
        async with asyncio.timeout(LOGIN_WITHIN_S) as login:
            while data := await self._reader.read(65536):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    raw, _, buffer = buffer.partition(b"\r\n\r\n")
                    await self._handle(parse_request(raw))
                    if self._session is not None:
                        login.reschedule(None)
                        if self._session.is_leaving:
                            return
                if len(buffer) > REQUEST_MAX:
                    self.abort()
                    return
            # The client is gone; what was queued for it is of no use to anyone.
            self._outgoing.clear()

    async def _handle(self, request: Request) -> None:
        self._server.actions.append(request)
        if self.is_silent:
            return
        if self._session is None:
            await self._sign_in(request)
            return
        if request.get("action", "").lower() == "login":
            self._answer(success(request, ("Message", "Already authenticated")))
            return
        for message in answer_action(self._server.exchange, self._session, request):
            self._answer(message)

    async def _sign_in(self, request: Request) -> None:
        if request.get("action", "").lower() != "login":
            self._answer(error(request, "Permission denied"))
            return
        server = self._server
        if (request.get("username"), request.get("secret")) != (server.user, server.secret):
            await asyncio.sleep(LOGIN_FAILED_PAUSE_S)
            self._answer(error(request, "Authentication failed"))
            refused = Session()
            refused.event_classes, refused.is_leaving = frozenset(), True
            self._session = refused
            return
        self._answer(success(request, ("Message", "Authentication accepted")))
        session = Session(rights=server.rights)
        session.event_classes = parse_classes(request.get("events", ""))
        booted = fully_booted(server.exchange)
        if session.hears(booted):
            self._answer(booted)
        self._session = session

    def _answer(self, message: Message) -> None:
        self.offer(message.to_bytes(), is_event=False)


def parse_request(raw: bytes) -> Request:
    """Headers of an action, keys in lower case; of a repeated header the last counts."""
    request: dict[str, str] = {}
    for line in raw.decode("utf-8", "surrogateescape").split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            request[key.strip().lower()] = value.strip()
    return request
