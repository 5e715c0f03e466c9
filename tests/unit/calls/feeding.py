"""Feed a tracker with lines of events."""

from __future__ import annotations

from rtbill.calls.tracker import Tracker
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.events import LiveLeg
from tests.fakes.builders import PBX, events

UP = "11:00:00 back"


def fed(text: str, tracker: Tracker | None = None) -> list[CallRecord | LiveLeg]:
    """What follows from the events, in order."""
    tracker = tracker or Tracker(PBX)
    out: list[CallRecord | LiveLeg] = []
    for event in events(text):
        out += tracker.feed(event)
    return out


def records(text: str, tracker: Tracker | None = None) -> list[CallRecord]:
    return [each for each in fed(text, tracker) if isinstance(each, CallRecord)]


def settled(calls: list[CallRecord]) -> list[CallRecord]:
    """The calls as the books hold them: the first word on a call counts, unless it was a doubt or
    that nobody answered; rows shown again are known.
    """
    books: dict[str, CallRecord] = {}
    for call in calls:
        known = books.get(call.id.leg)
        if known is None or not _is_billed(known):
            books[call.id.leg] = call
    return [call for call in books.values() if _is_billed(call)]


def _is_billed(call: CallRecord) -> bool:
    return call.outcome in (Outcome.ENDED, Outcome.RECOVERED)
