"""When a top-up has to be seen to next, and when it is too late for what comes next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from payments.grace import NO_GRACE, Grace, ends
from rtbill.domain.top_up import TopUp, TopUpState

LOOKS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(hours=1),
    *(timedelta(days=day) for day in range(1, 6)),
)
"""So long after its outcome came into doubt it is asked for; then it is a person's (RP-24)."""
LOOK_AGAIN_MIN = timedelta(seconds=5)
ANSWER_MAX = timedelta(seconds=60)
"""A gateway has answered by then, or the process that waited for it is gone."""
SEND_AGAIN_MIN, SEND_AGAIN_MAX = timedelta(seconds=30), timedelta(minutes=10)
"""After a provider could not be reached: the longer it lasts, the longer the pause."""
KEY_LIFE = timedelta(hours=23)
"""Nothing is sent with a key that was first used earlier: the provider may have forgotten it, and
would take it for a new one (RP-22).
"""
CONFIRM_MAX = timedelta(hours=24)
"""So long may the holder take to confirm."""
CONFIRM_LOOKS = timedelta(hours=1)
ATTENDED_MAX = timedelta(hours=1)
"""What the holder wanted on a page is not sent later than that."""
IN_DOUBT = (TopUpState.UNKNOWN, TopUpState.CALLED_OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for the top-ups of a gateway."""

    can_find: bool = True
    """It can be asked what became of one; otherwise a person settles what is unknown (RP-60)."""
    repeats_for: timedelta = KEY_LIFE
    """So long after its first use a key may be used again; zero: never."""
    grace: Grace = NO_GRACE
    vat_ppm: int = 0
    """Of the net price, contained in what is paid, where that is due with the top-up: the receipt
    says so.
    """


def scheduled(top_up: TopUp, at: datetime, terms: Terms) -> TopUp:
    """The top-up, which has just come to its state or was just seen to, with its next time."""
    when = _when(top_up, at, terms)
    is_persons = top_up.state in IN_DOUBT and when is None
    grace_end = ends(top_up, terms.grace)
    if top_up.state in IN_DOUBT and grace_end is not None and at < grace_end:
        when = grace_end if when is None else min(when, grace_end)
    return replace(top_up, next_look=when, needs_person=is_persons)


def _when(top_up: TopUp, at: datetime, terms: Terms) -> datetime | None:
    match top_up.state:
        case TopUpState.WANTED | TopUpState.CREATED:
            return at
        case TopUpState.ASKED | TopUpState.SENT:
            return at + ANSWER_MAX
        case TopUpState.ACTION_NEEDED:
            return min(at + CONFIRM_LOOKS, top_up.moved_at + CONFIRM_MAX)
        case TopUpState.UNKNOWN | TopUpState.CALLED_OFF if terms.can_find:
            return _by_schedule(top_up, at)
        case _:
            return None


def _by_schedule(top_up: TopUp, at: datetime) -> datetime | None:
    if top_up.looks >= len(LOOKS):
        return None
    return max(_doubt_began(top_up) + LOOKS[top_up.looks], at + LOOK_AGAIN_MIN)


def put_off(top_up: TopUp, at: datetime, terms: Terms) -> TopUp:
    """The same, to be sent later: the provider is not there, or not to be used. No later than its
    grace ends, which a step has to take away.
    """
    pause = min(max((at - top_up.wanted_at) / 2, SEND_AGAIN_MIN), SEND_AGAIN_MAX)
    grace_end, when = ends(top_up, terms.grace), at + pause
    if grace_end is not None and at < grace_end:
        when = min(when, grace_end)
    return replace(top_up, next_look=when)


def looked(top_up: TopUp, at: datetime) -> TopUp:
    """The same after one more look, if that was due by the schedule."""
    is_due = top_up.looks < len(LOOKS) and at >= _doubt_began(top_up) + LOOKS[top_up.looks]
    if top_up.state not in IN_DOUBT or not is_due:
        return top_up
    return replace(top_up, looks=top_up.looks + 1)


def _doubt_began(top_up: TopUp) -> datetime:
    return top_up.unknown_at or top_up.moved_at


def is_too_late(top_up: TopUp, at: datetime, terms: Terms) -> bool:
    """Whether the next thing that would be sent for it must not be sent any more."""
    match top_up.state:
        case TopUpState.WANTED:
            life = ATTENDED_MAX if top_up.is_attended else KEY_LIFE
            return at >= (top_up.first_sent_at or top_up.wanted_at) + life
        case TopUpState.CREATED if top_up.asked_for_at is not None:
            repeats_for = min(terms.repeats_for, KEY_LIFE)
            return at >= (top_up.first_sent_at or top_up.wanted_at) + repeats_for
        case TopUpState.CREATED:
            return at >= (top_up.first_sent_at or top_up.wanted_at) + KEY_LIFE
        case TopUpState.ACTION_NEEDED:
            return at >= top_up.moved_at + CONFIRM_MAX
        case _:
            return False
