"""Effects that leave after a commit: in order, repeated until they are out; pure."""

from __future__ import annotations

PAUSE_MIN_S = 1.0
PAUSE_MAX_S = 300.0


def pause_s(failures: int, draw: float) -> float:
    """Seconds until the next attempt after so many failures; `draw` in [0, 1) spreads the herd."""
    longest = min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(failures, 16))
    return longest * (0.5 + draw / 2)
