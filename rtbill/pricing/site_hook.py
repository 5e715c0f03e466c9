"""Asking a site's rating hook about calls. Whatever it does, the call gets a price: where the hook
fails, the tariff alone says which, and the operator is told.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from rtbill.domain.adjustment import Adjustment, Bounds
from rtbill.domain.errors import RtbillError
from rtbill.hook import Call
from rtbill.ports import Clock
from rtbill.rating.chain import Asked
from rtbill.rating.hook_answer import checked

ALARM = "rating.hook"
SLOW = "slow"
"""Subject of the alarm about a hook that takes long; otherwise its name is."""
CALM_S = 60.0
"""So long after the last failure a good answer ends its alarm: a hook that fails about some calls
and not about others would raise and clear it with each of them.
"""

SLOW_TIMES = 3
"""In a row, or once ten times as slow: a busy machine holds up a quick function now and then."""

Function = Callable[[Call], object]
Answers = dict[tuple[str, ...], Adjustment | None]
"""What was answered about one call, by all that the hook was told but the instant."""


class Board(Protocol):
    """Where alarms are raised; `rtbill.alarms` is one."""

    def raise_(self, kind: str, subject: str, text: str) -> None:
        """Something is wrong."""
        ...

    def clear(self, kind: str, subject: str) -> None:
        """It is over."""
        ...


class Caller(NamedTuple):
    """What a hook is told of a call beyond its account, number and place."""

    extension: str = ""
    dialled: str = ""
    person: str = ""
    answers: Answers | None = None
    """Of a call that is asked about more than once: the same question is answered once."""


NOBODY = Caller()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedHook:
    """A site's function, ready to be asked."""

    name: str
    """As configured: `mysite:adjust`."""
    function: Function
    digest: str
    """Of the file that it is from."""
    bounds: Bounds
    zone: ZoneInfo
    slow_s: float


class SiteHook:
    """Asks the function and judges its answers."""

    def __init__(self, loaded: LoadedHook, clock: Clock, board: Board) -> None:
        self.bounds = loaded.bounds
        self.edition = f"hook {loaded.name} {loaded.digest} {loaded.bounds}"
        """Another text as soon as the function or its bounds are others."""
        self._loaded = loaded
        self._clock = clock
        self._board = board
        self._failed_at: float | None = None
        self._slow_at: float | None = None
        self._slow_times = 0

    def ask(  # noqa: PLR0913 - the facts of one call
        self,
        asked: Asked,
        caller: Caller,
        *,
        trunk: str,
        account_class: str,
        price_list: str,
        check_list: Callable[[str], object],
    ) -> Adjustment | None:
        """What is changed about the call's price; None when nothing, or when the hook failed.

        `check_list` raises NoRate when the list of this name cannot price the call.
        """
        call = Call(
            number=asked.number,
            dialled=caller.dialled,
            answered_at=asked.answered_at.astimezone(self._loaded.zone),
            pbx=asked.pbx,
            trunk=trunk,
            extension=caller.extension,
            account=asked.account,
            account_class=account_class,
            person=caller.person,
            price_list=price_list,
        )
        answers = caller.answers
        if answers is None:
            return self._ask(call, check_list)
        key = _facts(call)
        if key not in answers:
            answers[key] = self._ask(call, check_list)
        return answers[key]

    def _ask(self, call: Call, check_list: Callable[[str], object]) -> Adjustment | None:
        began = self._clock.monotonic()
        failure = ""
        found = None
        try:
            found = checked(self._loaded.function(call), self.bounds)
            if found is not None and found.price_list:
                check_list(found.price_list)
        except RtbillError as wrong:
            failure = str(wrong)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a site's code may raise anything
            failure = _told(error)
        now = self._clock.monotonic()
        self._watch_time(call, now, now - began)
        if failure:
            self._failed_at = now
            text = f"{_named(call)}: {failure}; priced by its tariff alone"
            self._board.raise_(ALARM, self._loaded.name, text)
            return None
        if self._failed_at is not None and now - self._failed_at >= CALM_S:
            self._failed_at = None
            self._board.clear(ALARM, self._loaded.name)
        return found

    def _watch_time(self, call: Call, now: float, took_s: float) -> None:
        slow_s = self._loaded.slow_s
        self._slow_times = self._slow_times + 1 if took_s > slow_s else 0
        if self._slow_times >= SLOW_TIMES or took_s >= 10 * slow_s:
            self._slow_at = now
            text = (
                f"{_named(call)}: {self._loaded.name} took {took_s * 1000:.0f} ms, in which "
                "nothing else is done; it must neither wait nor read files or networks"
            )
            self._board.raise_(ALARM, SLOW, text)
        elif not self._slow_times and self._slow_at is not None and now - self._slow_at >= CALM_S:
            self._slow_at = None
            self._board.clear(ALARM, SLOW)


def _facts(call: Call) -> tuple[str, ...]:
    """Without the instant: an exchange's own record may tell another microsecond of the answer."""
    return (
        call.number,
        call.dialled,
        call.pbx,
        call.trunk,
        call.extension,
        call.account,
        call.account_class,
        call.person,
        call.price_list,
    )


def _named(call: Call) -> str:
    where = "/".join(filter(None, (call.pbx, call.extension or call.trunk)))
    return f"call of {call.account or 'no account'} to {call.number}{where and f' from {where}'}"


def _told(error: BaseException) -> str:
    """`ValueError: no such room (mysite.py, line 12)`."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)
    place = frames[-1]
    return f"{text} ({place.filename.rpartition('/')[2]}, line {place.lineno})"
