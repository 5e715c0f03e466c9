"""Steps of holds of calls in progress that are on their way to the disk: one at a time for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from balance import holds
from rtbill.alarms import Alarms
from rtbill.credit.control import CreditControl
from rtbill.credit.hold_book import HoldBook
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.running_call import RunningCall
from rtbill.credit.timetable import Timetable
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Unavailable
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed
from rtbill.ports import Clock

RETRY_S = 1.0
_ALARM = "holds"


@dataclass(slots=True)
class Asked:
    """What a call asks for, until it is durable; kept over failures of its first step."""

    since_s: float
    is_first: bool
    """The call has no hold yet."""
    is_out: bool = False
    """The store has the step."""
    is_again: bool = False
    """Something changed meanwhile: one more extension is worth trying."""
    is_settling: bool = False
    """It has the store hold what the call costs from its answer on."""
    is_missed: bool = False
    """Such a step was wanted while another one was out: the call is looked at again afterwards."""


class Stepping:
    """Calls whose step is out, or that have no hold yet."""

    def __init__(  # noqa: PLR0913 - Holdings hands over each collaborator once
        self,
        *,
        book: HoldBook,
        directory: Directory,
        control: CreditControl,
        alarms: Alarms,
        clock: Clock,
        terms: HoldTerms,
        timetable: Timetable,
        order: Callable[[RunningCall], None],
        done: Callable[[RunningCall, Asked], None],
    ) -> None:
        """`order` brings an exchange to a limit; `done` is told of each step that was taken."""
        self._book = book
        self._directory = directory
        self._control = control
        self._alarms = alarms
        self._clock = clock
        self._terms = terms
        self._timetable = timetable
        self._order = order
        self._done = done
        self._asked: dict[CallId, Asked] = {}

    def is_put_off(self, running: RunningCall) -> bool:
        """Whether a step is out, after which one more extension is tried now."""
        asked = self._asked.get(running.leg.id)
        if asked is None or not asked.is_out:
            return False
        asked.is_again = True
        return True

    def step(self, running: RunningCall, decide: partial[Facts], *, first: bool = False) -> None:
        """Take this step, unless another one is out. What fails is tried again soon."""
        call = running.leg.id
        asked = self._asked.get(call)
        if asked is None:
            asked = self._asked[call] = Asked(self._clock.monotonic(), first)
        elif asked.is_out:
            asked.is_missed = not asked.is_settling
            return
        if first:
            running.hold_key = running.key
        asked.is_out, asked.is_settling = True, decide.func is holds.answered
        then = partial(self._stepped, running=running, asked=asked)
        try:
            self._book.ask(running.account, decide, then)
        except Unavailable as full:
            self._failed(running, asked, full)

    def _stepped(
        self, future: asyncio.Future[Committed], running: RunningCall, asked: Asked
    ) -> None:
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            self._failed(running, asked, error)
            return
        call = running.leg.id
        self._alarms.clear(_ALARM, str(call))
        if self._asked.get(call) is asked:
            del self._asked[call]
            self._done(running, asked)

    def _failed(self, running: RunningCall, asked: Asked, error: BaseException) -> None:
        """Try again soon: a call without a hold keeps its place among those that wait for one."""
        call = running.leg.id
        if self._asked.get(call) is not asked:
            return
        asked.is_out = False
        if not asked.is_first:
            del self._asked[call]
        self._alarms.raise_(_ALARM, str(call), f"nothing could be held: {error}")
        hold = self._directory.state(running.account).hold(running.hold_key)
        granted_s = hold.granted_s if hold else 0
        self._timetable.put(call, self._clock.monotonic() + RETRY_S, granted_s)

    def forget(self, call: CallId) -> None:
        """Whatever is out, another account pays the call now."""
        self._asked.pop(call, None)

    def over(self, call: CallId) -> None:
        """The call has ended, or its hold was made by a step that seemed to fail."""
        self.forget(call)
        self._alarms.clear(_ALARM, str(call))

    def give_up_waiting(self) -> None:
        """Calls whose first hold is not durable in time end, unless their class lets them go on."""
        now_s = self._clock.monotonic()
        for call, asked in list(self._asked.items()):
            running = self._control.find(call)
            if running is None or self._is_held(running, asked):
                self.over(call)
            elif asked.is_first and now_s - asked.since_s > self._terms.commit_max_s:
                account = self._directory.account(running.account)
                if not self._terms.is_open(account) and not running.is_barred:
                    running.is_barred = True
                    self._alarms.raise_(_ALARM, str(call), "ended: nothing could be held in time")
                    self._order(running)

    def _is_held(self, running: RunningCall, asked: Asked) -> bool:
        """Whether a first step that failed was made good by another one."""
        hold = self._directory.state(running.account).hold(running.hold_key)
        return asked.is_first and not asked.is_out and hold is not None
