"""A call in progress, as far as its limit goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from rtbill.credit.call_bounds import NOT_CHARGED, Priced
from rtbill.domain.events import LiveLeg
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.stance import Stance
from rtbill.pricing.assignment import Place
from rtbill.pricing.site_hook import Answers, Caller

UNCERTAIN_S = -1.0
"""Instead of a limit: it is not known which one the exchange holds."""


@dataclass(slots=True)
class RunningCall:
    """A call in progress, its payer, and the limit its exchange shall hold."""

    leg: LiveLeg
    account: str
    person: str | None
    called: CalledNumber
    wanted_s: float | None = None
    """Seconds from answer that money, rate and class allow; None means no limit."""
    armed_s: float | None = None
    """What the exchange has confirmed; UNCERTAIN_S while it did not answer."""
    limits_ordered: int = 0
    """How often the exchange was told one and confirmed it."""
    is_commanded: bool = False
    """A task is bringing `armed_s` to `order_s`."""
    stance: Stance = Stance.ENFORCE
    hold_key: str = ""
    """Its hold; empty until one is asked for, and of calls that need none."""
    moved_to: str = ""
    """The account that came to pay it while it talked: the books keep open holds by key, and what
    the one before held may still be open when this one is asked.
    """
    would_be_refused: bool = False
    """It only goes on because its limit is not enforced."""
    is_barred: bool = False
    """Nobody let it out: it is hung up, whatever the money allows."""
    priced: Priced = NOT_CHARGED
    """What it costs, and where it ends whatever the money."""
    priced_of: object = None
    """What that was reckoned from: a balance that changes leaves it as it is."""
    answers: Answers = field(default_factory=dict)
    """Of the site's hook about this call: what it says later is not asked for."""
    _watched_s: float | None = None
    _passed_s: float | None = None

    @property
    def order_s(self) -> float | None:
        """Seconds from answer after which the exchange shall end it; None means no limit."""
        if not self.stance.is_enforcing:
            return None
        return 0.0 if self.is_barred else self.wanted_s

    @property
    def key(self) -> str:
        """Of its hold, or of the one that it will ask for."""
        own = f"{self.leg.id}@{self.moved_to}" if self.moved_to else str(self.leg.id)
        return self.hold_key or own

    @property
    def caller(self) -> Caller:
        """What a site's hook is told of it."""
        leg = self.leg
        return Caller(leg.payer or "", leg.dialled or "", self.person or "", self.answers)

    @property
    def place(self) -> Place:
        """Where it leaves."""
        return Place(self.leg.id.pbx, self.leg.trunk)

    def is_touched_by(self, changed: Collection[str] | None) -> bool:
        """Whether its limit may be another when holds of these keys changed, or anything did."""
        return changed is None or not self.hold_key or self.hold_key in changed

    def talked_s(self, now: datetime) -> float:
        """Seconds since the answer; `now` is of the exchange's clock."""
        assert self.leg.answered_at is not None
        return (now - self.leg.answered_at).total_seconds()

    def is_overdue(self, now: datetime, grace_s: float) -> bool:
        """Whether it still talks this long after its limit: the exchange's timer has failed."""
        return self.order_s is not None and self.talked_s(now) > self.order_s + grace_s

    def watch(self, talked_s: float) -> None:
        """Follow where a limit that is not enforced would have ended the call: at the first instant
        at which talk had gone on for as long as the money then allowed.
        """
        if self._passed_s is None:
            before, now = self._watched_s, self.wanted_s
            if before is not None and talked_s > before:
                self._passed_s = before
            elif now is not None and talked_s > now:
                self._passed_s = now if before is None else talked_s
        self._watched_s = self.wanted_s

    def limit_passed_s(self, talk_s: float) -> float | None:
        """Seconds of talk after which a call of this talk time would have been ended; None when it
        would not, or when its limit is enforced.
        """
        if self.stance.is_enforcing:
            return None
        if self.would_be_refused:
            return 0.0
        self.watch(talk_s)
        if self._passed_s is None or talk_s <= self._passed_s:
            return None  # our clock was ahead of what the exchange's now proves
        return self._passed_s
