"""Guessing at account codes and PINs: who entered several wrong ones is not believed for a while.

In memory only, and bounded: a restart forgets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=10)
EXTENSION_WRONG_MAX = 5
SITE_WRONG_MAX = 20
CALLERS_KEPT = 4096
"""Callers remembered for their wrong codes; beyond these the one who erred first is forgotten."""


class WrongCodes:
    """What was entered wrongly in the last minutes, by caller and at the whole site."""

    def __init__(self) -> None:
        self._wrong: dict[Hashable, deque[datetime]] = {}
        self._site: deque[datetime] = deque(maxlen=SITE_WRONG_MAX)

    def note(self, caller: Hashable, at: datetime) -> str:
        """One more wrong code; in words what is not believed any more on its account, empty when
        nothing is.
        """
        if self.are_barred(caller, at):
            return ""
        mine = self._wrong.get(caller)
        if mine is None:
            if len(self._wrong) >= CALLERS_KEPT:
                del self._wrong[next(iter(self._wrong))]
            mine = self._wrong[caller] = deque(maxlen=EXTENSION_WRONG_MAX)
        mine.append(at)
        self._site.append(at)
        if _is_full(mine, at):
            return f"{EXTENSION_WRONG_MAX} wrong codes in {_minutes()} minutes"
        if _is_full(self._site, at):
            return f"{SITE_WRONG_MAX} wrong codes at the site in {_minutes()} minutes"
        return ""

    def are_barred(self, caller: Hashable, at: datetime) -> bool:
        """Whether no code of this caller counts now, not even a right one: it might be a guess."""
        return _is_full(self._wrong.get(caller), at) or _is_full(self._site, at)


def _is_full(entered: deque[datetime] | None, at: datetime) -> bool:
    """Whether as many as it holds were entered within one window that is not over."""
    if entered is None or len(entered) != entered.maxlen:
        return False
    return entered[-1] - entered[0] < WINDOW and at - entered[-1] < WINDOW


def _minutes() -> int:
    return int(WINDOW.total_seconds() // 60)
