"""Faults of the link of which the loss of an event is known outside of what the biller hears."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulator.faults import FaultPlan, SessionFaults, Step

Losses = list[Callable[[bytes], None]]


@dataclass(frozen=True)
class WitnessedFaults(FaultPlan):
    """A plan whose rates change, and which tells of each message that it loses."""

    rates: dict[str, float] = field(default_factory=dict)
    on_lost: Losses = field(default_factory=list)

    def for_session(self, number: int) -> SessionFaults:
        """The faults of the connection with that number."""
        return _WitnessedSession(self.rates, random.Random(f"{self.seed}/{number}"), self.on_lost)


@dataclass
class _WitnessedSession(SessionFaults):
    on_lost: Losses = field(default_factory=list)

    def _send(self, data: bytes, *, is_event: bool) -> Iterator[Step]:
        steps = list(super()._send(data, is_event=is_event))
        for tell in self.on_lost if not steps else ():
            tell(data)
        yield from steps
