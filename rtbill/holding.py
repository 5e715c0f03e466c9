"""Holds of calls in progress: asked of the store, acted upon only when they are durable.

The way of one call: `reserve` when its exchange asks before it dials, or `dialled` when one that
does not ask begins to; `answered`; then `serve` extends the hold slice after slice. The operation
that settles the call resolves it. Whatever the store commits comes back through Billing, which puts
it into the directory and has the exchange hold the limit that follows: never the other way round.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count

from balance import holds
from balance.holds import Wish
from rtbill.alarms import Alarms
from rtbill.assessment import Assessor
from rtbill.assignment import Place
from rtbill.credit import CreditControl, RunningCall
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Unavailable
from rtbill.domain.events import CallStarted
from rtbill.domain.hold import Hold, HoldStep
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import Facts
from rtbill.lines import Line
from rtbill.orphans import Orphans
from rtbill.ports import Clock, Committed, Holding, Store
from rtbill.wishes import HoldTerms, Wishes

TICK_S = 0.25
RENEW_MIN_S = 5.0
RENEW_SHARE = 0.2
"""A slice is renewed when this share of it is left, or so many seconds (CC-21)."""
LAST_LOOK_S = 1.0
"""Before the guard: the last time that a final hold is tried to extend (CC-31)."""
RETRY_S = 1.0
SWEEP_TICKS = 20
_ALARM = "holds"


@dataclass(slots=True)
class _Asked:
    """Steps of a running call's hold that are on their way to the disk, one at a time."""

    since_s: float
    is_first: bool
    """The call has no hold yet."""
    is_out: bool = False
    """The store has the step."""
    is_again: bool = False
    """Something changed meanwhile: one more extension is worth trying."""


