"""Calls in progress on one exchange: handed over as they are answered and as they end.

After a lost link nothing is closed by guess. A leg that a trustworthy snapshot no longer holds is
settled from the exchange's own record, or handed over as unconfirmed with its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.calls.machine import LegState, Sign, after
from rtbill.domain.call import CallId, CallRecord, CutBy, Outcome, Source
from rtbill.domain.events import (
    CallAnswered,
    CallEnded,
    CallStarted,
    FinishedLeg,
    LinkLost,
    LinkRestored,
    LiveLeg,
    PbxEvent,
    Snapshot,
)
from rtbill.domain.origin import NO_ORIGIN, Origin

UNHEARD = (LegState.RINGING_UNHEARD, LegState.TALKING_UNHEARD)
RINGING = (LegState.RINGING, LegState.RINGING_UNHEARD)
OVER_KEPT = 4096
"""Calls remembered after their end, so that late news of them says nothing new."""
SAME_ANSWER = timedelta(seconds=2)
"""Two reports of one answer differ by less; beyond it the exchange used an id twice (CC-05)."""


@dataclass(slots=True)
class Leg:
    """One trunk leg in progress."""

    id: CallId
    payer: str | None
    dialled: str | None
    trunk: str
    state: LegState
    answered_at: datetime | None
    source: Source
    origin: Origin = NO_ORIGIN
    missed_at: datetime | None = None
    """The last instant it is proven alive, once a snapshot did not show it."""
    asked_by: str = ""

    def as_live(self) -> LiveLeg:
        """The leg as others may see it."""
        return LiveLeg(
            self.id,
            self.payer,
            self.dialled,
            self.trunk,
            self.answered_at,
            self.origin,
            asked_by=self.asked_by,
        )


class Tracker:
    """All legs of one exchange. `feed` returns legs just answered and calls just over, in order."""

    def __init__(self, pbx: str, heard_until: datetime | None = None) -> None:
        self._pbx = pbx
        self._legs: dict[CallId, Leg] = {}
        self._proven_at = heard_until
        """The exchange was last heard, or last showed all its legs, at this instant."""
        self._link_up = False
        self._over: dict[CallId, datetime | None] = {}
        """Answer times of calls lately over without doubt, the oldest first."""

    def resume(self, leg: LiveLeg) -> None:
        """Take up a leg noted before a restart of ours; the first snapshot will settle it."""
        self._legs[leg.id] = Leg(
            leg.id,
            leg.payer,
            leg.dialled,
            leg.trunk,
            LegState.RINGING_UNHEARD if leg.answered_at is None else LegState.TALKING_UNHEARD,
            leg.answered_at,
            Source.STATUS,
            leg.origin,
        )

    def live(self) -> list[LiveLeg]:
        """Every leg that has not ended as far as we know, ringing ones included."""
        return [leg.as_live() for leg in self._legs.values()]

    def ringing(self) -> list[LiveLeg]:
        """Every leg that was not answered yet as far as we know."""
        return [leg.as_live() for leg in self._legs.values() if leg.answered_at is None]

    def knows(self, call: CallId) -> bool:
        """Whether the leg is in progress as far as we know."""
        return call in self._legs

    def count(self) -> int:
        """Legs in progress, ringing ones included."""
        return len(self._legs)

    def feed(self, event: PbxEvent) -> list[CallRecord | LiveLeg]:
        """What follows from one event: a LiveLeg for each new answer, a CallRecord for each end."""
        match event:
            case CallStarted():
                return self._started(event)
            case CallAnswered():
                return self._answered(event)
            case CallEnded():
                return self._ended(event)
            case LinkLost():
                return self._lost(event)
            case LinkRestored():
                self._link_up = True
                return self._reconcile(event.snapshot, after_gap=True)
            case Snapshot():
                return self._reconcile(event, after_gap=False)
            case _:
                return []

    def close(self, at: datetime) -> list[CallRecord]:
        """All that is left when no more events can come: live, or in doubt without a link."""
        left = []
        for leg in self._legs.values():
            if self._link_up and leg.state not in UNHEARD:
                left.append(_record(leg, at, Outcome.LIVE))
            else:
                left.append(self._in_doubt(leg, "the link was lost and never came back", at))
        self._legs.clear()
        return left

    def _started(self, event: CallStarted) -> list[CallRecord | LiveLeg]:
        if event.id not in self._legs and event.id not in self._over:
            self._legs[event.id] = Leg(
                event.id,
                event.payer,
                event.dialled,
                event.trunk,
                LegState.RINGING,
                None,
                Source.EVENTS,
                event.origin,
                asked_by=event.asked_by,
            )
        return []

    def _answered(self, event: CallAnswered) -> list[CallRecord | LiveLeg]:
        leg = self._legs.get(event.id)
        state = after(leg.state if leg else None, Sign.ANSWERED)
        if state is None or (leg is None and self._is_over(event.id, event.at)):
            return []
        if leg is None:
            leg = Leg(
                event.id,
                event.payer,
                event.dialled,
                event.trunk,
                state,
                event.at,
                Source.EVENTS,
                event.origin,
            )
            self._legs[event.id] = leg
        leg.state = state
        leg.answered_at = event.at
        leg.payer = event.payer or leg.payer
        leg.dialled = event.dialled or leg.dialled
        leg.origin = leg.origin or event.origin
        return [leg.as_live()]

    def _ended(self, event: CallEnded) -> list[CallRecord | LiveLeg]:
        leg = self._legs.pop(event.id, None)
        if leg is None:
            if event.answered_at is None or self._is_over(event.id, event.answered_at):
                return []
            # Answer unseen (a lost event): the leg's own stamp counts.
            leg = Leg(
                event.id,
                event.payer,
                event.dialled,
                event.trunk,
                LegState.TALKING,
                event.answered_at,
                Source.EVENTS,
                event.origin,
            )
        elif leg.answered_at is None and event.answered_at is not None:
            leg.answered_at = event.answered_at
        leg.payer = event.payer or leg.payer
        leg.dialled = event.dialled or leg.dialled
        leg.origin = leg.origin or event.origin
        if leg.answered_at is not None and event.at < leg.answered_at:
            evidence = _stepped_back(leg.answered_at, event.at)
            doubt = Outcome.UNCONFIRMED
            return [_record(leg, leg.answered_at, doubt, cause=event.cause, evidence=evidence)]
        self._remember(leg.id, leg.answered_at)
        outcome = Outcome.UNANSWERED if leg.answered_at is None else Outcome.ENDED
        return [_record(leg, event.at, outcome, cause=event.cause, cut_by=event.cut_by)]

    def _lost(self, event: LinkLost) -> list[CallRecord | LiveLeg]:
        if self._link_up:
            self._proven_at = event.at
        self._link_up = False
        for leg in self._legs.values():
            leg.state = after(leg.state, Sign.LINK_LOST) or leg.state
        return []

    def _reconcile(self, snapshot: Snapshot, *, after_gap: bool) -> list[CallRecord | LiveLeg]:
        out: list[CallRecord | LiveLeg] = []
        out += self._settle_finished(snapshot.finished, after_gap=after_gap)
        out += self._see(snapshot.live)
        seen = {leg.id for leg in snapshot.live}
        vanished = {leg.id: leg for leg in snapshot.vanished}
        for leg in [leg for leg in self._legs.values() if leg.id not in seen]:
            marked = vanished.pop(leg.id, None)
            if marked is not None and leg.answered_at is None:
                leg.answered_at, leg.source = marked.answered_at, Source.OUTBOX
                leg.state = LegState.TALKING_UNHEARD
            if after_gap or leg.missed_at is not None:
                del self._legs[leg.id]
                out.append(self._settle_missing(leg, snapshot))
            else:
                # Its end may still be on the way: believe only the second snapshot without it.
                leg.missed_at = self._proven_at or snapshot.at
        for unknown in vanished.values():
            out.append(self._settle_vanished(unknown))
        self._proven_at = snapshot.at
        return out

    def _settle_finished(
        self, rows: Iterable[FinishedLeg], *, after_gap: bool
    ) -> list[CallRecord | LiveLeg]:
        out: list[CallRecord | LiveLeg] = []
        for row in rows:
            leg = self._legs.get(row.id)
            if leg is not None and not after_gap and leg.missed_at is None:
                continue  # the event of its end is on the way and knows the cause
            self._legs.pop(row.id, None)
            is_back = row.ended_at < row.answered_at
            if not is_back:
                self._remember(row.id, row.answered_at)
            out.append(
                CallRecord(
                    row.id,
                    row.payer or (leg.payer if leg else None),
                    row.dialled or (leg.dialled if leg else None),
                    leg.trunk if leg else row.trunk,
                    row.answered_at,
                    max(row.ended_at, row.answered_at),
                    None,
                    Outcome.UNCONFIRMED if is_back else Outcome.RECOVERED,
                    Source.OUTBOX,
                    evidence=_stepped_back(row.answered_at, row.ended_at) if is_back else "",
                    origin=row.origin or (leg.origin if leg else NO_ORIGIN),
                )
            )
        return out

    def _see(self, legs: Iterable[LiveLeg]) -> list[CallRecord | LiveLeg]:
        out: list[CallRecord | LiveLeg] = []
        for seen in legs:
            leg = self._legs.get(seen.id)
            sign = Sign.SEEN_RINGING if seen.answered_at is None else Sign.SEEN_TALKING
            state = after(leg.state if leg else None, sign)
            if leg is None:
                if self._is_over(seen.id, seen.answered_at):
                    continue  # its end overtook this older view
                assert state is not None
                self._legs[seen.id] = leg = Leg(
                    seen.id,
                    seen.payer,
                    seen.dialled,
                    seen.trunk,
                    state,
                    seen.answered_at,
                    Source.STATUS,
                    seen.origin,
                    asked_by=seen.asked_by,
                )
                if seen.answered_at is not None:
                    out.append(seen)
                continue
            leg.missed_at = None
            was_unheard = leg.state in UNHEARD
            leg.state = state or leg.state
            leg.payer, leg.dialled = leg.payer or seen.payer, leg.dialled or seen.dialled
            leg.origin = leg.origin or seen.origin
            leg.asked_by = leg.asked_by or seen.asked_by
            if leg.answered_at is None and seen.answered_at is not None:
                leg.answered_at, leg.source = seen.answered_at, Source.STATUS
                out.append(leg.as_live())
            elif was_unheard and leg.answered_at is not None:
                out.append(leg.as_live())
        return out

    def _settle_missing(self, leg: Leg, snapshot: Snapshot) -> CallRecord:
        if leg.state in RINGING and leg.payer is not None and snapshot.has_outbox:
            # Had it been answered, the exchange would have kept a row of it.
            self._remember(leg.id, None)
            return _record(leg, snapshot.at, Outcome.UNANSWERED, source=Source.STATUS)
        if leg.state in RINGING:
            why = "it rang when last heard, and the exchange keeps no record of this leg"
        elif leg.source is Source.OUTBOX:
            why = "the exchange marked it answered and crashed before its end"
        else:
            why = "it talked when last heard; the exchange neither shows it nor recorded its end"
        return self._in_doubt(leg, why, snapshot.at)

    def _settle_vanished(self, seen: LiveLeg) -> CallRecord:
        assert seen.answered_at is not None
        leg = Leg(
            seen.id,
            seen.payer,
            seen.dialled,
            seen.trunk,
            LegState.TALKING_UNHEARD,
            seen.answered_at,
            Source.OUTBOX,
            seen.origin,
        )
        why = "the exchange marked it answered and crashed before its end"
        return self._in_doubt(leg, why, seen.answered_at)

    def _remember(self, call: CallId, answered_at: datetime | None) -> None:
        self._over[call] = answered_at
        if len(self._over) > OVER_KEPT:
            del self._over[next(iter(self._over))]

    def _is_over(self, call: CallId, answered_at: datetime | None) -> bool:
        """Whether this is late news of a call that is settled, not of another under its id."""
        if call not in self._over:
            return False
        known = self._over[call]
        if answered_at is None:
            return True
        return known is not None and abs(answered_at - known) <= SAME_ANSWER

    def _in_doubt(self, leg: Leg, why: str, at: datetime) -> CallRecord:
        proven = leg.missed_at or self._proven_at
        start = leg.answered_at or proven or at
        ended = max(proven, start) if proven else start
        return _record(
            leg,
            ended,
            Outcome.UNCONFIRMED,
            evidence=f"{why}; proven alive until {ended:%F %T} UTC",
        )


def _stepped_back(answered_at: datetime, ended_at: datetime) -> str:
    return (
        "the exchange's clock stepped back: "
        f"answered {answered_at:%F %T}, ended {ended_at:%F %T} UTC"
    )


def _record(  # noqa: PLR0913 - one keyword for each fact that differs
    leg: Leg,
    ended_at: datetime,
    outcome: Outcome,
    *,
    cause: int | None = None,
    cut_by: CutBy | None = None,
    source: Source | None = None,
    evidence: str = "",
) -> CallRecord:
    return CallRecord(
        leg.id,
        leg.payer,
        leg.dialled,
        leg.trunk,
        leg.answered_at,
        ended_at,
        cause,
        outcome,
        source or leg.source,
        cut_by,
        evidence,
        leg.origin,
    )
