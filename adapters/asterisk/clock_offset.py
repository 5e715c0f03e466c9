"""How far two clocks are apart, learnt from stamped messages."""

from __future__ import annotations

import math

_WINDOW_S = 60.0
_ROUNDING_S = 0.001


class ClockOffset:
    """How far our clock is ahead of the exchange's: no more than the least delay between a stamp
    and its arrival, lately, and no less than from the most that a question was under way before it
    was stamped. When the two contradict each other a clock was set, and what was known is void.
    """

    def __init__(self) -> None:
        self._most = [math.inf, math.inf]
        self._least = [-math.inf, -math.inf]
        """Of this window and of the one before."""
        self._window_ends = 0.0

    @property
    def seconds(self) -> float:
        """The best estimate; 0 until a stamp came."""
        most = min(self._most)
        return 0.0 if math.isinf(most) else most

    @property
    def seconds_least(self) -> float:
        """What it is at least: the exchange's clock shows no later time than by this."""
        least = max(self._least)
        return self.seconds if math.isinf(least) else min(least, self.seconds)

    def learn(self, seconds: float, monotonic: float, at_least: float = -math.inf) -> None:
        """Take one arrival: seconds between the stamp and the arrival on our clock, and between
        our question and the stamp, negative, where it answers one.
        """
        if monotonic >= self._window_ends:
            self._most = [math.inf, self._most[0]]
            self._least = [-math.inf, self._least[0]]
            self._window_ends = monotonic + _WINDOW_S
        if at_least > min(self._most) + _ROUNDING_S:
            self._most = [math.inf, math.inf]
        if seconds < max(self._least) - _ROUNDING_S:
            self._least = [-math.inf, -math.inf]
        self._most[0] = min(self._most[0], seconds)
        self._least[0] = max(self._least[0], at_least)
