"""What happens to a call, from first event to balance. READ SECOND.

One `Line` per exchange. Its reader feeds events to the tracker in order; a call that is over is
assessed and submitted to the store; its confirmer waits until that is durable, and only then lets
the exchange forget the call. Nothing calls upward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TypeVar

from rtbill.alarms import Alarms
from rtbill.calls.tracker import Tracker
from rtbill.chronicle import Answered, Chronicle, Posted
from rtbill.consequences import Policies
from rtbill.credit import observing
from rtbill.credit.commands import Commands
from rtbill.credit.control import CreditControl
from rtbill.credit.cuts import Cuts
from rtbill.credit.dialling import Dialling
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.holding import Holdings
from rtbill.credit.observing import Observations
from rtbill.credit.running_call import RunningCall
from rtbill.domain.bundle import PoolKey
from rtbill.domain.call import CallRecord, Outcome, Source
from rtbill.domain.directory import Directory
from rtbill.domain.errors import BadRecord, Conflict, Unavailable
from rtbill.domain.events import (
    CallRefused,
    CallStarted,
    LinkLost,
    LinkRestored,
    LinkTrouble,
    LiveLeg,
    PbxEvent,
    Snapshot,
)
from rtbill.domain.money import Money, too_fine
from rtbill.domain.observation import Observation
from rtbill.domain.rated import CallStatus, Facts, NumberKind, RatedCall
from rtbill.domain.work import Committed, Operation
from rtbill.exchanges.lines import Line, Pending, look_at
from rtbill.exchanges.link_watch import LinkWatch
from rtbill.following import durable
from rtbill.ports import Clock, Meter, Pbx, Store
from rtbill.postings import Credited, Postings
from rtbill.pricing.assessment import Assessor
from rtbill.turned import Turned

STORE_PAUSE_S = 0.5
"""Between attempts to hand something to a store that is full."""
SETTLED = (Outcome.ENDED, Outcome.RECOVERED)

_T = TypeVar("_T")


class Billing:
    """All exchanges' calls, one set of books."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        store: Store,
        directory: Directory,
        assessor: Assessor,
        control: CreditControl,
        policies: Policies,
        alarms: Alarms,
        chronicle: Chronicle,
        clock: Clock,
        meter: Meter,
        pending_max: int = 10_000,
        clock_apart_s: float = 60.0,
        hold_terms: HoldTerms | None = None,
    ) -> None:
        self.store = store
        self.directory = directory
        self.assessor = assessor
        self.control = control
        self.policies = policies
        self.alarms = alarms
        self.chronicle = chronicle
        self.commands = Commands(control, alarms, clock)
        self.cuts = Cuts(directory, control.limits.guard_s, alarms, meter)
        self.observations = Observations()
        self.turned = Turned()
        self.allowances = assessor.allowances
        self.postings = Postings(directory, assessor, control, policies, clock)
        self.lines: dict[str, Line] = {}
        self._clock = clock
        self._meter = meter
        self._pending_max = pending_max
        self.holdings = Holdings(
            store=store,
            directory=directory,
            assessor=assessor,
            control=control,
            lines=self.lines,
            alarms=alarms,
            clock=clock,
            terms=hold_terms or HoldTerms(),
            follow=self.committed,
            order=self._order,
            order_again=lambda each: self.commands.order_again(self.lines[each.leg.id.pbx], each),
        )
        self._dialling = Dialling(
            assessor=assessor,
            control=control,
            reserving=self.holdings.reserving,
            commands=self.commands,
            observations=self.observations,
            alarms=alarms,
            chronicle=chronicle,
            clock=clock,
        )
        self._links = LinkWatch(alarms, clock, meter, clock_apart_s)

    def add_line(self, pbx: Pbx, tracker: Tracker) -> Line:
        """Take on an exchange before `bill_pbx` runs for it."""
        line = Line(pbx, tracker, asyncio.Queue(self._pending_max))
        self.lines[pbx.name] = line
        return line

    async def bill_pbx(self, line: Line) -> None:
        """Bill one exchange for ever; ends by cancellation."""
        try:
            async with asyncio.TaskGroup() as group:
                line.commands = group
                group.create_task(line.pbx.run(), name=f"link {line.pbx.name}")
                group.create_task(self._read(line), name=f"pbx {line.pbx.name}")
                group.create_task(self._confirm(line), name=f"confirm {line.pbx.name}")
        finally:
            line.commands = None

    async def _read(self, line: Line) -> None:
        while True:
            events = await line.pbx.receive()
            heard_at = self._clock.monotonic()
            self._meter.count("rtbill_events_total", len(events), pbx=line.pbx.name)
            for event in events:
                await self._take(line, event, heard_at)

    async def _take(self, line: Line, event: PbxEvent, heard_at: float) -> None:
        # Before its calls: how far they have talked is told by the exchange's clock.
        self._links.follow_clock(line, event)
        if not isinstance(event, CallRefused | LinkTrouble):
            for outcome in line.tracker.feed(event):
                if isinstance(outcome, LiveLeg):
                    await self._answered(line, outcome)
                else:
                    await self._ended(line, outcome, heard_at)
        self._notice(line, event)

    def _notice(self, line: Line, event: PbxEvent) -> None:
        match event:
            case CallStarted():
                self._dialling.started(line, event)
            case LinkLost():
                self._links.lost(line, event)
            case LinkRestored():
                self._links.restored(line, event)
            case Snapshot():
                self._links.seen(event)
            case LinkTrouble():
                self._links.trouble(event)
            case CallRefused():
                self.chronicle.add(event.at, event)
            case _:
                pass

    # ------------------------------------------------------------------ a call's way

    async def _answered(self, line: Line, leg: LiveLeg) -> None:
        running = self.control.answered(leg)
        running.would_be_refused = leg.id in line.let_through
        running.is_barred = leg.id in line.barred
        running.hold_key = running.hold_key or self.holdings.key_of(running)
        await self._hand_over(partial(self.store.note_live, leg))
        self.control.allow(running)  # by what is held for it, perhaps since a moment ago
        if running.called.kind is NumberKind.EMERGENCY:
            at = leg.answered_at or self._clock.now()
            self._dialling.tell_emergency(line, leg.id, leg.payer, running.called.number, at)
        self.chronicle.add(leg.answered_at or self._clock.now(), Answered(leg))
        self.commands.order(line, running)
        self.holdings.tend(running)

    async def _ended(self, line: Line, record: CallRecord, heard_at: float) -> None:
        running = self.control.ended(record.id)
        call = self.assessor.assess(record, running.answers if running else None)
        self.cuts.ended(running, record)
        hold_key = self.holdings.ended(record.id, running, call.account)
        line.let_through.discard(record.id)
        line.barred.discard(record.id)
        under_way = line.in_flight.get(record.id)
        if record.source is Source.OUTBOX and (under_way in SETTLED or under_way == record.outcome):
            return  # its row stays until we acknowledge it, and is shown again until then
        line.in_flight[record.id] = record.outcome
        account = self.directory.account(call.account)
        observed = observing.cut(running, call, self.assessor, account) if running else ()
        operation = self.operation(call, observed=observed, hold_key=hold_key)
        future = await self._hand_over(partial(self.store.submit, operation))
        await line.pending.put(Pending(record, call, future, heard_at, observed))

    async def _hand_over(self, hand_over: Callable[[], _T]) -> _T:
        """Give something to the store. While it is full nothing more is read from the exchange,
        which keeps what ends meanwhile; Unavailable when the store is closed.
        """
        is_held = False
        while True:
            try:
                result = hand_over()
            except Unavailable as full:
                if not self.store.queued:
                    raise
                is_held = True
                self.alarms.raise_("store", "queue", str(full))
                await self._clock.sleep(STORE_PAUSE_S)
            else:
                if is_held:
                    self.alarms.clear("store", "queue")
                return result

    def operation(
        self,
        call: RatedCall,
        settles: CallStatus | None = None,
        observed: tuple[Observation, ...] = (),
        hold_key: str = "",
    ) -> Operation:
        """The one operation that puts this call into the books."""
        return self.postings.call(call, settles, observed, hold_key)

    async def _confirm(self, line: Line) -> None:
        while True:
            pending = await line.pending.get()
            await self._confirm_one(line, pending)

    async def _confirm_one(self, line: Line, pending: Pending) -> None:
        record = pending.record
        try:
            committed = await pending.future
            if committed.facts is None and _resolves_doubt(record, committed.first_call):
                assert committed.first_call is not None
                again = self.operation(pending.call, CallStatus.UNCONFIRMED, pending.observed)
                committed = await self.store.submit(again)
        except Exception as error:  # noqa: BLE001 - one call that cannot be posted stops no other
            # The exchange keeps its own row, and the live row stays: the call comes back.
            self.alarms.raise_("books", str(record.id), f"not posted: {error}")
            return
        finally:
            line.in_flight.pop(record.id, None)
        if record.source is not Source.EVENTS or record.outcome is not Outcome.UNANSWERED:
            line.pbx.acknowledge(record.id)
        if committed.facts is not None and pending.call.kind is NumberKind.EMERGENCY:
            number, at = pending.call.number, record.answered_at or record.ended_at
            self._dialling.tell_emergency(line, record.id, record.payer, number, at)
        line.emergencies.discard(record.id)
        self.alarms.clear("books", str(record.id))
        if committed.facts is None:
            return
        self.alarms.raise_about(committed.facts.call or pending.call)
        self._meter.observe(
            "rtbill_hangup_to_commit_seconds", self._clock.monotonic() - pending.heard_at
        )
        self._meter.count("rtbill_calls_total", status=str(pending.call.status))
        self.committed(committed, pending.call)

    def committed(self, committed: Committed, call: RatedCall | None = None) -> None:
        """A balance changed durably: follow it in memory, in running calls and in the services."""
        facts = committed.facts
        if facts is None:
            return
        for event in facts.holds:
            self._meter.count("rtbill_hold_steps_total", step=str(event.step))
        self._follow(facts)
        if call is not None:
            posted = facts.call or call
            self.chronicle.add(posted.record.ended_at, Posted(posted, facts.state))
        for notice in facts.notices:
            self.chronicle.add(notice.at, notice)
        for observation in facts.observations:
            self.chronicle.add(observation.at, observation)
        if facts.service_before is not None:
            account, now = facts.state.account.id, self._clock.now()
            look_at(self.lines, self.directory.extensions_of(account, now))

    def _follow(self, facts: Facts) -> None:
        account = facts.state.account.id
        is_news = self.directory.put(facts.state)
        if not facts.transfers and facts.service_before is not None:
            self.directory.put_service(facts.state)
        if facts.transfers or facts.service_before is not None:
            self._look_at_unaided(account)
        drawn = facts.drawn if account in self.allowances else {}
        if drawn:
            self._drawn(account, drawn)
        self.holdings.follow_steps(facts.holds)
        # One without a step of its own has told of a step whose answer was lost.
        is_all = drawn or not facts.holds
        changed = None if is_all else [event.hold.key for event in facts.holds]
        if drawn or is_news or facts.transfers or facts.holds:
            self._rebalance(account, changed)

    def _drawn(self, payer: str, drawn: Mapping[PoolKey, int]) -> None:
        """Running calls of all who share these bundles follow at once, locks when there is time."""
        spent = self.allowances.draw(drawn)
        sharing = set().union(*(self.allowances.accounts_of(pool.allowance) for pool in drawn))
        self._look_at_unaided(*sharing)
        for account in sharing & self.control.accounts_talking():
            self._rebalance(account)
        for key in spent:
            self.turned.add(sorted(self.allowances.accounts_of(key) - {payer}))

    async def followed(
        self, future: asyncio.Future[Committed], call: RatedCall | None = None
    ) -> Committed:
        """What became of it, once that is followed; also when who waits for it gives up."""
        committed = await durable(future, partial(self.committed, call=call))
        self.committed(committed, call)
        return committed

    async def credit(
        self, account: str, micros: int, key: str, reason: str, *, is_correction: bool = False
    ) -> Credited:
        """Money received at the desk, or taken back; once for each key. BadRecord when no coins
        make the amount, unless it is a correction; Conflict when the key is of another credit.
        """
        terms = self.directory.account(account)
        if not is_correction and (problem := too_fine(Money(micros, terms.currency))):
            raise BadRecord(problem)
        operation = self.postings.credit(account, micros, key, reason, is_correction=is_correction)
        committed = await self.followed(self.store.submit(operation))
        transfer = committed.facts.transfers[0] if committed.facts else committed.first
        assert transfer is not None, "a credit leaves a transfer"
        if transfer.account != account or transfer.change_micros != micros:
            raise Conflict(
                f"key {key!r} was used before: {Money(transfer.change_micros, transfer.currency)} "
                f"to {transfer.account}; a new credit needs a new key"
            )
        state = self.directory.state(account)
        return Credited(terms.currency, state.balance_micros, committed.facts is None, transfer)

    def wake(self) -> None:
        """Have an enforcement round look at every exchange now."""
        for line in self.lines.values():
            line.wake()

    async def reassess(self, accounts: Iterable[str]) -> None:
        """Decide anew what service these accounts shall have, and how long their running calls may
        talk: terms, policies or what bundles pay changed.
        """
        for account in accounts:
            self._look_at_unaided(account)
            self._rebalance(account)
            operation = self.postings.service(account)
            if operation is not None:
                await self.followed(self.store.submit(operation))

    def reassign(self) -> None:
        """Memberships changed: each running call is limited by the account that will be billed."""
        for running, before in self.control.reassign():
            if running.account != before:
                self.holdings.moved(running, before)
            self._order(running)

    def _look_at_unaided(self, *accounts: str) -> None:
        """Money or terms changed, on which their rows depend; not what is held."""
        for line in self.lines.values():
            for account in accounts:
                line.unaided.look_at(account)

    def _rebalance(self, account: str, changed: Collection[str] | None = None) -> None:
        """Let running calls follow their account; `changed` are the keys of holds that changed, if
        nothing but those and its balance did.
        """
        for running in self.control.rebalance(account, changed):
            self._order(running)
        self.holdings.account_changed(account, changed)

    def _order(self, running: RunningCall) -> None:
        self.commands.order(self.lines[running.leg.id.pbx], running)


def _resolves_doubt(record: CallRecord, first: RatedCall | None) -> bool:
    return (
        first is not None and first.status is CallStatus.UNCONFIRMED and record.outcome in SETTLED
    )
