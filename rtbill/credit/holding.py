"""Holds of calls in progress: asked of the store, acted upon only when they are durable.

The way of one call: `reserve` when its exchange asks before it dials, or `dialled` when one that
does not ask begins to; `answered`; then `serve` extends the hold slice after slice. The operation
that settles the call resolves it. Whatever the store commits comes back through Billing, which puts
it into the directory and has the exchange hold the limit that follows: never the other way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import count

from balance import holds
from rtbill.alarms import Alarms
from rtbill.credit.call_bounds import Priced
from rtbill.credit.call_warnings import CallWarnings
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Grant
from rtbill.credit.hold_keys import HoldKeys
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.orphans import Orphans
from rtbill.credit.running_call import RunningCall
from rtbill.credit.timetable import Asked, Timetable, early_s
from rtbill.credit.wishes import Wishes
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Unavailable
from rtbill.domain.events import CallStarted
from rtbill.domain.hold import ENDS, Hold, HoldEvent, HoldStep
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import Facts
from rtbill.domain.work import Committed, Holding
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock, Store
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place
from rtbill.pricing.site_hook import NOBODY, Caller

TICK_S = 0.25
RETRY_S = 1.0
SWEEP_TICKS = 20
_ALARM = "holds"
_Then = Callable[[asyncio.Future[Committed]], None]


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
        self._assessor = assessor
        self._control = control
        self._lines = lines
        self._alarms = alarms
        self._clock = clock
        self._terms = terms
        self._allowances = assessor.allowances
        self._reserved = assessor.allowances.reserved
        self._follow = follow
        self._order = order
        self._keys = HoldKeys(directory, control)
        self._asked: dict[CallId, Asked] = {}
        self._timetable = Timetable()
        self._orphans = Orphans(lines, terms.ring_max_s)
        self._wishes = wishes = Wishes(directory, assessor, control, terms.slices, lines, clock)
        self._warnings = CallWarnings(
            control, directory, wishes, lines, alarms, clock, terms.warn_s
        )

    async def reserve(  # noqa: PLR0913 - the facts of one call
        self,
        account: str,
        pbx: str,
        channel: str,
        called: CalledNumber,
        at: datetime,
        caller: Caller = NOBODY,
        priced: Priced | None = None,
    ) -> Hold | None:
        """The committed hold with which the channel's call may be dialled; None when there is not
        enough, or too many calls are out. Unavailable: nothing can be held. `priced`: see Wishes.
        """
        state = self._directory.state(account)
        channel = f"{pbx}/{channel}"
        other, key = self._keys.on_another(account, channel)
        if other:  # who pays has changed since it asked before
            self._ask(other, self._release(key))
        key = self._keys.of_channel(state, channel)
        wish = self._wishes.of_new(state, key, None, called, at, Place(pbx), caller, priced)
        future = self._reserve(state, wish)
        self._keys.reserving(channel, account, key, future)
        committed = await asyncio.shield(future)
        assert committed.facts is not None
        return committed.facts.state.hold(key)

    def take_up(self, event: CallStarted, account: str) -> bool:
        """Whether a hold of the account was asked for before this call was dialled; it is the
        call's then, as is what another account was asked for.
        """
        return self._keys.take_up(event, account)

    def dialled(self, event: CallStarted, grant: Grant, refuse: Callable[[], None]) -> None:
        """Ask for a hold, as nobody did before; `refuse` is called when there is not enough."""
        key = str(event.id)
        self._keys.put(event.id, grant.account, key)
        state, place = self._directory.state(grant.account), Place(event.id.pbx, event.trunk)
        wish = self._wishes.of_new(
            state, key, event.id, grant.called, event.at, place, grant.caller, grant.priced
        )
        with suppress(Unavailable):  # its answer decides
            self._reserve(state, wish, refuse)

    def _reserve(
        self, state: AccountState, wish: holds.Wish, refuse: Callable[[], None] | None = None
    ) -> asyncio.Future[Committed]:
        decide = partial(holds.reserve, wish=wish, calls_max=self._terms.calls_max(state))
        then = partial(self._reserved_or_not, key=wish.key, refuse=refuse)
        self._count_on(state, wish)
        try:
            return self._ask(state.account.id, decide, then)
        except Unavailable:
            self._reserved.drop(wish.key)
            raise

    def _reserved_or_not(
        self, future: asyncio.Future[Committed], key: str, refuse: Callable[[], None] | None
    ) -> None:
        """Without a hold the call counts on no bundle either."""
        facts = None if future.cancelled() or future.exception() else future.result().facts
        if facts is None or facts.state.hold(key) is None:
            self._reserved.drop(key)
            if facts is not None and refuse is not None:
                refuse()

    def _count_on(self, state: AccountState, wish: holds.Wish) -> None:
        """No other call may count on what the next slice of this one may take of bundles."""
        if state.account.id in self._allowances:
            self._reserved.for_next(state, wish)

    def key_of(self, running: RunningCall) -> str:
        """The key of the leg's hold, also from before a restart; empty without one. What other
        accounts held for it while it rang is given back.
        """
        for other, key in self._keys.take_from_others(running):
            self._give_back(other, key)
        return self._keys.find(running)

    def key_of_dialled(self, call: CallId, account: str) -> str:
        """The key of what the account holds for a leg that rings; empty when it was not asked."""
        return self._keys.of_leg(call, account)

    def tend(self, running: RunningCall) -> None:
        """Have the hold that the call needs as it now stands, and no other."""
        state = self._directory.state(running.account)
        if not self._control.is_held(state, running.called, running.stance):
            self._let_go(running.account, running.hold_key)
            running.hold_key = ""
            return
        hold = state.hold(running.hold_key)
        if hold is None:
            wish = self._wishes.of_running(running)
            self._count_on(state, wish)
            self._step(running, partial(holds.open_hold, wish=wish), first=True)
        elif not self._wishes.is_priced(running, hold):
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

    def account_changed(self, account: str, changed: Collection[str] | None = None) -> None:
        """Money came or went, or holds did, of which `changed` are the keys where nothing else is
        new: calls at their end try again, the nearest first.
        """
        running_calls = self._control.of_account(account)
        if not running_calls:
            return
        for running in running_calls:
            if running.is_touched_by(changed):
                self.tend(running)
            self._warnings.share_changed(running)
        state = self._directory.state(account)
        if state.grantable_micros > 0:
            for running in self._wishes.at_their_end(state):
                self._extend(running)

    def ended(self, call: CallId, running: RunningCall | None, account: str) -> str:
        """The key of the hold that the call leaves to be resolved by the account that pays it;
        empty when there is none. What others held for it while it rang is given back.
        """
        held = self._keys.pop(call)
        key = held.pop(account, "")
        self._asked.pop(call, None)
        self._timetable.forget(call)
        self._warnings.forget(call)
        self._alarms.clear(_ALARM, str(call))
        for other, others_key in held.items():
            self._give_back(other, others_key)
        return running.hold_key if running is not None and running.hold_key else key

    def follow_steps(self, events: Iterable[HoldEvent]) -> None:
        """Steps of holds are committed: what ended counts on no bundle any more."""
        for event in events:
            self._keys.follow(event)
            if event.step in ENDS:
                self._reserved.drop(event.hold.key)

    async def serve(self) -> None:
        """Extend holds in time and give up those of calls that nobody sees, for ever."""
        for tick in count(1):
            await self._clock.sleep(TICK_S)
            self._look_at_due()
            self._warnings.look()
            self._give_up_waiting()
            if tick % SWEEP_TICKS == 0:
                self._expire_orphans()

    def _look_at_due(self) -> None:
        for call, granted_s in self._timetable.take(self._clock.monotonic()):
            running = self._control.find(call)
            if running is None:
                continue
            hold = self._directory.state(running.account).hold(running.hold_key)
            if hold is None:
                self.tend(running)
            elif hold.granted_s == granted_s:
                self._extend(running)
            elif not granted_s:
                self._found_done(running)

    def _found_done(self, running: RunningCall) -> None:
        """The step that gave it its hold seemed to fail, and was done all the same."""
        self._asked.pop(running.leg.id, None)
        self._alarms.clear(_ALARM, str(running.leg.id))
        if self._control.allow(running):
            self._order(running)
        self.tend(running)

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
                    self._alarms.raise_(_ALARM, str(call), "ended: nothing could be held in time")
                    self._order(running)

    def _is_held(self, running: RunningCall, asked: Asked) -> bool:
        """Whether a first step that failed was made good by another one."""
        hold = self._directory.state(running.account).hold(running.hold_key)
        return asked.is_first and not asked.is_out and hold is not None

    def _expire_orphans(self) -> None:
        in_use = {running.hold_key for running in self._control.running()}
        legs = self._keys.of_legs()
        in_use |= {key for call, key in legs if self._lines[call.pbx].tracker.knows(call)}
        for hold in self._orphans.overdue(self._directory, in_use, self._clock.monotonic()):
            self._let_go(hold.account, hold.key, HoldStep.EXPIRE)

    def _extend(self, running: RunningCall, *, is_settled: bool = False) -> None:
        """Once more talk; before that, unless it just was, what it has is held at its price."""
        asked = self._asked.get(running.leg.id)
        if asked is not None and asked.is_out:
            asked.is_again = True
            return
        state = self._directory.state(running.account)
        hold = state.hold(running.hold_key)
        is_priced = is_settled or hold is None or self._wishes.is_priced(running, hold)
        wish = self._wishes.of_running(running)
        self._count_on(state, wish)
        self._step(running, partial(holds.extend if is_priced else holds.answered, wish=wish))

    def _step(self, running: RunningCall, decide: partial[Facts], *, first: bool = False) -> None:
        """One step at a time for each call."""
        call = running.leg.id
        asked = self._asked.get(call)
        if asked is None:
            asked = self._asked[call] = Asked(self._clock.monotonic(), first)
        elif asked.is_out:
            asked.is_missed = not asked.is_settling
            return
        if first:
            running.hold_key = running.hold_key or str(call)
        asked.is_out, asked.is_settling = True, decide.func is holds.answered
        then = partial(self._stepped, running=running, asked=asked)
        try:
            self._ask(running.account, decide, then)
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
            if asked.is_again:
                self._extend(running, is_settled=asked.is_settling)
            elif asked.is_first or asked.is_missed:
                self.tend(running)  # what was asked for at its dialling may have come before it

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
        self._due_in(call, RETRY_S, hold.granted_s if hold else 0)

    def _ask(
        self, account: str, decide: Callable[[AccountState], Facts], then: _Then | None = None
    ) -> asyncio.Future[Committed]:
        """Hand a step to the store; `then` is called when all have followed it, or it failed."""
        future = self._store.hold(Holding(account, decide))
        future.add_done_callback(partial(self._committed, then=then))
        return future

    def _committed(self, future: asyncio.Future[Committed], then: _Then | None) -> None:
        try:
            if not future.cancelled() and future.exception() is None:
                self._follow(future.result())
        finally:
            if then is not None:
                then(future)

    def _let_go(self, account: str, key: str, step: HoldStep = HoldStep.RELEASE) -> None:
        if key and self._directory.state(account).hold(key) is not None:
            self._give_back(account, key, step)

    def _give_back(self, account: str, key: str, step: HoldStep = HoldStep.RELEASE) -> None:
        """Also what is asked for and not yet durable: steps of an account are taken in order."""
        try:
            self._ask(account, self._release(key, step))
        except Unavailable:
            self._orphans.give_up(key)

    def _release(self, key: str, step: HoldStep = HoldStep.RELEASE) -> partial[Facts]:
        return partial(holds.resolve, key=key, step=step, at=self._clock.now())

    def _schedule(self, running: RunningCall, hold: Hold) -> None:
        """Look at the call before what it is granted ends; at once when that is now."""
        call, slices = running.leg.id, self._terms.slices
        if not self._timetable.is_new(call, hold):
            return
        if running.account in self._allowances:
            draws = self._wishes.of_running(running).pricing.draws(hold.granted_s)
            self._reserved.put(hold.key, draws)
        self._warnings.follow(running, hold)
        left_s = hold.granted_s - self._wishes.talked_s(running)
        early = early_s(hold, left_s, slices.slice_max_s, self._control.limits.guard_s)
        if hold.granted_s >= slices.call_max_s:
            return
        if left_s <= early:
            self._extend(running)
        else:
            self._due_in(call, left_s - early, hold.granted_s)

    def _due_in(self, call: CallId, seconds: float, granted_s: int) -> None:
        self._timetable.put(call, self._clock.monotonic() + max(0.0, seconds), granted_s)
