"""The latest happenings, bounded, for whoever looks on: the terminal now, pages later."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from rtbill.domain.account import AccountState, Service
from rtbill.domain.events import CallRefused, LiveLeg
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation
from rtbill.domain.rated import RatedCall
from rtbill.domain.refusal import Reason
from rtbill.ports import Meter

REFUSALS_KEPT = 64
"""So many the exchange's own word about a refusal may come behind."""


class Answered(NamedTuple):
    """A call was answered."""

    leg: LiveLeg


class Posted(NamedTuple):
    """A call is in the books."""

    call: RatedCall
    state: AccountState


@dataclass(frozen=True, slots=True)
class Served:
    """An exchange confirmed what an extension now has."""

    pbx: str
    number: str
    service: Service


What = Answered | Posted | Served | CallRefused | Notice | Observation


class Happening(NamedTuple):
    """Something a person looking on wants to see."""

    sequence: int
    at: datetime
    what: What


class Chronicle:
    """Remembers the last happenings; older ones are in the books, not here."""

    def __init__(self, size_max: int = 500, meter: Meter | None = None) -> None:
        """`meter` counts refusals."""
        self._meter = meter
        self._happenings: deque[Happening] = deque(maxlen=size_max)
        self._refusals: deque[CallRefused] = deque(maxlen=REFUSALS_KEPT)
        self._sequence = 0

    def add(self, at: datetime, what: What) -> None:
        """Remember one. A refusal of ours that the exchange then tells of is one happening."""
        if isinstance(what, CallRefused) and self._is_known(what):
            return
        if isinstance(what, CallRefused) and self._meter is not None:
            # What only the exchange's dialplan knows is no label of ours: there may be any number.
            reason = what.reason if what.reason in tuple(Reason) else "other"
            self._meter.count("rtbill_refused_total", pbx=what.pbx, reason=reason)
        self._sequence += 1
        self._happenings.append(Happening(self._sequence, at, what))

    def _is_known(self, refused: CallRefused) -> bool:
        if refused.channel is None:
            return False
        same = (refused.pbx, refused.channel, refused.dialled)
        if any((each.pbx, each.channel, each.dialled) == same for each in self._refusals):
            return True
        self._refusals.append(refused)
        return False

    @property
    def latest(self) -> int:
        """Sequence number of the last one; 0 before the first."""
        return self._sequence

    def since(self, sequence: int) -> list[Happening]:
        """Those after this sequence number, oldest first."""
        return [each for each in self._happenings if each.sequence > sequence]
