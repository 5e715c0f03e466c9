"""What every live link to an exchange needs, whatever it speaks.

A `Link` keeps one line after another for ever: it connects with a deadline, waits longer after each
failure, and turns every gap into events. What is special to one kind of exchange is its
`Conversation`. See `adapters/line.py` for the promises about what is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime
from random import Random
from typing import Generic, Protocol, TypeVar

from adapters.connecting import NO_CONNECTION, unreachable
from adapters.event_buffer import EventBuffer
from adapters.line import Line, LinkSettings, Recorder, Wire
from adapters.tls import Tls
from rtbill.domain.errors import BadRecord, OutcomeUnknown, PortFailed, Unavailable
from rtbill.domain.events import LinkLost, LinkTrouble
from rtbill.ports import Clock

M = TypeVar("M")


class SignInRefused(Unavailable):
    """The exchange does not let us in as we are: try again, slowly unless haste may help. `kind` is
    that of the LinkTrouble.
    """

    def __init__(self, kind: str, text: str, *, slow: bool = True) -> None:
        super().__init__(text)
        self.kind = kind
        self.slow = slow


class Conversation(Protocol[M]):
    """What one kind of exchange adds to a bare link."""

    def wire(self) -> Wire[M]:
        """A reader for a new connection."""
        ...

    def hear(self, line: Line[M], message: M) -> None:
        """Take one message: answer what was asked, hand events to the buffer. BadRecord: this
        message is odd.
        """
        ...

    async def sign_in(self, line: Line[M]) -> None:
        """Everything up to and including LinkRestored. Raises SignInRefused, PortFailed."""
        ...

    async def attend(self, line: Line[M]) -> None:
        """The regular work while the line holds: snapshots, signs of life. Ends only by
        cancellation or PortFailed.
        """
        ...

    async def ping(self, line: Line[M]) -> None:
        """Ask for a sign of life and wait for it; PortFailed when none comes."""
        ...

    def exchange_time(self, ours: datetime) -> datetime:
        """The exchange's clock at an instant of ours."""
        ...

    def mask(self, data: bytes) -> bytes:
        """Bytes we send, without secrets, for recording."""
        ...


