"""How long things took, in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable

_PLACES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}


def percentiles(latencies_s: Iterable[float]) -> dict[str, float]:
    """Milliseconds below which so many per cent lie; empty when nothing was measured."""
    ordered = sorted(latencies_s)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {name: round(1000 * ordered[round(part * last)], 3) for name, part in _PLACES.items()}
