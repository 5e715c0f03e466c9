"""AsteriskPbx: the port Pbx over AMI; nothing but delegation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from adapters.asterisk.connection import Session
from adapters.asterisk.control import Control
from adapters.asterisk.inspection.exchange_inspection import inspect
from adapters.asterisk.settings import AsteriskSettings
from adapters.asterisk.wire import Message
from adapters.event_buffer import EventBuffer
from adapters.line import Recorder
from adapters.link import Link
from rtbill.domain.account import Service
from rtbill.domain.call import CallId
from rtbill.domain.events import PbxEvent
from rtbill.domain.finding import Finding
from rtbill.ports import Capabilities, Clock

CAPABILITIES = Capabilities(
    live_events=True,
    ask_before_dialling=True,
    set_service=True,
    limit_call=True,
    warn=True,
    hang_up=True,
)


class AsteriskPbx:
    """One Asterisk, 16 to 22, plain or under FreePBX."""

    def __init__(
        self, settings: AsteriskSettings, clock: Clock, random: Random | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._buffer = EventBuffer(settings.link.events_max)
        self._session = Session(settings, clock, self._buffer)
        self._link: Link[Message] = Link(
            settings.name,
            settings.host,
            settings.port,
            self._session,
            self._buffer,
            clock,
            settings=settings.link,
            tls=settings.tls,
            random=random,
        )
        self._control = Control(self._session, clock, lambda: self._link.line)

    @property
    def name(self) -> str:
        """As configured."""
        return self._settings.name

    @property
    def capabilities(self) -> Capabilities:
        """What an Asterisk can do."""
        return CAPABILITIES

    async def run(self) -> None:
        """Keep the link for ever."""
        await self._link.run()

    async def receive(self) -> Sequence[PbxEvent]:
        """Wait for at least one event."""
        return await self._buffer.take()

    def acknowledge(self, call: CallId) -> None:
        """The exchange's outbox may forget the call."""
        self._control.acknowledge(call.leg)

    async def limit(self, call: CallId, talk_s: float) -> bool:
        """Arm the exchange's own timer on the leg; whether it cannot be late."""
        return await self._control.limit(call.leg, talk_s)

    async def warn(self, call: CallId) -> None:
        """Sound a tone to who dialled."""
        await self._control.warn(call.leg)

    async def hang_up(self, call: CallId) -> None:
        """End the call now."""
        await self._control.hang_up(call.leg)

    async def set_service(self, number: str, service: Service) -> None:
        """Lock, divert or open an extension, and read it back."""
        await self._control.set_service(number, service)

    async def services(self) -> Mapping[str, Service]:
        """Every extension that is not plainly open."""
        return await self._control.services()

    async def inspect(self) -> Sequence[Finding]:
        """Look at the exchange, in a session beside the link."""
        return await inspect(self._settings, self._clock)

    async def set_unaided(self, number: str, row: str | None) -> None:
        """Have the dialplan's row for calls without an answer kept, and read it back."""
        await self._control.set_unaided(number, row)

    async def unaided(self) -> Mapping[str, str]:
        """The rows it now keeps, by extension."""
        return await self._control.unaided()

    def record(self, recorder: Recorder | None) -> None:
        """Have the raw stream, secrets masked, given to this function; None ends it."""
        self._link.recorder = recorder