class Link(Generic[M]):
    """Keeps a line to one exchange for ever, and a buffer of what it tells."""

    def __init__(  # noqa: PLR0913 - each is a separate thing to inject
        self,
        name: str,
        host: str,
        port: int,
        conversation: Conversation[M],
        buffer: EventBuffer,
        clock: Clock,
        *,
        settings: LinkSettings,
        tls: Tls | None = None,
        random: Random | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.conversation = conversation
        self.buffer = buffer
        self.recorder: Recorder | None = None
        """Set it to record the raw stream; None stops."""
        self.line: Line[M] | None = None
        """The line in use, once the sign-in is done."""
        self._name = name
        self._host = host
        self._port = port
        self._tls = tls
        self._random = random or Random()  # noqa: S311 - spreads reconnections, keeps no secret
        self._reported: set[tuple[str, str]] = set()

    def require_line(self) -> Line[M]:
        """The line in use; Unavailable when there is none."""
        if self.line is None:
            raise Unavailable(f"no link to {self._name}")
        return self.line

    def hear(self, line: Line[M], message: M) -> None:
        """Hand a message to the conversation; an unreadable one is reported and left aside."""
        try:
            self.conversation.hear(line, message)
        except BadRecord as odd:
            self.trouble("frame", f"{self._name}: {odd}; the message was left aside")

    def mask(self, data: bytes) -> bytes:
        """Bytes we send, without secrets."""
        return self.conversation.mask(data)

    def trouble(self, kind: str, text: str) -> None:
        """Report what is wrong with the link, once until it is well again."""
        if (kind, text) not in self._reported:
            self._reported.add((kind, text))
            at = self.conversation.exchange_time(self.clock.now())
            self.buffer.report(LinkTrouble(self._name, at, kind, text))

    async def run(self) -> None:
        """Connect, converse, and after each loss do so again; ends only by cancellation."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._keep(over), name=f"{self._name} link")
            try:
                await asyncio.wait([keeping])
            except asyncio.CancelledError:
                # A task group of which a task fails at the moment of the cancellation raises
                # nothing but the failure: the line breaks just then, and nobody would end.
                over.set()
                raise

    async def _keep(self, over: asyncio.Event) -> None:
        failures = 0
        while True:
            await self.buffer.wait_below(self.settings.events_high)
            was_up, slow = await self._connect_once()
            if over.is_set():
                return
            failures = 0 if was_up else failures + 1
            await self.clock.sleep(self._pause_s(failures, slow=slow))

    def _pause_s(self, failures: int, *, slow: bool) -> float:
        settings = self.settings
        longest = settings.backoff_first_s * 2.0 ** min(failures, 30)
        longest = settings.refused_retry_s if slow else min(settings.backoff_max_s, longest)
        return longest * self._random.uniform(0.5, 1.0)

    async def _connect_once(self) -> tuple[bool, bool]:
        """Whether the link was up, and whether to come back slowly."""
        try:
            line = await self._open()
        except ssl.SSLError as error:
            self._report_tls(error)
            return False, False
        except NO_CONNECTION as error:
            within_s = self.settings.connect_timeout_s
            text = unreachable(self._name, self._host, self._port, error, within_s)
            self.trouble("unreachable", text)
            return False, False
        refused_by: SignInRefused | None = None
        try:
            await self._converse(line)
        except* SignInRefused as refused:
            first = _first(refused)
            assert isinstance(first, SignInRefused)
            refused_by = first
            self.trouble(first.kind, str(first))
            line.fail(str(first))
        except* PortFailed as failed:
            line.fail(str(_first(failed)))
        finally:
            line.fail("the link was shut down")
            was_up = self.line is line
            self.line = None
            self.buffer.forget_held()
        if refused_by is None:
            self._report_loss(line, was_up=was_up)
        return was_up, refused_by is not None and refused_by.slow

    def _report_loss(self, line: Line[M], *, was_up: bool) -> None:
        reason = line.reason or "lost"
        if line.broken_by is not None:
            self.trouble("frame", f"{self._name} sent what cannot be read: {line.broken_by}")
        if was_up:
            at = self.conversation.exchange_time(line.heard_at)
            self.buffer.report(LinkLost(self._name, at, reason))
        elif line.tls_error is not None:
            self._report_tls(line.tls_error)
        elif line.broken_by is None:
            self.trouble("unreachable", f"{self._name} ended the sign-in: {reason}")

    def _report_tls(self, error: ssl.SSLError) -> None:
        assert self._tls is not None
        why = self._tls.sentence(error)
        self.trouble("tls", f"no TLS with {self._name} at {self._host}:{self._port}: {why}")

    async def _open(self) -> Line[M]:
        loop = asyncio.get_running_loop()
        tls = self._tls
        async with asyncio.timeout(self.settings.connect_timeout_s):
            _, line = await loop.create_connection(
                lambda: Line(self, self.conversation.wire()),
                self._host,
                self._port,
                ssl=tls.context if tls else None,
                server_hostname=tls.server_name if tls else None,
            )
        return line

    async def _converse(self, line: Line[M]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(line.watch(), name=f"{self._name} watch")
            group.create_task(line.sweep(), name=f"{self._name} deadlines")
            group.create_task(line.resume_reading(), name=f"{self._name} reading")
            group.create_task(self._serve(line, group), name=f"{self._name} conversation")

    async def _serve(self, line: Line[M], group: asyncio.TaskGroup) -> None:
        await self.conversation.sign_in(line)
        self._reported.clear()
        self.line = line
        group.create_task(self._ping(line), name=f"{self._name} ping")
        await self.conversation.attend(line)

    async def _ping(self, line: Line[M]) -> None:
        """Ask for signs of life; give the line up when several in a row fail to come."""
        missed = 0
        while True:
            if missed == 0:
                await self.clock.sleep(self.settings.ping_every_s)
            if not line.is_reading:
                missed = 0
                continue  # no answer can be heard until the events before it are taken
            try:
                await self.conversation.ping(line)
            except OutcomeUnknown:
                missed += 1
                if missed >= self.settings.pings_missed_max:
                    line.fail(f"no answer to {missed} pings")
            else:
                missed = 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single exception inside a group."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
