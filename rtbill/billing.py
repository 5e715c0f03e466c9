"""What happens to a call, from first event to balance. READ SECOND.

One `Line` per exchange. Its reader feeds events to the tracker in order; a call that is over is
assessed and submitted to the store; its confirmer waits until that is durable, and only then lets
the exchange forget the call. Nothing calls upward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from balance import ledger
from rtbill import consequences, enforcement, observing
from rtbill.alarms import Alarms
from rtbill.assessment import Assessor
from rtbill.assignment import Place
from rtbill.calls.tracker import Tracker
from rtbill.chronicle import Answered, Chronicle, Posted
from rtbill.commands import Commands
from rtbill.consequences import Policies
from rtbill.credit import CreditControl, RunningCall
from rtbill.domain.call import CallId, CallRecord, Outcome, Source
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
from rtbill.domain.notice import Notice
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.observation import Observation
from rtbill.domain.rated import CallStatus, NumberKind, RatedCall
from rtbill.domain.refusal import Reason
from rtbill.holding import Holdings
from rtbill.lines import Line, Pending
from rtbill.link_watch import LinkWatch
from rtbill.observing import Observations
from rtbill.ports import Clock, Committed, Meter, Operation, Pbx, Store
from rtbill.wishes import HoldTerms

STORE_PAUSE_S = 0.5
"""Between attempts to hand something to a store that is full."""
SETTLED = (Outcome.ENDED, Outcome.RECOVERED)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Credited:
    """What became of a credit."""

    currency: str
    balance_micros: int
    is_repeated: bool
    """The key was known: this time nothing was moved."""


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
        self.observations = Observations()
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
                self._started(line, event)
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

    def _started(self, line: Line, event: CallStarted) -> None:
        called = self.assessor.classify(event.dialled, Place(event.id.pbx, event.trunk))
        if called.kind is NumberKind.EMERGENCY:
            self._tell_emergency(line, event.id, event.payer, called.number, event.at)
            return
        grant = self.control.grant(event.id.pbx, event.payer, event.dialled, event.at)
        if event.let_out_by:
            self._tell_evasion(event)
            grant = replace(grant, reason=f"{event.let_out_by} sent it out by itself")
        if not grant.stance.is_enforcing:
            if grant.reason and event.id not in line.let_through:
                line.let_through.add(event.id)
                self._observe(observing.refusal(event, grant))
        elif event.let_out_by:
            line.barred.add(event.id)
            self._refuse(line, event, called, Reason.MALFORMED)
        elif grant.is_held and self.holdings.has_asked(event, grant.account):
            self.holdings.dialled(event, grant.account, called, lambda: None)
        elif not grant.is_affordable:
            reason = Reason.DEAR if grant.is_too_dear else Reason.BALANCE
            self._refuse(line, event, called, reason)
        elif grant.is_held:
            refuse = partial(self._refuse, line, event, called, Reason.BALANCE)
            self.holdings.dialled(event, grant.account, called, refuse)

    def _refuse(self, line: Line, event: CallStarted, called: CalledNumber, reason: Reason) -> None:
        """Hang up a call that is being dialled."""
        self.chronicle.add(
            event.at, CallRefused(event.id.pbx, event.at, event.payer, event.dialled, reason)
        )
        leg = LiveLeg(event.id, event.payer, event.dialled, event.trunk, event.at)
        self.commands.order(line, RunningCall(leg, "", None, called, wanted_s=0.0))

    async def _answered(self, line: Line, leg: LiveLeg) -> None:
        running = self.control.answered(leg)
        running.would_be_refused = leg.id in line.let_through
        running.is_barred = leg.id in line.barred
        running.hold_key = running.hold_key or self.holdings.key_of(running)
        self.control.allow(running)
        await self._hand_over(partial(self.store.note_live, leg))
        self.control.allow(running)  # meanwhile something may have been held for it
        if running.called.kind is NumberKind.EMERGENCY:
            at = leg.answered_at or self._clock.now()
            self._tell_emergency(line, leg.id, leg.payer, running.called.number, at)
        self.chronicle.add(leg.answered_at or self._clock.now(), Answered(leg))
        self.commands.order(line, running)
        self.holdings.tend(running)

    async def _ended(self, line: Line, record: CallRecord, heard_at: float) -> None:
        running = self.control.ended(record.id)
        call = self.assessor.assess(record)
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

    def _observe(self, observation: Observation) -> None:
        self.observations.add(observation)
        self.chronicle.add(observation.at, observation)

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

    def _tell_emergency(
        self, line: Line, call: CallId, payer: str | None, number: str | None, at: datetime
    ) -> None:
        """Once for each call, as soon as it is known of (CC-73)."""
        if call in line.emergencies:
            return
        line.emergencies.add(call)
        person = self.assessor.payer(call.pbx, payer, at).person
        who = f"extension {payer or 'unknown'}" + (f" ({person})" if person else "")
        notice = Notice("call.emergency", str(call), f"{who} called {number}", self._clock.now())
        self.alarms.tell(notice)
        self.chronicle.add(notice.at, notice)

    def _tell_evasion(self, event: CallStarted) -> None:
        text = (
            f"{event.let_out_by} sent a call to trunk {event.trunk} by itself (302), to "
            f"{event.dialled or 'an unknown number'}: look at that telephone"
        )
        notice = Notice("call.evasion", str(event.id), text, self._clock.now())
        self.alarms.tell(notice)
        self.chronicle.add(notice.at, notice)

    def operation(
        self,
        call: RatedCall,
        settles: CallStatus | None = None,
        observed: tuple[Observation, ...] = (),
        hold_key: str = "",
    ) -> Operation:
        """The one operation that puts this call into the books."""
        at = self._clock.now()
        decide = partial(
            consequences.settle,
            call=call,
            policies=self.policies,
            at=at,
            reach=self.control.reach(call.account, at),
            observed=observed,
            hold_key=hold_key,
        )
        key = ledger.call_key(call.record.id)
        return Operation(call.account, key, decide, call.record.id, settles)

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
            self._tell_emergency(line, record.id, record.payer, number, at)
        line.emergencies.discard(record.id)
        self.alarms.clear("books", str(record.id))
        if committed.facts is None:
            return
        self.alarms.raise_about(pending.call)
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
        if facts.transfers or facts.holds:
            self.directory.put(facts.state)
            self._rebalance(facts.state.account.id)
        elif facts.service_before is not None:
            self.directory.put_service(facts.state)
        if call is not None:
            self.chronicle.add(call.record.ended_at, Posted(call, facts.state))
        for notice in facts.notices:
            self.chronicle.add(notice.at, notice)
        for observation in facts.observations:
            self.chronicle.add(observation.at, observation)
        if facts.service_before is not None:
            self.wake()

    async def credit(self, account: str, micros: int, key: str, reason: str) -> Credited:
        """Money received at the desk, or taken back; once for each key.

        BadRecord when no coins make the amount, Conflict when the key stands for another credit.
        """
        terms = self.directory.account(account)
        if problem := too_fine(Money(micros, terms.currency)):
            raise BadRecord(problem)
        decide = partial(
            consequences.credited,
            micros=micros,
            key=key,
            reason=reason,
            policies=self.policies,
            at=self._clock.now(),
            reach=self.control.reach(account, self._clock.now()),
        )
        committed = await self.store.submit(Operation(account, ledger.credit_key(key), decide))
        self.committed(committed)
        transfer = committed.facts.transfers[0] if committed.facts else committed.first
        assert transfer is not None, "a credit leaves a transfer"
        if transfer.account != account or transfer.change_micros != micros:
            raise Conflict(
                f"key {key!r} was used before: {Money(transfer.change_micros, transfer.currency)} "
                f"to {transfer.account}; a new credit needs a new key"
            )
        balance_micros = self.directory.state(account).balance_micros
        return Credited(terms.currency, balance_micros, committed.facts is None)

    def wake(self) -> None:
        """Have an enforcement round look at every exchange now."""
        for line in self.lines.values():
            line.wake()

    async def reassess(self, accounts: Iterable[str]) -> None:
        """Decide anew what service these accounts shall have, and how long their running calls may
        talk: terms or policies changed.
        """
        for account in accounts:
            self._rebalance(account)
            state = self.directory.state(account)
            if enforcement.decide(state, self.policies.of(state)) == state.service:
                continue
            at = self._clock.now()
            reach = self.control.reach(account, at)
            decide = partial(consequences.reassessed, policies=self.policies, at=at, reach=reach)
            key = f"service:{account}:{at.isoformat()}"
            self.committed(await self.store.submit(Operation(account, key, decide)))

    def reassign(self) -> None:
        """Memberships changed: each running call is limited by the account that will be billed."""
        for running, before in self.control.reassign():
            self.holdings.moved(running, before)
            self._order(running)

    def _rebalance(self, account: str) -> None:
        for line in self.lines.values():
            line.unaided.wake.set()
        for running in self.control.rebalance(account):
            self._order(running)
        self.holdings.account_changed(account)

    def _order(self, running: RunningCall) -> None:
        self.commands.order(self.lines[running.leg.id.pbx], running)


def _resolves_doubt(record: CallRecord, first: RatedCall | None) -> bool:
    return (
        first is not None and first.status is CallStatus.UNCONFIRMED and record.outcome in SETTLED
    )
