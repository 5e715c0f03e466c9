"""How late exchanges end calls whose limit is over: measured, because the guard must cover it.

A call is cut `guard_s` before the last increment is full that was held for. What comes later than
the guard buys an increment that nobody paid (CC-40, CC-41).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rtbill.alarms import Alarms
from rtbill.credit.running_call import RunningCall
from rtbill.domain.call import CallRecord
from rtbill.domain.directory import Directory
from rtbill.ports import Meter

CUTS_KEPT = 10_000
"""Of each exchange: enough to tell what one of ten thousand does."""
EARLY_S = 1.0
"""Who ended so long before its limit was cut by an older one: that says nothing of lateness."""
ALARM = "guard"


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds by which an exchange ended calls after their limit, over its latest cuts."""

    cuts: int
    p50_s: float
    p99_s: float
    max_s: float


@dataclass(slots=True)
class _Measured:
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=CUTS_KEPT))
    too_late: int = 0
    """Of the latest, those that came after the guard."""


class Cuts:
    """Measures every call that ends by its limit, in this process."""

    def __init__(self, directory: Directory, guard_s: float, alarms: Alarms, meter: Meter) -> None:
        self._directory = directory
        self._guard_s = guard_s
        self._alarms = alarms
        self._meter = meter
        self._of_pbx: dict[str, _Measured] = {}

    def ended(self, running: RunningCall | None, record: CallRecord) -> None:
        """A call is over; nothing is measured of one that nobody cut."""
        if running is None or record.cut_by is None or not running.stance.is_enforcing:
            return
        limit_s = self._limit_s(running)
        if limit_s <= 0:
            return  # it was to end at once: how long the command took is no timer's lateness
        late_s = (record.talk_us - round(limit_s * 1_000_000)) / 1_000_000
        if late_s >= -EARLY_S:
            self._measure(record.id.pbx, max(0.0, late_s))

    def _limit_s(self, running: RunningCall) -> float:
        """Where it was to end: by what is held for it, which stays when it is hung up late."""
        hold = self._directory.state(running.account).hold(running.hold_key)
        if hold is not None and not running.is_barred:
            return hold.granted_s - self._guard_s
        return running.order_s or 0.0

    def _measure(self, pbx: str, late_s: float) -> None:
        measured = self._of_pbx.setdefault(pbx, _Measured())
        if len(measured.latest) == CUTS_KEPT and measured.latest[0] > self._guard_s:
            measured.too_late -= 1
        measured.latest.append(late_s)
        self._meter.observe("rtbill_cut_late_seconds", late_s, pbx=pbx)
        if late_s > self._guard_s:
            measured.too_late += 1
            self._meter.count("rtbill_cuts_beyond_guard_total", pbx=pbx)
            text = (
                f"a call was ended {late_s:.2f} s after its limit, and the guard is "
                f"{self._guard_s:g} s: money was spent that was not held; set rating.guard_s above "
                f"{max(measured.latest):.2f}, or look why the exchange is slow"
            )
            self._alarms.raise_(ALARM, pbx, text)
        elif not measured.too_late:
            self._alarms.clear(ALARM, pbx)

    def lateness(self, pbx: str) -> Lateness | None:
        """Of the latest cuts at the exchange; None when it cut no call yet."""
        measured = self._of_pbx.get(pbx)
        if measured is None:
            return None
        ordered = sorted(measured.latest)
        last = len(ordered) - 1
        return Lateness(
            len(ordered),
            ordered[round(last * 0.50)],
            ordered[round(last * 0.99)],
            ordered[last],
        )
