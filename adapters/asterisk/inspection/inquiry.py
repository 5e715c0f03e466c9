"""A short AMI session of its own, beside the link that bills: questions, answers, goodbye.

It reads whole configuration files, which hold secrets and may be large. So it never shares the
link's line: nothing that it hears can reach a recording, a file beyond all bounds breaks only this
session, and an exchange that is slow to answer it delays no lock. It writes nothing, not even
rtbill's sign of life.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from adapters.asterisk.connection import ActionFailed, Headers, Session, wanted_events
from adapters.asterisk.inspection.config_file import Category, read_reply
from adapters.asterisk.settings import AsteriskSettings
from adapters.asterisk.wire import Limits, Message, Reader
from adapters.connecting import NO_CONNECTION, unreachable
from adapters.event_buffer import EventBuffer
from adapters.line import Line, Recorder
from rtbill.domain.errors import PortFailed, Unavailable
from rtbill.ports import Clock

DEADLINE_S = 20.0
"""For a whole inspection, from the first byte to the last."""
BOOTED_WITHIN_S = 3.0
_LIMITS = Limits(headers_max=400_000, message_max=16 * 1024 * 1024)
"""The file with the endpoints of three thousand telephones comes as one message."""
_T = TypeVar("_T")
OnEvent = Callable[[Message], None]


class Inquiry:
    """One session at work; `ask` makes it. What the exchange will not say is None, and remembered
    in `unsaid`.
    """

    def __init__(
        self, settings: AsteriskSettings, clock: Clock, on_event: OnEvent | None = None
    ) -> None:
        self.asterisk = settings
        self.settings = settings.link
        self.clock = clock
        self.buffer = EventBuffer(1)
        self.recorder: Recorder | None = None
        self.unsaid: dict[str, str] = {}
        """By action, why it was not answered."""
        self.broken: set[str] = set()
        """Configuration files that the exchange itself cannot read."""
        self.reader = Reader(wanted_events(), _LIMITS)
        self._session = Session(settings, clock, self.buffer)
        self._on_event = on_event
        self._line: Line[Message] | None = None
        self._booted = asyncio.Event()

    # What a Line needs around it

    def hear(self, line: Line[Message], message: Message) -> None:
        """Events go to whoever watches, all else to the question it answers."""
        if message.event == "FullyBooted":
            self._booted.set()
        elif message.event in _CALLS:
            if self._on_event is not None:
                self._on_event(message)
        else:
            self._session.hear(line, message)

    def mask(self, data: bytes) -> bytes:
        """Nothing is recorded here."""
        return data

    # Questions

    @property
    def offset_s(self) -> float:
        """Seconds that our clock is ahead of the exchange's, after a `ping`."""
        now = self.clock.now()
        return (now - self._session.exchange_time(now)).total_seconds()

    def exchange_now(self) -> datetime:
        """The exchange's clock, after a `ping`."""
        return self._session.exchange_time(self.clock.now())

    async def ping(self) -> None:
        """Learn how the exchange's clock goes."""
        await self._session.ping(self._open_line())

    async def act(self, action: str, *headers: tuple[str, str]) -> Message | None:
        """The successful response; None when the exchange refuses or does not know the action."""
        try:
            return await self._session.act(self._open_line(), action, headers)
        except ActionFailed as failed:
            self.unsaid.setdefault(action, failed.text)
            return None

    async def listed(self, action: str, *headers: tuple[str, str]) -> list[Message] | None:
        """The items of a list; None when the exchange refuses or does not know the action."""
        try:
            return await self._session.list_items(self._open_line(), action, headers)
        except ActionFailed as failed:
            if "not found" in failed.text.lower():
                return []
            self.unsaid.setdefault(action, failed.text)
            return None

    async def value(self, expression: str) -> str | None:
        """What a variable or function of the dialplan gives, such as `GLOBAL(X)`; None when the
        exchange will not say.
        """
        reply = await self.act("Getvar", ("Variable", expression))
        return None if reply is None else reply.get("Value")

    async def has(self, context: str, extension: str = "", step: str = "1") -> bool | None:
        """Whether the loaded dialplan has a context, or in it an extension with this step, named by
        its number or its label.
        """
        where = f"{context},{extension},{step}" if extension else context
        said = await self.value(f"DIALPLAN_EXISTS({where})")
        if said in ("0", "1"):
            return said == "1"
        if said is not None:
            self.unsaid.setdefault("DIALPLAN_EXISTS", "it gives no answer")
        return None

    async def config(self, file: str, *more: tuple[str, str]) -> list[Category] | None:
        """The categories of a configuration file, one of them with `Category`; none when there is
        no such file; None when the exchange will not say.
        """
        headers: Headers = (("Filename", file), *more)
        try:
            reply = await self._session.act(self._open_line(), "GetConfig", headers)
        except ActionFailed as failed:
            if "not found" in failed.text.lower():
                return []
            if "invalid format" in failed.text.lower():
                self.broken.add(file)
                return None
            self.unsaid.setdefault("GetConfig", f"{file}: {failed.text}")
            return None
        return read_reply(reply)

    # Sign-in

    async def sign_in(self, line: Line[Message], events: str) -> None:
        """Unavailable when the exchange does not let us in."""
        self._line = line
        await self._session.wait_greeting(line, self.reader)
        user, secret = self.asterisk.user, self.asterisk.secret
        headers = (("Username", user), ("Secret", secret), ("Events", events))
        try:
            await self._session.act(line, "Login", headers)
        except ActionFailed as failed:
            raise Unavailable(
                f"{self.asterisk.name} refused the AMI user {user} ({failed.text}): set the same "
                "secret in manager.conf and in rtbill, and permit this host's address; with "
                "allowmultiplelogin = no nobody can look while the service is signed in"
            ) from failed
        # Without the right read=system it is never told, which the inspection finds.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BOOTED_WITHIN_S):
                await self._booted.wait()

    async def sign_off(self, line: Line[Message]) -> None:
        """Say goodbye, whatever the answer."""
        with contextlib.suppress(PortFailed):
            await self._session.act(line, "Logoff")

    def _open_line(self) -> Line[Message]:
        if self._line is None:
            raise Unavailable(f"no session with {self.asterisk.name}")
        return self._line


