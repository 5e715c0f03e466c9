"""An exchange: what it tells, what it is told, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rtbill.domain.account import Service
from rtbill.domain.call import CallId
from rtbill.domain.events import PbxEvent
from rtbill.domain.finding import Finding


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an exchange can do; compared at start-up with what the configuration wants."""

    live_events: bool
    ask_before_dialling: bool
    set_service: bool
    """Locks and diverts, and the rows about calls on which it gets no answer."""
    limit_call: bool
    warn: bool
    hang_up: bool


class Pbx(Protocol):
    """One exchange. Commands are idempotent and raise Unavailable (nothing done) or OutcomeUnknown
    (no answer).
    """

    @property
    def name(self) -> str:
        """As configured; part of every key."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this kind of exchange can do."""
        ...

    async def run(self) -> None:
        """Keep the link for ever, reconnecting; ends only by cancellation."""
        ...

    async def receive(self) -> Sequence[PbxEvent]:
        """Wait until there is at least one event; all that are there, in order. LinkRestored comes
        first of a link.
        """
        ...

    def acknowledge(self, call: CallId) -> None:
        """The call is committed: the exchange's own outbox may forget it. Never waits; a lost one
        is repeated later.
        """
        ...

    async def limit(self, call: CallId, talk_s: float) -> bool:
        """Have the exchange itself end the call this many seconds after its answer (absolute, so
        repeatable). False when it took so long to confirm that it may end it as much later: order
        again what is wanted then.
        """
        ...

    async def warn(self, call: CallId) -> None:
        """Sound a tone to who pays, and to nobody else: the call is about to end. Nothing happens
        when it has ended already.
        """
        ...

    async def hang_up(self, call: CallId) -> None:
        """End the call now; no error when it has ended already."""
        ...

    async def set_service(self, number: str, service: Service) -> None:
        """Lock, divert or open an extension, and read back that it is so."""
        ...

    async def services(self) -> Mapping[str, Service]:
        """What the exchange now holds, for every extension that is not plainly open."""
        ...

    async def inspect(self) -> Sequence[Finding]:
        """What is wrong with it, worst first; needs no link. Unavailable: it cannot be asked."""
        ...

    async def set_unaided(self, number: str, row: str | None) -> None:
        """Have the exchange keep this row (rtbill/credit/unaided.py) about calls on which it gets
        no answer, and read it back; None takes it away.
        """
        ...

    async def unaided(self) -> Mapping[str, str]:
        """The rows it now keeps, by extension."""
        ...
