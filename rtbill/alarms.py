"""What the operator must know about until it is over: raised once, cleared once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.account import HOUSE, SUSPENSE
from rtbill.domain.notice import Notice
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.ports import Clock


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong, since when."""

    kind: str
    """`link`, `login`, `rights`, `frame`, `clock`, `store`, `suspense`, `house`, `unrated`,
    `unconfirmed`, `command`, `service`, `unaided`, `observations`, `books`, `check`, `inline`,
    `rerating`, `codes`, `rating.hook`, `holds`, `guard`, `mail`, `top-up`, `top-ups`, `gateway`,
    `reconciliation`, `webhook`, `vat`.
    """
    subject: str
    text: str
    since: datetime


class Alarms:
    """Alarms now in force. Their notices wait in `take_notices` for the outbox."""

    NOTICES_MAX = 1000
    KIND_MAX = 200

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._active: dict[tuple[str, str], Alarm] = {}
        self._notices: list[Notice] = []

    def raise_(self, kind: str, subject: str, text: str) -> None:
        """Something is wrong; a repetition changes the text only, and is not sent again."""
        now = self._clock.now()
        known = self._active.get((kind, subject))
        if known is None and self._count(kind) >= self.KIND_MAX:
            subject, text = (
                "more",
                f"more than {self.KIND_MAX} of this kind; the books have them all",
            )
            known = self._active.get((kind, subject))
        self._active[kind, subject] = Alarm(kind, subject, text, known.since if known else now)
        if known is None:
            self.tell(Notice("alarm.raised", f"{kind} {subject}", text, now))

    def stand(self, kind: str, subject: str, text: str) -> None:
        """The same without a notice: who committed it told of it, perhaps before a restart."""
        if (kind, subject) in self._active or self._count(kind) < self.KIND_MAX:
            known = self._active.get((kind, subject))
            since = known.since if known else self._clock.now()
            self._active[kind, subject] = Alarm(kind, subject, text, since)

    def clear(self, kind: str, subject: str) -> None:
        """It is over; nothing happens when it was not on."""
        alarm = self._active.pop((kind, subject), None)
        if alarm is not None:
            now = self._clock.now()
            self.tell(Notice("alarm.cleared", f"{kind} {subject}", alarm.text, now))

    def raise_about(self, call: RatedCall) -> None:
        """Raise what a call in the books calls for, and clear what it puts right."""
        record = call.record
        if call.account == SUSPENSE and call.status is not CallStatus.UNANSWERED:
            text = f"call {record.id} to {record.dialled} has no payer; see docs/operating.md"
            if record.origin.code:
                text = f"call {record.id} to {record.dialled} is in suspense: {call.note}"
            self.raise_("suspense", record.id.pbx, text)
        elif call.account == HOUSE and call.status is not CallStatus.UNANSWERED:
            text = f"extension {record.payer} belongs to no account; `rtbill group add` assigns it"
            self.raise_("house", f"{record.id.pbx}/{record.payer}", text)
        if call.status is CallStatus.UNRATED:
            self.raise_("unrated", call.number or record.dialled or "?", call.note)
        elif call.status is CallStatus.UNCONFIRMED:
            self.raise_("unconfirmed", str(record.id), call.note)
        elif self._active:
            self.clear("unconfirmed", str(record.id))
            if call.status is CallStatus.RATED and call.number is not None:
                self.clear("unrated", call.number)

    def _count(self, kind: str) -> int:
        return sum(1 for each, _ in self._active if each == kind)

    def active(self) -> list[Alarm]:
        """Alarms in force, the oldest first."""
        return sorted(self._active.values(), key=lambda alarm: alarm.since)

    def take_notices(self) -> list[Notice]:
        """Notices of alarms since the last call."""
        taken, self._notices = self._notices, []
        return taken

    def give_back(self, notices: list[Notice]) -> None:
        """Notices that could not be stored; they come first next time."""
        self._notices = (notices + self._notices)[-self.NOTICES_MAX :]

    def tell(self, notice: Notice) -> None:
        """Hand a notice to the outbox that belongs to no account operation."""
        self._notices.append(notice)
        del self._notices[: -self.NOTICES_MAX]
