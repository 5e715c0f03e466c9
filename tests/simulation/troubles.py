"""When something kept biller and exchange from each other, or the biller from its disk: spans in
seconds of the run, each exact to a quarter of a second.
"""

from __future__ import annotations

from bisect import bisect_left


class Spans:
    """Stretches of time, in order and apart."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    def add(self, since: float, until: float) -> None:
        """One more; joined with those that it touches."""
        kept = [each for each in self._spans if each[1] < since or each[0] > until]
        touched = [each for each in self._spans if not (each[1] < since or each[0] > until)]
        for begins, ends in touched:
            since, until = min(since, begins), max(until, ends)
        kept.insert(bisect_left(kept, (since, until)), (since, until))
        self._spans = kept

    def overlaps(self, since: float, until: float) -> bool:
        """Whether any of it lies within."""
        return any(begins < until and ends > since for begins, ends in self._spans)

    def gap(self, since: float, until: float, length: float) -> float | None:
        """Where the first stretch of so many seconds without any begins, within these bounds."""
        at = since
        for begins, ends in self._spans:
            if ends <= at:
                continue
            if begins - at >= length:
                break
            at = max(at, ends)
        return at if until - at >= length else None

    def __len__(self) -> int:
        return len(self._spans)
