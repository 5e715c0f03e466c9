"""ports.Pbx in memory: tells what the test says, remembers what it was told to do."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from rtbill.domain.account import OPEN_SERVICE, Service
from rtbill.domain.call import CallId
from rtbill.domain.errors import OutcomeUnknown
from rtbill.domain.events import PbxEvent
from rtbill.domain.finding import Finding
from rtbill.ports import Capabilities

EVERYTHING = Capabilities(
    live_events=True,
    ask_before_dialling=False,
    set_service=True,
    limit_call=True,
    warn=True,
    hang_up=True,
)
_EVENTS_MAX = 10_000


class FakePbx:
    """One exchange that does what it is told, unless the test makes it fail."""

    def __init__(self, name: str = "hotel", capabilities: Capabilities = EVERYTHING) -> None:
        self._name = name
        self._capabilities = capabilities
        self._events: asyncio.Queue[PbxEvent] = asyncio.Queue(_EVENTS_MAX)
        self._failures: dict[str, list[Exception]] = defaultdict(list)
        self.commands: list[tuple[object, ...]] = []
        """What was carried out, in order: `("limit", "1", 59.5)`, `("set", "1001", service)`."""
        self.attempts: list[str] = []
        """The verbs of all commands that came, also of those that failed."""
        self.unknown_is_done = False
        """Whether a command that fails with OutcomeUnknown was carried out all the same."""
        self.late_limits: list[Callable[[], object]] = []
        """What happens while each of the next limits waits for its confirmation, which is late."""
        self.acknowledged: list[str] = []
        """Legs that may be forgotten."""
        self.held: dict[str, Service] = {}
        """Extensions that are not plainly open."""
        self.findings: list[Finding] = []
        """What an inspection finds."""
        self.rows: dict[str, str] = {}
        """What it does with calls on which it gets no answer, by extension."""

    @property
    def name(self) -> str:
        """As configured."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What the test gave it."""
        return self._capabilities

    def tell(self, *events: PbxEvent) -> None:
        """Queue events for the biller."""
        for event in events:
            self._events.put_nowait(event)

    def fail(self, verb: str, *errors: Exception) -> None:
        """The next commands of this verb (`limit`, `hang_up`, `set`, `services`,
        `inspect`, `set_unaided`, `unaided`) fail so.
        """
        self._failures[verb] += errors

    def done(self, verb: str) -> list[tuple[object, ...]]:
        """What was carried out of this verb, without the verb."""
        return [command[1:] for command in self.commands if command[0] == verb]

    async def run(self) -> None:
        """The link holds for ever."""
        await asyncio.Event().wait()

    async def receive(self) -> Sequence[PbxEvent]:
        """At least one event."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def acknowledge(self, call: CallId) -> None:
        """Remembered in `acknowledged`."""
        self.acknowledged.append(call.leg)

    async def limit(self, call: CallId, talk_s: float) -> bool:
        """Remembered in `commands`."""
        self._carry_out("limit", call.leg, talk_s)
        if not self.late_limits:
            return True
        self.late_limits.pop(0)()
        return False

    async def warn(self, call: CallId) -> None:
        """Remembered in `commands`."""
        self._carry_out("warn", call.leg)

    async def hang_up(self, call: CallId) -> None:
        """Remembered in `commands`; the end is for the test to tell."""
        self._carry_out("hang_up", call.leg)

    async def set_service(self, number: str, service: Service) -> None:
        """Held from now on."""
        try:
            self._carry_out("set", number, service)
        except OutcomeUnknown:
            if self.unknown_is_done:
                self._hold(number, service)
            raise
        self._hold(number, service)

    async def services(self) -> Mapping[str, Service]:
        """What is held."""
        self._carry_out("services")
        return dict(self.held)

    async def inspect(self) -> Sequence[Finding]:
        """What the test put into `findings`."""
        self._carry_out("inspect")
        return list(self.findings)

    async def set_unaided(self, number: str, row: str | None) -> None:
        """Held from now on."""
        try:
            self._carry_out("set_unaided", number, row)
        except OutcomeUnknown:
            if self.unknown_is_done:
                self._keep(number, row)
            raise
        self._keep(number, row)

    async def unaided(self) -> Mapping[str, str]:
        """What is held."""
        self._carry_out("unaided")
        return dict(self.rows)

    def _keep(self, number: str, row: str | None) -> None:
        if row is None:
            self.rows.pop(number, None)
        else:
            self.rows[number] = row

    def _hold(self, number: str, service: Service) -> None:
        if service == OPEN_SERVICE:
            self.held.pop(number, None)
        else:
            self.held[number] = service

    def _carry_out(self, verb: str, *details: object) -> None:
        self.attempts.append(verb)
        if self._failures[verb]:
            raise self._failures[verb].pop(0)
        self.commands.append((verb, *details))
