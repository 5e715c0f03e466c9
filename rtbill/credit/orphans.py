"""Holds whose call nobody sees: the channel that asked was hung up, or we were away at its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf

from rtbill.domain.directory import Directory
from rtbill.domain.hold import Hold
from rtbill.exchanges.lines import Line


class Orphans:
    """Remembers since when no call of a hold is known."""

    def __init__(self, lines: Mapping[str, Line], ring_max_s: float) -> None:
        """`lines` are the exchanges by name."""
        self._lines = lines
        self._ring_max_s = ring_max_s
        self._since: dict[str, float] = {}

    def give_up(self, key: str) -> None:
        """No call has this hold any more, and it could not be given back: the next time."""
        self._since[key] = -inf

    def overdue(self, directory: Directory, in_use: Collection[str], now_s: float) -> list[Hold]:
        """Holds that have had no call for longer than any call rings; `now_s` is monotonic. While
        an exchange is not heard, its holds are kept (CC-60).
        """
        since: dict[str, float] = {}
        overdue: list[Hold] = []
        for state in directory.holding():
            for hold in state.holds:
                if hold.key in in_use or not self._is_heard(hold):
                    continue
                began_s = since[hold.key] = self._since.get(hold.key, now_s)
                if now_s - began_s > self._ring_max_s:
                    overdue.append(hold)
        self._since = since
        return overdue

    def _is_heard(self, hold: Hold) -> bool:
        """Whether its exchange would have told of the call; one that is configured no more never
        will.
        """
        line = self._lines.get(hold.pbx)
        return line is None or line.is_up
