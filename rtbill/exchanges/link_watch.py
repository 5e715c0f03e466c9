"""What the links to the exchanges do, told as alarms and followed in the lines."""

from __future__ import annotations

from rtbill.alarms import Alarms
from rtbill.domain.events import LinkLost, LinkRestored, LinkTrouble, PbxEvent, Snapshot
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock, Meter


class LinkWatch:
    """Links that come and go, and clocks that drift apart."""

    def __init__(self, alarms: Alarms, clock: Clock, meter: Meter, clock_apart_s: float) -> None:
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._clock_apart_s = clock_apart_s

    def lost(self, line: Line, event: LinkLost) -> None:
        """Nothing is known any more of what the exchange holds."""
        line.is_up, line.since, line.heard_at = False, self._clock.now(), event.at
        line.forget_held()
        for kind in ("rights", "snapshot", "alive", "settings"):
            self._alarms.clear(kind, event.pbx)  # the next sign-in tells anew what still holds
        self._alarms.raise_("link", event.pbx, f"link lost: {event.reason}")
        self._meter.gauge("rtbill_link_up", 0, pbx=event.pbx)

    def restored(self, line: Line, event: LinkRestored) -> None:
        """Have everything that waits for the exchange look at it anew."""
        line.is_up, line.since = True, self._clock.now()
        line.forget_held()
        for kind in ("link", "login", "unreachable", "tls", "frame"):
            self._alarms.clear(kind, event.pbx)
        self._meter.gauge("rtbill_link_up", 1, pbx=event.pbx)
        line.wake()
        line.restored.set()

    def seen(self, snapshot: Snapshot) -> None:
        """The exchange told what it holds."""
        self._alarms.clear("snapshot", snapshot.pbx)

    def trouble(self, event: LinkTrouble) -> None:
        """The link works badly, or cannot be opened."""
        self._alarms.raise_(event.kind, event.pbx, event.text)

    def follow_clock(self, line: Line, event: PbxEvent) -> None:
        """Learn from a snapshot how far the exchange's clock is from ours; talk times come from it
        (CA-14).
        """
        snapshot = event.snapshot if isinstance(event, LinkRestored) else event
        if not isinstance(snapshot, Snapshot):
            return
        made_s = self._clock.monotonic() if snapshot.made_s is None else snapshot.made_s
        line.learn_clock(snapshot.at, made_s, self._clock)
        seconds = line.clock_ahead.total_seconds()
        if abs(seconds) <= self._clock_apart_s:
            self._alarms.clear("clock", snapshot.pbx)
            return
        behind = "behind" if seconds > 0 else "ahead of"
        text = f"its clock is {abs(seconds):.0f} s {behind} ours; set both by NTP"
        self._alarms.raise_("clock", snapshot.pbx, text)