_CALLS = frozenset({"DialBegin", "Newstate", "Hangup", "UserEvent"})


async def ask(
    settings: AsteriskSettings,
    clock: Clock,
    work: Callable[[Inquiry], Awaitable[_T]],
    *,
    on_event: OnEvent | None = None,
    deadline_s: float = DEADLINE_S,
) -> _T:
    """What `work` gives in a session of its own; Unavailable when there can be none, or in time."""
    inquiry = Inquiry(settings, clock, on_event)
    try:
        async with asyncio.timeout(deadline_s):
            return await _converse(inquiry, work, "system" if on_event is None else "on")
    except TimeoutError:
        raise Unavailable(
            f"{settings.name} did not answer everything within {deadline_s:g} s"
        ) from None


async def _converse(inquiry: Inquiry, work: Callable[[Inquiry], Awaitable[_T]], events: str) -> _T:
    line = await _connect(inquiry)
    failure: PortFailed | None = None
    results: list[_T] = []
    async with asyncio.TaskGroup() as group:
        sweeping = group.create_task(line.sweep(), name=f"{inquiry.asterisk.name} inquiry")
        try:
            await inquiry.sign_in(line, events)
            results.append(await work(inquiry))
            await inquiry.sign_off(line)
        except Unavailable as failed:
            failure = failed  # raised after the group: nobody outside should have to unwrap it
        except PortFailed as failed:
            # Whatever was asked changed nothing: a lost answer is no doubt, only a failure.
            failure = Unavailable(f"{inquiry.asterisk.name}: {failed}")
        finally:
            line.fail("the inquiry is over")
            sweeping.cancel()
    if failure is not None:
        raise failure
    [result] = results
    return result


async def _connect(inquiry: Inquiry) -> Line[Message]:
    settings, tls = inquiry.asterisk, inquiry.asterisk.tls
    try:
        async with asyncio.timeout(settings.link.connect_timeout_s):
            _, line = await asyncio.get_running_loop().create_connection(
                lambda: Line(inquiry, inquiry.reader),
                settings.host,
                settings.port,
                ssl=tls.context if tls else None,
                server_hostname=tls.server_name if tls else None,
            )
    except ssl.SSLError as error:
        assert tls is not None
        where = f"{settings.name} at {settings.host}:{settings.port}"
        raise Unavailable(f"no TLS with {where}: {tls.sentence(error)}") from error
    except NO_CONNECTION as error:
        within_s = settings.link.connect_timeout_s
        text = unreachable(settings.name, settings.host, settings.port, error, within_s)
        raise Unavailable(text) from error
    return line
