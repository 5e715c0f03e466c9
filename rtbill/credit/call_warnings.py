"""Telling who pays that a call is about to end: at the telephone, and in the outbox.

When that is, is reckoned at each step of its hold from what it has and its share of what is left.
When money comes in meanwhile, the end moves, and the warnings begin anew before it (CC-32).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rtbill.alarms import Alarms
from rtbill.credit.control import CreditControl
from rtbill.credit.running_call import RunningCall
from rtbill.credit.wishes import Wishes
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import PortFailed
from rtbill.domain.hold import Hold
from rtbill.domain.notice import Notice
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock

AHEAD_S = 60
"""Calls that end later than this after their first warning are not yet looked at: at least one more
step of their holds comes before.
"""


@dataclass(slots=True)
class _Ending:
    """A call whose money is about to end."""

    ends_s: int
    """Seconds of talk that there is money for."""
    left: list[int]
    """Warnings still due, in seconds before the end, the earliest last."""


class CallWarnings:
    """Which calls are about to end, and what was said of it."""

    def __init__(  # noqa: PLR0913 - Billing hands over each collaborator once
        self,
        control: CreditControl,
        directory: Directory,
        wishes: Wishes,
        lines: Mapping[str, Line],
        alarms: Alarms,
        clock: Clock,
        seconds: Sequence[int],
    ) -> None:
        """`seconds` before the end at which is warned."""
        self._control = control
        self._directory = directory
        self._wishes = wishes
        self._lines = lines
        self._alarms = alarms
        self._clock = clock
        self._seconds = sorted(set(seconds))
        self._ending: dict[CallId, _Ending] = {}

    def share_changed(self, running: RunningCall) -> None:
        """There is more for the call, or less: reckon its end anew if it was near."""
        if running.leg.id in self._ending:
            hold = self._directory.state(running.account).hold(running.hold_key)
            if hold is not None:
                self.follow(running, hold)

    def follow(self, running: RunningCall, hold: Hold) -> None:
        """Reckon when the call ends, if nothing comes in and all calls of the account go on: by
        its hold and its share of what else there is.
        """
        if not self._seconds:
            return
        call, state = running.leg.id, self._directory.state(running.account)
        share_micros = max(0, state.grantable_micros // max(1, len(state.holds)))
        ahead_s = self._wishes.talked_s(running) + self._seconds[-1] + AHEAD_S
        ends_s = self._wishes.ends_s(running, hold.micros + share_micros, ahead_s)
        if ends_s is None:
            self._ending.pop(call, None)
            return
        known = self._ending.get(call)
        if known is None or ends_s > known.ends_s:
            self._ending[call] = _Ending(ends_s, list(self._seconds))
        else:
            known.ends_s = ends_s

    def forget(self, call: CallId) -> None:
        """The call is over."""
        self._ending.pop(call, None)

    def look(self) -> None:
        """Warn those whose time has come; never waits."""
        for call, ending in list(self._ending.items()):
            running = self._control.find(call)
            if running is None:
                del self._ending[call]
                continue
            left_s = ending.ends_s - self._control.limits.guard_s - self._wishes.talked_s(running)
            is_due = False
            while ending.left and left_s <= ending.left[-1]:
                is_first = len(ending.left) == len(self._seconds)
                ending.left.pop()
                is_due = left_s > 0
                if is_due and is_first:
                    self._tell(running, int(left_s))
            if is_due:
                self._order(running)

    def _order(self, running: RunningCall) -> None:
        line = self._lines[running.leg.id.pbx]
        if line.pbx.capabilities.warn and line.commands is not None and line.is_up:
            line.commands.create_task(_warn(line, running), name=f"warn {running.leg.id}")

    def _tell(self, running: RunningCall, left_s: int) -> None:
        account = self._directory.account(running.account)
        number = running.called.number or running.leg.dialled or "an unknown number"
        text = f"the call to {number} ends in {left_s} s unless credit comes in"
        self._alarms.tell(Notice("call.ending", account.id, text, self._clock.now()))


async def _warn(line: Line, running: RunningCall) -> None:
    """A warning that does not get through is not repeated: the next one follows."""
    try:
        await line.pbx.warn(running.leg.id)
    except PortFailed:
        return
