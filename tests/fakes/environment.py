"""A clock that moves when told, and a meter that remembers."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


class ManualClock:
    """ports.Clock: time stands still until `pass_time`; sleeping returns at once."""

    def __init__(self, now: datetime = NOON) -> None:
        self._start = now
        self._now = now

    def now(self) -> datetime:
        """The instant it was set to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Let the time pass and others run."""
        self.pass_time(seconds)
        await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        """Move on."""
        self._now += timedelta(seconds=seconds)


class CountingMeter:
    """ports.Meter: what was counted, by name; labels stand in `by_labels` alone."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.by_labels: Counter[str] = Counter()
        """`name value value`, by the order of the labels."""
        self.gauges: dict[str, float] = {}
        self.observed: dict[str, list[float]] = {}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to `counts` and `by_labels`."""
        self.counts[name] += amount
        self.by_labels[" ".join((name, *labels.values()))] += amount

    def gauge(self, name: str, value: float, **_labels: str) -> None:
        """Keep the latest in `gauges`."""
        self.gauges[name] = value

    def observe(self, name: str, seconds: float, **_labels: str) -> None:
        """Append to `observed`."""
        self.observed.setdefault(name, []).append(seconds)
