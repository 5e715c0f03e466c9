"""How far two clocks are apart, learnt from stamped messages."""

from __future__ import annotations

import math

_WINDOW_S = 60.0


class ClockOffset:
    """How far our clock is ahead of the exchange's: the least delay between a stamp and its
    arrival, lately.
    """

    def __init__(self) -> None:
        self._now: float = math.inf
        self._before: float = math.inf
        self._window_ends = 0.0

    @property
    def seconds(self) -> float:
        """The best estimate; 0 until a stamp came."""
        least = min(self._now, self._before)
        return 0.0 if math.isinf(least) else least

    def learn(self, seconds: float, monotonic: float) -> None:
        """Take one arrival: seconds between the stamp and the arrival on our clock."""
        if monotonic >= self._window_ends:
            self._before, self._now = self._now, math.inf
            self._window_ends = monotonic + _WINDOW_S
        self._now = min(self._now, seconds)
