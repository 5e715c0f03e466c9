"""ports.Store and ports.Reader in memory: everything is durable at once, nothing survives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from rtbill.domain.account import (
    OPEN_SERVICE,
    AccountState,
    Extension,
    Membership,
)
from rtbill.domain.bundle import Pools
from rtbill.domain.changes import (
    AddBundle,
    AddObservations,
    AddPricePlan,
    AddRun,
    AddTariff,
    Assign,
    Bind,
    Change,
    ChangeAccount,
    CreateAccount,
    DropCall,
    DropEvents,
    EndAllowance,
    EndMembership,
    EventsSent,
    GiveAllowance,
    Heard,
    KeepEventsOf,
    LiftDeskLock,
    MarkInvoiced,
    MoveRun,
    NoteBounce,
    NoteMailTaken,
    NoticesSent,
    PostNotices,
    QueueEvent,
    ReportBalance,
    SetContact,
    SetDeskLock,
    Together,
    Unbind,
)
from rtbill.domain.errors import Conflict, Refused, RtbillError, UnknownAccount
from rtbill.domain.events import LiveLeg
from rtbill.domain.hold import HoldEvent
from rtbill.domain.ledger import Transfer
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation, PostedObservation
from rtbill.domain.payment_changes import PaymentChange
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import CallStatus, Facts, RatedCall
from rtbill.domain.tariff import Tariff
from rtbill.domain.vat import SetVatTerms, VatClosing
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep
from rtbill.ports import CallFilter, Clock, LiveRow, PostedTransfer, StoredNotice
from rtbill.storage.checks import (
    Reassignment,
    as_another_leg,
    assigned,
    check_facts,
    check_holding,
    check_new_account,
    check_repricing,
    ended,
    is_another_leg,
)
from tests.fakes.memory_bindings import BindingsReader, MemoryBindings
from tests.fakes.memory_bundles import BundlesReader, MemoryBundles
from tests.fakes.memory_contacts import ContactsReader, MemoryContacts
from tests.fakes.memory_filters import began_at, check_newer, matches
from tests.fakes.memory_locks import LocksReader, MemoryLocks
from tests.fakes.memory_observations import ObservationsReader
from tests.fakes.memory_outside import MemoryOutside, OutsideReader
from tests.fakes.memory_payments import MemoryPayments, PaymentsReader
from tests.fakes.memory_runs import MemoryRuns, RunsReader
from tests.fakes.memory_undo import as_it_is
from tests.fakes.memory_usage import UsageReader
from tests.fakes.memory_vat import MemoryVat, VatReader

_W = TypeVar("_W")


class MemoryStore(
    RunsReader,
    BindingsReader,
    ContactsReader,
    BundlesReader,
    LocksReader,
    ObservationsReader,
    OutsideReader,
    PaymentsReader,
    UsageReader,
    VatReader,
):
    """One object is both ports. `failing` may be set by a test; it holds nothing up."""

    def __init__(self, clock: Clock) -> None:
        self.failing: str | None = None
        self.queued = 0
        self._clock = clock
        self._accounts: dict[str, AccountState] = {}
        self._memberships: list[Membership] = []
        self._bindings = MemoryBindings()
        self._contacts = MemoryContacts()
        self._outside = MemoryOutside()
        self._tariffs: list[Tariff] = []
        self._plans: list[PricePlan] = []
        self._locks = MemoryLocks()
        self._calls: dict[str, RatedCall] = {}
        self._calls_posted: dict[str, datetime] = {}
        self._transfers: dict[str, PostedTransfer] = {}
        self._live: dict[str, LiveLeg] = {}
        self._hold_events: list[HoldEvent] = []
        self._heard: dict[str, datetime] = {}
        self._notices: dict[int, StoredNotice] = {}
        self._notices_ever = 0
        self._observations: dict[str, PostedObservation] = {}
        self._bundles = MemoryBundles(self._accounts, self._calls)
        self._runs = MemoryRuns(self._calls, self._transfers, self._bundles.held)
        self._payments = MemoryPayments(self._account)
        self._vat = MemoryVat(self._accounts, self._transfers, self._calls, self._runs.price_in)

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Done, or refused, before it returns."""
        return _done(self._apply, operation)

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """Done, or refused, before it returns."""
        return _done(self._hold, holding)

    def _hold(self, holding: Holding) -> Committed:
        state = self._account(holding.account)
        facts = holding.decide(state)
        check_holding(state, facts)
        self._move(facts)
        return Committed(facts, None)

    def take_step(self, step: TopUpStep) -> asyncio.Future[Committed]:
        """Done, or refused, before it returns."""
        return _done(self._take_step, step)

    def _take_step(self, step: TopUpStep) -> Committed:
        state = self._account(step.account)
        facts = self._payments.decide(state, step, self._used(step), self._clock.now())
        self._move(facts)
        return Committed(facts, None)

    def _apply(self, operation: Operation) -> Committed:
        state = self._accounts.get(operation.account)
        if state is None:
            raise UnknownAccount(f"there is no account {operation.account}")
        if operation.call is None:
            posted = self._transfers.get(operation.key)
            if posted is None:
                return self._keep(state, operation, operation.decide(state, self._used(operation)))
            if posted.transfer.account != operation.account:
                raise Conflict(f"the key {operation.key} was used for another account")
            return Committed(None, posted.transfer)
        return self._apply_call(state, operation)

    def _apply_call(self, state: AccountState, operation: Operation) -> Committed:
        known = self._calls.get(str(operation.call))
        if operation.settles is not None:
            if known is None or known.status is not operation.settles:
                raise Conflict(f"call {operation.call} is not {operation.settles.value}")
        elif known is not None:
            self._live.pop(str(operation.call), None)
            reported = operation.decide(state, self._used(operation)).call
            if reported is None or not is_another_leg(known.record, reported.record):
                return Committed(None, self._first(operation.key), known)
            operation = as_another_leg(operation, reported)
            if known := self._calls.get(str(operation.call)):
                return Committed(None, self._first(operation.key), known)
        return self._keep(state, operation, operation.decide(state, self._used(operation)))

    def reprice(self, repricing: Repricing) -> asyncio.Future[Committed]:
        """Done, or refused, before it returns."""
        return _done(self._reprice, repricing)

    def _reprice(self, repricing: Repricing) -> Committed:
        state = self._account(repricing.account)
        calls = self._runs.still_to_do(repricing)
        if calls is None or not (calls or repricing.is_last):
            return Committed(None, None)
        facts = repricing.decide(state, calls, self._used(repricing))
        check_repricing(state, repricing, facts)
        self._bundles.draw(facts, self._clock.now())
        self._move(facts)
        self._runs.keep(repricing, facts.repriced)
        return Committed(facts, None)

    def _used(self, work: Operation | Repricing | TopUpStep) -> Pools:
        return {key: self._bundles.used.get(key, 0) for key in work.pools}

    def _first(self, key: str) -> Transfer | None:
        posted = self._transfers.get(key)
        return posted.transfer if posted else None

    def _keep(self, state: AccountState, operation: Operation, facts: Facts) -> Committed:
        check_facts(state, operation, facts)
        self._bundles.draw(facts, self._clock.now())
        if facts.call is not None:
            self._calls[str(facts.call.record.id)] = facts.call
            self._calls_posted.setdefault(str(facts.call.record.id), self._clock.now())
            self._live.pop(str(facts.call.record.id), None)
            if operation.settles is not None:
                self._runs.settled_at[str(facts.call.record.id)] = self._clock.now()
        self._move(facts)
        return Committed(facts, None)

    def _move(self, facts: Facts) -> None:
        self._accounts[facts.state.account.id] = facts.state
        for transfer in facts.transfers:
            self._transfers[transfer.key] = PostedTransfer(transfer, self._clock.now())
        self._hold_events += facts.holds
        self._post(facts.notices)
        self._observe(facts.observations, self._clock.now())

    def _observe(self, observations: Sequence[Observation], at: datetime) -> None:
        for each in observations:
            self._observations.setdefault(each.key, PostedObservation(each, at))

    def _post(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self._notices_ever += 1
            self._notices[self._notices_ever] = StoredNotice(self._notices_ever, notice)

    async def change(self, change: Change) -> None:  # noqa: C901 - one line per kind of change
        """Done when it returns."""
        if isinstance(change, PaymentChange):
            self._payments.change(change)
            return
        match change:
            case CreateAccount(account):
                if account.id in self._accounts:
                    raise Conflict(f"account {account.id} exists already")
                check_new_account(account)
                self._accounts[account.id] = AccountState(account, 0, 0, OPEN_SERVICE)
            case ChangeAccount(account):
                known = self._account(account.id)
                if known.account.currency != account.currency:
                    raise Conflict(f"account {account.id} is kept in {known.account.currency}")
                self._accounts[account.id] = known._replace(account=account)
            case Assign(membership, move):
                self._account(membership.account)
                held = self._held(membership.extension)
                self._reassign(assigned(held, membership, move=move))
            case EndMembership(account_id, extension, at):
                held = self._held(extension)
                self._reassign(ended(held, account_id, f"extension {extension}", at))
            case Bind() | Unbind():
                self._bindings.change(change, self._account)
            case SetContact() | NoteBounce() | NoteMailTaken():
                self._contacts.change(change, self._account)
            case ReportBalance() | QueueEvent() | EventsSent() | DropEvents() | KeepEventsOf():
                self._outside.change(change, self._account)
            case AddBundle() | GiveAllowance() | EndAllowance():
                self._bundles.change(change)
            case AddPricePlan(plan):
                check_newer("price plan", plan, self._plans)
                self._plans.append(plan)
            case AddTariff(tariff):
                check_newer("tariff", tariff, self._tariffs)
                self._tariffs.append(tariff)
            case SetDeskLock() | LiftDeskLock():
                self._locks.change(change)
            case DropCall(key, reason):
                self._drop(key, reason)
            case MarkInvoiced() | AddRun() | MoveRun():
                self._runs.change(change)
            case PostNotices(notices):
                self._post(notices)
            case AddObservations(observations, at):
                self._observe(observations, at)
            case NoticesSent(ids):
                for number in ids:
                    self._notices.pop(number, None)
            case Heard(pbx, at):
                self._heard[pbx] = at
            case SetVatTerms() | VatClosing():
                self._vat.change(change)
            case Together(changes):
                await self._together(changes)

    async def _together(self, changes: Sequence[Change]) -> None:
        put_back = as_it_is(self)
        try:
            for each in changes:
                await self.change(each)
        except RtbillError:
            put_back()
            raise

    def _account(self, account: str) -> AccountState:
        if account not in self._accounts:
            raise UnknownAccount(f"there is no account {account}")
        return self._accounts[account]

    def _held(self, extension: Extension) -> list[Membership]:
        return [held for held in self._memberships if held.extension == extension]

    def _reassign(self, result: Reassignment[Membership]) -> None:
        if result.removed is not None:
            self._memberships.remove(result.removed)
        self._memberships += result.added

    def _drop(self, key: str, reason: str) -> None:
        call = self._calls.get(key)
        if call is None:
            raise Refused(f"there is no call {key}")
        if call.status not in (CallStatus.UNRATED, CallStatus.UNCONFIRMED):
            raise Conflict(f"call {key} is {call.status.value}")
        self._calls[key] = call._replace(status=CallStatus.DROPPED, note=reason)

    def note_live(self, leg: LiveLeg) -> None:
        """Remember an answered leg."""
        self._live[str(leg.id)] = leg

    async def accounts(self) -> Sequence[AccountState]:
        """Every account, by id."""
        return [self._accounts[key] for key in sorted(self._accounts)]

    async def memberships(self) -> Sequence[Membership]:
        """Every membership, by extension and beginning."""
        return sorted(self._memberships, key=lambda held: (held.extension, held.valid_from))

    async def tariffs(self) -> Sequence[Tariff]:
        """Every version, by name."""
        return sorted(self._tariffs, key=lambda tariff: (tariff.name, tariff.version))

    async def price_plans(self) -> Sequence[PricePlan]:
        """Every version, by name."""
        return sorted(self._plans, key=lambda plan: (plan.name, plan.version))

    async def live_rows(self) -> Sequence[LiveRow]:
        """Answered legs that were never settled."""
        return [LiveRow(leg, self._heard.get(leg.id.pbx)) for leg in self._live.values()]

    async def calls(self, wanted: CallFilter) -> Sequence[RatedCall]:
        """Calls, newest first."""
        newest = [self._runs.newest(call) for call in reversed(self._calls.values())]
        found = [call for call in newest if matches(call, wanted)]
        return sorted(found, key=began_at, reverse=True)[: wanted.limit]

    async def call(self, key: str) -> RatedCall | None:
        """One call by its id."""
        found = self._calls.get(key)
        return self._runs.newest(found) if found else None

    async def transfers(
        self, account: str, since: datetime | None, until: datetime | None
    ) -> Sequence[PostedTransfer]:
        """The account's movements by version."""
        return [
            posted
            for posted in self._transfers.values()
            if posted.transfer.account == account
            and (since is None or posted.posted_at >= since)
            and (until is None or posted.posted_at < until)
        ]

    async def transfers_by_key(self, keys: Sequence[str]) -> Mapping[str, Transfer]:
        """Those of these that were made."""
        return {key: self._transfers[key].transfer for key in keys if key in self._transfers}

    async def taken_back(self, transfer: Transfer) -> Mapping[str, Transfer]:
        """What took this one back."""
        made = [posted.transfer for posted in self._transfers.values()]
        return {each.key: each for each in made if each.reverses == transfer.key}

    async def status_counts(self) -> Mapping[CallStatus, int]:
        """How many calls stand where."""
        statuses = [call.status for call in self._calls.values()]
        return {status: statuses.count(status) for status in CallStatus}

    async def waiting_notices(self, limit: int) -> Sequence[StoredNotice]:
        """Oldest unsent notices."""
        return list(self._notices.values())[:limit]


def _done(apply: Callable[[_W], Committed], work: _W) -> asyncio.Future[Committed]:
    future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
    try:
        future.set_result(apply(work))
    except (RtbillError, AssertionError) as error:
        future.set_exception(error)
    return future
