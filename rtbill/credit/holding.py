"""Holds of calls in progress: asked of the store, acted upon only when they are durable.

The way of one call: `reserving` holds for it before anybody answers, as its exchange asks or as it
is dialled; `key_of` finds that at the answer; `tend` has held what the call costs from then on, and
`serve` extends it slice after slice. The operation that settles the call resolves it. Whatever the
store commits comes back through Billing, which puts it into the directory and has the exchange hold
the limit that follows: never the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import count

from balance import holds
from rtbill.alarms import Alarms
from rtbill.credit.call_warnings import CallWarnings
from rtbill.credit.control import CreditControl
from rtbill.credit.hold_book import HoldBook
from rtbill.credit.hold_keys import HoldKeys
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.orphans import Orphans
from rtbill.credit.reserving import Reserving
from rtbill.credit.running_call import RunningCall
from rtbill.credit.stepping import Asked, Stepping
from rtbill.credit.timetable import Timetable, early_s
from rtbill.credit.wishes import Wishes
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.hold import ENDS, Hold, HoldEvent, HoldStep
from rtbill.domain.work import Committed
from rtbill.exchanges.lines import Line
from rtbill.ports import Clock, Store
from rtbill.pricing.assessment import Assessor

TICK_S = 0.25
SWEEP_TICKS = 20


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
        order_again: Callable[[RunningCall], None],
    ) -> None:
        """`follow` is told of each commit, in order; `order` brings an exchange to a limit.
        `reserving` is for who asks, and who sees calls dialled.
        """
        self._directory = directory
        self._control = control
        self._lines = lines
        self._clock = clock
        self._terms = terms
        self._allowances = assessor.allowances
        self._order = order
        self._order_again = order_again
        self._keys = keys = HoldKeys(directory, control)
        self._timetable = Timetable()
        self._orphans = Orphans(lines, terms.ring_max_s)
        self._wishes = wishes = Wishes(directory, assessor, control, terms.slices, lines, clock)
        self._book = book = HoldBook(store, directory, self._orphans, clock, follow)
        self.reserving = Reserving(book, keys, directory, wishes, terms, assessor.allowances)
        self._stepping = Stepping(
            book=book,
            directory=directory,
            control=control,
            alarms=alarms,
            clock=clock,
            terms=terms,
            timetable=self._timetable,
            order=order,
            done=self._stepped,
        )
        self._warnings = CallWarnings(
            control, directory, wishes, lines, alarms, clock, terms.warn_s
        )

    def key_of(self, running: RunningCall) -> str:
        """The key of the leg's hold, also from before a restart; empty without one. What other
        accounts held for it while it rang is given back.
        """
        for other, key in self._keys.take_from_others(running):
            self._book.give_back(other, key)
            if key == running.key:
                running.moved_to = running.account
        return self._keys.find(running)

    def tend(self, running: RunningCall) -> None:
        """Have the hold that the call needs as it now stands, and no other."""
        state = self._directory.state(running.account)
        if not self._control.is_held(state, running.called, running.stance):
            self._book.let_go(running.account, running.hold_key)
            running.hold_key = ""
            return
        hold = state.hold(running.hold_key)
        if hold is None:
            wish = self._wishes.of_running(running)
            self._allowances.reserve(state, wish)
            self._stepping.step(running, partial(holds.open_hold, wish=wish), first=True)
        elif not self._wishes.is_priced(running, hold):
            self._stepping.step(
                running, partial(holds.answered, wish=self._wishes.of_running(running))
            )
        else:
            self._schedule(running, hold)
            if hold.is_final and state.grantable_micros > 0:
                self._extend(running)  # paid while it rang, or while we were away

    def moved(self, running: RunningCall, before: str) -> None:
        """Another account pays the call, which asks it for a hold of its own."""
        if running.hold_key:  # be it durable yet or not
            self._book.give_back(before, running.hold_key)
        running.hold_key, running.moved_to = "", running.account
        self._stepping.forget(running.leg.id)
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
        self._timetable.forget(call)
        self._warnings.forget(call)
        self._stepping.over(call)
        for other, others_key in held.items():
            self._book.give_back(other, others_key)
        return running.hold_key if running is not None and running.hold_key else key

    def follow_steps(self, events: Iterable[HoldEvent]) -> None:
        """Steps of holds are committed: what ended counts on no bundle any more."""
        for event in events:
            self._keys.follow(event)
            if event.step in ENDS:
                self._allowances.reserved.drop(event.hold.key)

    async def serve(self) -> None:
        """Extend holds in time and give up those of calls that nobody sees, for ever."""
        for tick in count(1):
            await self._clock.sleep(TICK_S)
            self._look_at_due()
            self._warnings.look()
            self._stepping.give_up_waiting()
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
                if hold.is_final:
                    self._order_again(running)
                self._extend(running)
            elif not granted_s:
                self._found_done(running)

    def _found_done(self, running: RunningCall) -> None:
        """The step that gave it its hold seemed to fail, and was done all the same."""
        self._stepping.over(running.leg.id)
        if self._control.allow(running):
            self._order(running)
        self.tend(running)

    def _expire_orphans(self) -> None:
        in_use = {running.hold_key for running in self._control.running()}
        legs = self._keys.of_legs()
        in_use |= {key for call, key in legs if self._lines[call.pbx].tracker.knows(call)}
        for hold in self._orphans.overdue(self._directory, in_use, self._clock.monotonic()):
            self._book.let_go(hold.account, hold.key, HoldStep.EXPIRE)

    def _extend(self, running: RunningCall, *, is_settled: bool = False) -> None:
        """Once more talk; before that, unless it just was, what it has is held at its price."""
        if self._stepping.is_put_off(running):
            return
        state = self._directory.state(running.account)
        hold = state.hold(running.hold_key)
        is_priced = is_settled or hold is None or self._wishes.is_priced(running, hold)
        wish = self._wishes.of_running(running)
        self._allowances.reserve(state, wish)
        self._stepping.step(
            running, partial(holds.extend if is_priced else holds.answered, wish=wish)
        )

    def _stepped(self, running: RunningCall, asked: Asked) -> None:
        """A step is durable and followed: what was wanted meanwhile is done now."""
        if asked.is_again:
            self._extend(running, is_settled=asked.is_settling)
        elif asked.is_first or asked.is_missed:
            self.tend(running)  # what was asked for at its dialling may have come before it

    def _schedule(self, running: RunningCall, hold: Hold) -> None:
        """Look at the call before what it is granted ends; at once when that is now."""
        call, slices = running.leg.id, self._terms.slices
        if not self._timetable.is_new(call, hold):
            return
        if running.account in self._allowances:
            draws = self._wishes.of_running(running).pricing.draws(hold.granted_s)
            self._allowances.reserved.put(hold.key, draws)
        self._warnings.follow(running, hold)
        left_s = hold.granted_s - self._wishes.talked_s(running)
        early = early_s(hold, left_s, slices.slice_max_s, self._control.limits.guard_s)
        if hold.granted_s >= slices.call_max_s:
            return
        if left_s <= early:
            self._extend(running)
        else:
            due_s = self._clock.monotonic() + left_s - early
            self._timetable.put(call, due_s, hold.granted_s)
