"""How long an account waits after a declined top-up before it tries again by itself. Pure.

Nothing but a settled payment ends a wait (RP-13): a new card only where the old one was the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.domain.payment import DeclineClass
from rtbill.domain.top_up import TopUp, TopUpState

ATTEMPTS_MAX = 4
"""With one method for one debt within ATTEMPTS_SPAN (RP-31)."""
ATTEMPTS_SPAN = timedelta(days=30)
WAIT_MIN = timedelta(hours=1)
WAITS: dict[DeclineClass, tuple[timedelta, ...]] = {
    DeclineClass.FAST: (timedelta(hours=1),),
    DeclineClass.SOFT: (timedelta(hours=24), timedelta(hours=72)),
    DeclineClass.VAGUE: (timedelta(hours=24),),
    DeclineClass.ACTION: (),
    DeclineClass.CARD: (),
    DeclineClass.NEVER: (),
    DeclineClass.OURS: (WAIT_MIN,),
}
"""After the first decline of the class, the second, and so on; then nothing more is tried."""
OF_THE_METHOD = frozenset({DeclineClass.ACTION, DeclineClass.CARD, DeclineClass.NEVER})
"""Another method may be tried; this one may not."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nothing is tried, and until when."""

    reason: str
    until: datetime | None
    """None: until a payment settles, or another method is there."""


def wait(recent: Sequence[TopUp], gateway: str, method: str, at: datetime) -> Wait | None:
    """What stands against an automatic top-up with this method now; None when nothing does.

    `recent` are the account's top-ups of the last 31 days, oldest first.
    """
    debt = of_debt(recent)
    if not debt:
        return None
    tried = [
        each
        for each in debt
        if (each.gateway, each.method) == (gateway, method) and each.wanted_at > at - ATTEMPTS_SPAN
    ]
    if len(tried) >= ATTEMPTS_MAX:
        until = tried[-ATTEMPTS_MAX].wanted_at + ATTEMPTS_SPAN
        return Wait(f"it was tried {len(tried)} times within 30 days", until)
    return _after(debt, gateway, method, at)


def of_debt(recent: Sequence[TopUp]) -> list[TopUp]:
    """Attempts since the last payment that settled, oldest first; what was never sent is none."""
    debt: list[TopUp] = []
    for each in recent:
        if each.was_paid:
            debt = []
        elif each.is_final and each.first_sent_at is not None:
            debt.append(each)
    return debt


def _after(debt: Sequence[TopUp], gateway: str, method: str, at: datetime) -> Wait | None:
    last = debt[-1]
    decline = _class_of(last)
    is_same = (last.gateway, last.method) == (gateway, method)
    if decline in OF_THE_METHOD and not is_same:
        return _until(last, WAIT_MIN, at)
    count = sum(_class_of(each) is decline for each in debt)
    waits = WAITS[decline]
    if count > len(waits):
        times = "once" if count == 1 else f"{count} times"
        return Wait(f"it was declined {times} as {decline}", None)
    return _until(last, waits[count - 1], at)


def _class_of(top_up: TopUp) -> DeclineClass:
    """What came to nothing without being declined counts as a disturbance."""
    return top_up.decline or DeclineClass.FAST


def _until(last: TopUp, pause: timedelta, at: datetime) -> Wait | None:
    until = last.moved_at + pause
    if at >= until:
        return None
    what = "cancelled" if last.state is TopUpState.CANCELLED else f"declined as {_class_of(last)}"
    return Wait(f"it was {what} at {last.moved_at:%Y-%m-%d %H:%M} UTC", until)
