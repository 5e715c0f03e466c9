"""When each held call is to be looked at again, so that its talk never runs out by oversight."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count

from rtbill.domain.call import CallId
from rtbill.domain.hold import Hold

RENEW_MIN_S = 5.0
RENEW_SHARE = 0.2
"""A slice is renewed when this share of it is left, or so many seconds (CC-21)."""
LAST_LOOK_S = 1.0
"""Before the guard: the last time that a final hold is tried to extend (CC-31)."""


class Timetable:
    """Calls by the monotonic instant at which they are due; times are in seconds."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, CallId, int]] = []
        self._sequence = count()
        self._grants: dict[CallId, tuple[int, bool]] = {}

    def is_new(self, call: CallId, hold: Hold) -> bool:
        """Whether the call was never looked at with this grant, final or not."""
        grant = (hold.granted_s, hold.is_final)
        if self._grants.get(call) == grant:
            return False
        self._grants[call] = grant
        return True

    def forget(self, call: CallId) -> None:
        """The call is over."""
        self._grants.pop(call, None)

    def put(self, call: CallId, at_s: float, granted_s: int) -> None:
        """The call is due then, if it is still granted so much."""
        heapq.heappush(self._due, (at_s, next(self._sequence), call, granted_s))

    def take(self, now_s: float) -> Iterator[tuple[CallId, int]]:
        """Calls that are due, and the grants for which they are."""
        while self._due and self._due[0][0] <= now_s:
            _, _, call, granted_s = heapq.heappop(self._due)
            yield call, granted_s


def early_s(hold: Hold, left_s: float, slice_max_s: int, guard_s: float) -> float:
    """How long before its grant ends a hold is extended, or tried to for the last time."""
    if hold.is_final:
        return guard_s + LAST_LOOK_S
    return max(RENEW_MIN_S, RENEW_SHARE * min(left_s, float(slice_max_s)))