class Holdings:
    """The holds of every call that may only talk for what is held."""

    def __init__(  # noqa: PLR0913 - Billing hands over each collaborator once
        self,
        *,
        store: Store,
        directory: Directory,
        assessor: Assessor,
        control: CreditControl,
        lines: Mapping[str, Line],
        alarms: Alarms,
        clock: Clock,
        terms: HoldTerms,
        follow: Callable[[Committed], None],
        order: Callable[[RunningCall], None],
    ) -> None:
        """`follow` is told of each commit, in order; `order` brings an exchange to a limit."""
        self._store = store
        self._directory = directory
        self._control = control
        self._lines = lines
        self._alarms = alarms
        self._clock = clock
        self._terms = terms
        self._follow = follow
        self._order = order
        self._keys: dict[CallId, tuple[str, str]] = {}
        """Account and key of the holds of legs that ring."""
        self._reserving: dict[str, str] = {}
        """By channel: keys of holds that are asked for and not yet durable."""
        self._asked: dict[CallId, _Asked] = {}
        self._due: list[tuple[float, int, CallId, int]] = []
        """When to look at a call, and the grant for which that was reckoned."""
        self._scheduled: dict[CallId, tuple[int, bool]] = {}
        """For which grant, final or not, a call was last put there."""
        self._sequence = count()
        self._orphans = Orphans(lines, terms.ring_max_s)
        self._wishes = Wishes(directory, assessor, control, terms.slices, lines, clock)

    async def reserve(
        self, account: str, pbx: str, channel: str, called: CalledNumber, at: datetime
    ) -> Hold | None:
        """The committed hold with which the channel's call may be dialled; None when there is not
        enough, or too many calls are out. Unavailable: nothing can be held.
        """
        state = self._directory.state(account)
        channel = f"{pbx}/{channel}"
        key = self._reserving.get(channel) or holds.key_for(state, channel)
        wish = self._wishes.of_new(state, key, None, called, at, Place(pbx))
        future = self._reserve(state, wish)
        self._reserving[channel] = key
        future.add_done_callback(lambda _future: self._reserving.pop(channel, None))
        committed = await asyncio.shield(future)
        assert committed.facts is not None
        return committed.facts.state.hold(key)

    def has_asked(self, event: CallStarted, account: str) -> bool:
        """Whether a hold was asked for before this call was dialled, be it durable yet or not."""
        return self._asked_for(account, event.id.pbx, event.asked_by) is not None

    def _asked_for(self, account: str, pbx: str, channel: str) -> str | None:
        hold = holds.asked_for(self._directory.state(account), f"{pbx}/{channel}")
        return self._reserving.get(f"{pbx}/{channel}", hold.key if hold else None)

    def dialled(
        self, event: CallStarted, account: str, called: CalledNumber, refuse: Callable[[], None]
    ) -> None:
        """Find the hold that was asked for, or ask for one now; `refuse` is called when there is
        not enough.
        """
        asked = self._asked_for(account, event.id.pbx, event.asked_by)
        key = asked or str(event.id)
        self._keys[event.id] = account, key
        if asked:
            return
        state, place = self._directory.state(account), Place(event.id.pbx, event.trunk)
        wish = self._wishes.of_new(state, key, event.id, called, event.at, place)
        try:
            future = self._reserve(state, wish)
        except Unavailable:
            return  # its answer decides
        future.add_done_callback(partial(_if_refused, key=key, refuse=refuse))

    def _reserve(self, state: AccountState, wish: Wish) -> asyncio.Future[Committed]:
        calls_max = self._terms.calls_max(state)
        decide = partial(holds.reserve, wish=wish, calls_max=calls_max)
        return self._ask(state.account.id, decide)

    def key_of(self, running: RunningCall) -> str:
        """The key of the leg's hold, also from before a restart; empty without one. What another
        account held for it while it rang is given back.
        """
        state = self._directory.state(running.account)
        account, known = self._keys.get(running.leg.id, ("", ""))
        if known and account != running.account:
            self._let_go(account, known)
        elif known and (state.hold(known) is not None or known in self._reserving.values()):
            return known
        hold = holds.of_call(state, running.leg.id)
        return self._unclaimed(state, running) if hold is None else hold.key

    def _unclaimed(self, state: AccountState, running: RunningCall) -> str:
        """What was asked for by the channel that dialled the leg, if its beginning was not heard or
        another account paid then. Other legs may be linked to that channel.
        """
        asked = self._asked_for(running.account, running.leg.id.pbx, running.leg.asked_by)
        if asked is None or not self._control.is_held(state, running.called, running.stance):
            return ""
        others = self._control.of_account(running.account)
        return "" if any(each.hold_key == asked for each in others) else asked

    def tend(self, running: RunningCall) -> None:
        """Have the hold that the call needs as it now stands, and no other."""
        state = self._directory.state(running.account)
        if not self._control.is_held(state, running.called, running.stance):
            self._let_go(running.account, running.hold_key)
            return
        hold = state.hold(running.hold_key)
        call = running.leg.id
        if hold is None:
            self._step(
                running, partial(holds.open_hold, wish=self._wishes.of_running(running)), first=True
            )
        elif hold.call != call or not self._wishes.is_priced(running, hold):
            self._step(running, partial(holds.answered, wish=self._wishes.of_running(running)))
        else:
            self._schedule(running, hold)
            if hold.is_final and state.grantable_micros > 0:
                self._extend(running)  # paid while it rang, or while we were away

    def moved(self, running: RunningCall, before: str) -> None:
        """Another account pays the call, which asks it for a hold of its own."""
        self._let_go(before, running.hold_key)
        running.hold_key = ""
        self._asked.pop(running.leg.id, None)
        self.tend(running)

    def account_changed(self, account: str) -> None:
        """Money came or went, or a hold did: calls at their end try again, the nearest first."""
        running_calls = self._control.of_account(account)
        if not running_calls:
            return
        state = self._directory.state(account)
        held = {hold.key: hold for hold in state.holds}
        final: list[tuple[float, RunningCall]] = []
        for running in running_calls:
            hold = held.get(running.hold_key)
            is_held = self._control.is_held(state, running.called, running.stance)
            if not is_held or hold is None or hold.call != running.leg.id:
                self.tend(running)
                continue
            self._schedule(running, hold)
            if hold.is_final:
                final.append((hold.granted_s - self._wishes.talked_s(running), running))
        if state.grantable_micros > 0:
            for _, running in sorted(final, key=lambda each: each[0]):
                self._extend(running)

    def ended(self, call: CallId, running: RunningCall | None, account: str) -> str:
        """The key of the hold that the call leaves to be resolved by the account that pays it;
        empty when there is none. What another one held for it while it rang is given back.
        """
        holder, key = self._keys.pop(call, ("", ""))
        self._scheduled.pop(call, None)
        self._asked.pop(call, None)
        self._alarms.clear(_ALARM, str(call))
        if key and holder != account:
            self._let_go(holder, key)
            key = ""
        return running.hold_key if running is not None and running.hold_key else key

    async def serve(self) -> None:
        """Extend holds in time and give up those of calls that nobody sees, for ever."""
        ticks = 0
        while True:
            await self._clock.sleep(TICK_S)
            self._look_at_due()
            self._give_up_waiting()
            ticks += 1
            if ticks % SWEEP_TICKS == 0:
                self._expire_orphans()

    def _look_at_due(self) -> None:
        now_s = self._clock.monotonic()
        while self._due and self._due[0][0] <= now_s:
            _, _, call, granted_s = heapq.heappop(self._due)
            running = self._control.find(call)
            if running is None:
                continue
            hold = self._directory.state(running.account).hold(running.hold_key)
            if hold is None:
                self.tend(running)
            elif hold.granted_s == granted_s:
                self._extend(running)

    def _give_up_waiting(self) -> None:
        """Calls whose first hold is not durable in time end, unless their class lets them go on."""
        now_s = self._clock.monotonic()
        for call, asked in list(self._asked.items()):
            running = self._control.find(call)
            if running is None or self._is_held(running, asked):
                del self._asked[call]
                self._alarms.clear(_ALARM, str(call))
            elif asked.is_first and now_s - asked.since_s > self._terms.commit_max_s:
                account = self._directory.account(running.account)
                if not self._terms.is_open(account) and not running.is_barred:
                    running.is_barred = True
                    text = "ended: nothing could be held for it in time"
                    self._alarms.raise_(_ALARM, str(call), text)
                    self._order(running)

    def _is_held(self, running: RunningCall, asked: _Asked) -> bool:
        """Whether a first step that failed was made good by another one."""
        hold = self._directory.state(running.account).hold(running.hold_key)
        return asked.is_first and not asked.is_out and hold is not None

    def _expire_orphans(self) -> None:
        in_use = {running.hold_key for running in self._control.running()}
        for call, (_, key) in self._keys.items():
            if self._lines[call.pbx].tracker.knows(call):
                in_use.add(key)
        for hold in self._orphans.overdue(self._directory, in_use, self._clock.monotonic()):
            self._let_go(hold.account, hold.key, HoldStep.EXPIRE)

    def _extend(self, running: RunningCall) -> None:
        asked = self._asked.get(running.leg.id)
        if asked is not None and asked.is_out:
            asked.is_again = True
        else:
            self._step(running, partial(holds.extend, wish=self._wishes.of_running(running)))

    def _step(
        self,
        running: RunningCall,
        decide: Callable[[AccountState], Facts],
        *,
        first: bool = False,
    ) -> None:
        """One step at a time for each call."""
        call = running.leg.id
        asked = self._asked.get(call)
        if asked is None:
            asked = self._asked[call] = _Asked(self._clock.monotonic(), first)
        elif asked.is_out:
            return
        if first:
            running.hold_key = running.hold_key or str(call)
        asked.is_out = True
        try:
            future = self._ask(running.account, decide)
        except Unavailable as full:
            self._failed(running, asked, full)
            return
        future.add_done_callback(partial(self._stepped, running=running, asked=asked))

    def _stepped(
        self, future: asyncio.Future[Committed], running: RunningCall, asked: _Asked
    ) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is not None:
            self._failed(running, asked, error)
            return
        call = running.leg.id
        self._alarms.clear(_ALARM, str(call))
        if self._asked.get(call) is asked:
            del self._asked[call]
            if asked.is_again:
                self._extend(running)

    def _failed(self, running: RunningCall, asked: _Asked, error: BaseException) -> None:
        """Try again soon: a call without a hold keeps its place among those that wait for one."""
        call = running.leg.id
        if self._asked.get(call) is not asked:
            return
        asked.is_out = False
        if not asked.is_first:
            del self._asked[call]
        self._alarms.raise_(_ALARM, str(call), f"nothing could be held: {error}")
        hold = self._directory.state(running.account).hold(running.hold_key)
        self._due_in(call, RETRY_S, hold.granted_s if hold else 0)

    def _ask(
        self, account: str, decide: Callable[[AccountState], Facts]
    ) -> asyncio.Future[Committed]:
        future = self._store.hold(Holding(account, decide))
        future.add_done_callback(self._committed)
        return future

    def _committed(self, future: asyncio.Future[Committed]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._follow(future.result())

    def _let_go(self, account: str, key: str, step: HoldStep = HoldStep.RELEASE) -> None:
        if not key or self._directory.state(account).hold(key) is None:
            return
        try:
            self._ask(account, partial(holds.resolve, key=key, step=step, at=self._clock.now()))
        except Unavailable:
            return  # the sweep finds it again

    def _schedule(self, running: RunningCall, hold: Hold) -> None:
        """Look at the call before what it is granted ends."""
        grant = (hold.granted_s, hold.is_final)
        if self._scheduled.get(running.leg.id) == grant:
            return
        self._scheduled[running.leg.id] = grant
        left_s = hold.granted_s - self._wishes.talked_s(running)
        slice_s = min(left_s, float(self._terms.slices.slice_max_s))
        early_s = max(RENEW_MIN_S, RENEW_SHARE * slice_s)
        if hold.is_final:
            early_s = self._control.limits.guard_s + LAST_LOOK_S
        if hold.granted_s < self._terms.slices.call_max_s:
            self._due_in(running.leg.id, left_s - early_s, hold.granted_s)

    def _due_in(self, call: CallId, seconds: float, granted_s: int) -> None:
        due_s = self._clock.monotonic() + max(0.0, seconds)
        heapq.heappush(self._due, (due_s, next(self._sequence), call, granted_s))


def _if_refused(future: asyncio.Future[Committed], key: str, refuse: Callable[[], None]) -> None:
    if future.cancelled() or future.exception() is not None:
        return
    facts = future.result().facts
    if facts is not None and facts.state.hold(key) is None:
        refuse()
