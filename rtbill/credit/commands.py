"""Orders to an exchange about running calls, repeated until they are carried out."""

from __future__ import annotations

from collections.abc import Iterable

from rtbill.alarms import Alarms
from rtbill.credit.control import CreditControl
from rtbill.credit.running_call import UNCERTAIN_S, RunningCall
from rtbill.domain.call import CallId
from rtbill.domain.errors import OutcomeUnknown, PortFailed
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock, Pbx

COMMAND_PAUSES_S = (1.0, 1.0, 2.0, 4.0, 8.0, 30.0)
"""After a failed command: CC-43."""
OVERDUE_S = 2.0
"""So long after its limit a call is hung up that its exchange should have ended."""
LATE_MAX = 3
"""A limit that the exchange was long in confirming is ordered so often at most."""
NO_LIMIT_S = 86_400.0
"""An exchange cannot be told to forget a limit: a day stands for none."""


class Commands:
    """One task for each call whose exchange does not yet hold the wanted limit."""

    def __init__(self, control: CreditControl, alarms: Alarms, clock: Clock) -> None:
        self._control = control
        self._alarms = alarms
        self._clock = clock

    def order(self, line: Line, running: RunningCall) -> None:
        """Bring the exchange's limit to what is wanted, in a task of the line; never waits. Where
        it is not enforced, only follow what it would have done.
        """
        if not running.stance.is_enforcing:
            running.watch(running.talked_s(line.now(self._clock)))
        if running.order_s == running.armed_s or running.is_commanded:
            return
        if not line.pbx.capabilities.limit_call or line.commands is None:
            return
        running.is_commanded = True
        line.commands.create_task(self._command(line, running), name=f"limit {running.leg.id}")

    def order_again(self, line: Line, running: RunningCall) -> None:
        """Order the only limit that a call ever had once more, before it is reached: the dialplan
        may have set its own timer, of whole seconds, over ours in the moment of the answer, and
        would end the call up to a second too soon.
        """
        is_only = running.limits_ordered == 1 and running.armed_s == running.order_s
        if is_only and not running.is_commanded and line.commands is not None:
            running.is_commanded = True
            name = f"limit {running.leg.id} again"
            line.commands.create_task(self._repeat(line, running), name=name)

    async def _repeat(self, line: Line, running: RunningCall) -> None:
        """As it is held already, an exchange that does not answer is no news."""
        wanted = running.order_s
        try:
            if not await _carry_out(line.pbx, running.leg.id, wanted):
                running.armed_s = UNCERTAIN_S
        except PortFailed:
            pass
        finally:
            running.is_commanded = False
        self.order(line, running)  # what came to be wanted meanwhile

    async def _command(self, line: Line, running: RunningCall) -> None:
        call, failures, late = running.leg.id, 0, 0
        try:
            while running.armed_s != running.order_s:
                found = self._control.find(call)
                if found is not None and found is not running:
                    return  # refused while dialled, answered since: the answer decides anew
                wanted = running.order_s
                try:
                    is_exact = await _carry_out(line.pbx, call, wanted)
                    late = 0 if is_exact else (late + 1) % LATE_MAX
                    running.armed_s = UNCERTAIN_S if late else wanted
                    running.limits_ordered += 1
                except PortFailed as error:
                    if isinstance(error, OutcomeUnknown):
                        running.armed_s = UNCERTAIN_S  # the old limit may hold no more
                    pause = COMMAND_PAUSES_S[min(failures, len(COMMAND_PAUSES_S) - 1)]
                    failures += 1
                    if failures > 2:
                        self._alarms.raise_("command", str(call), f"cannot be limited: {error}")
                    await self._clock.sleep(pause)
                    if not line.tracker.knows(call):
                        return
        finally:
            running.is_commanded = False
            self._alarms.clear("command", str(call))

    def look_at(self, line: Line, calls: Iterable[RunningCall]) -> None:
        """Hang up those of the exchange that outlived its timer: the second means (CC-43). Follow
        those on which no limit is enforced.
        """
        name, now = line.pbx.name, line.now(self._clock)
        for running in calls:
            if running.leg.id.pbx != name:
                continue
            if not running.stance.is_enforcing:
                running.watch(running.talked_s(now))
            if not running.is_overdue(now, OVERDUE_S) or running.is_commanded or not line.is_up:
                continue
            if self._control.find(running.leg.id) is running:  # it may have ended meanwhile
                running.wanted_s, running.armed_s = 0.0, None
                self.order(line, running)


async def _carry_out(pbx: Pbx, call: CallId, wanted_s: float | None) -> bool:
    """Whether the exchange now ends the call when it shall, and not later."""
    if wanted_s is None or wanted_s > 0:
        return await pbx.limit(call, NO_LIMIT_S if wanted_s is None else wanted_s)
    await pbx.hang_up(call)
    return True
