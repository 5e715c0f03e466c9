"""Every edge with the outside world on one page, but for payments (rtbill/gateway.py). READ FIRST.

A port exists only where there are two implementations (the in-memory fake of the tests counts) or a
foreign library behind it. Ledger, rating and enforcement are not ports: they are the product.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rtbill.domain.account import AccountState, DeskLock, Extension, LiftedLock, Membership, Service
from rtbill.domain.bundle import Bundle, GivenAllowance, PoolKey, Pools, PostedDraw
from rtbill.domain.call import CallId
from rtbill.domain.changes import Change
from rtbill.domain.contact import Contact
from rtbill.domain.events import LiveLeg, PbxEvent
from rtbill.domain.finding import Finding
from rtbill.domain.ledger import Transfer
from rtbill.domain.notice import Notice
from rtbill.domain.observation import (
    ObservationFilter,
    ObservedTotals,
    PostedObservation,
)
from rtbill.domain.payer_key import Binding
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import CallStatus, Position, PricedCall, RatedCall
from rtbill.domain.rerating import Difference, Run, Selection, WaitingCall
from rtbill.domain.tariff import Tariff
from rtbill.domain.usage import UsageFound, UsageQuestion
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep
from rtbill.payment_books import PaymentReader
from rtbill.vat_books import VatReader


class Clock(Protocol):
    """Time. Code asks here, never the system, so that a simulation can own it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin; never steps back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        ...


class Meter(Protocol):
    """Counters and timings, so that no module of the core knows the metrics library."""

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record one duration."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an exchange can do; compared at start-up with what the configuration wants."""

    live_events: bool
    ask_before_dialling: bool
    set_service: bool
    """Locks and diverts, and the rows about calls on which it gets no answer."""
    limit_call: bool
    warn: bool
    hang_up: bool


class Pbx(Protocol):
    """One exchange. Commands are idempotent and raise Unavailable (nothing done) or OutcomeUnknown
    (no answer).
    """

    @property
    def name(self) -> str:
        """As configured; part of every key."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this kind of exchange can do."""
        ...

    async def run(self) -> None:
        """Keep the link for ever, reconnecting; ends only by cancellation."""
        ...

    async def receive(self) -> Sequence[PbxEvent]:
        """Wait until there is at least one event; all that are there, in order. LinkRestored comes
        first of a link.
        """
        ...

    def acknowledge(self, call: CallId) -> None:
        """The call is committed: the exchange's own outbox may forget it. Never waits; a lost one
        is repeated later.
        """
        ...

    async def limit(self, call: CallId, talk_s: float) -> bool:
        """Have the exchange itself end the call this many seconds after its answer (absolute, so
        repeatable). False when it took so long to confirm that it may end it as much later: order
        again what is wanted then.
        """
        ...

    async def warn(self, call: CallId) -> None:
        """Sound a tone to who pays, and to nobody else: the call is about to end. Nothing happens
        when it has ended already.
        """
        ...

    async def hang_up(self, call: CallId) -> None:
        """End the call now; no error when it has ended already."""
        ...

    async def set_service(self, number: str, service: Service) -> None:
        """Lock, divert or open an extension, and read back that it is so."""
        ...

    async def services(self) -> Mapping[str, Service]:
        """What the exchange now holds, for every extension that is not plainly open."""
        ...

    async def inspect(self) -> Sequence[Finding]:
        """What is wrong with it, worst first; needs no link. Unavailable: it cannot be asked."""
        ...

    async def set_unaided(self, number: str, row: str | None) -> None:
        """Have the exchange keep this row (rtbill/credit/unaided.py) about calls on which it gets
        no answer, and read it back; None takes it away.
        """
        ...

    async def unaided(self) -> Mapping[str, str]:
        """The rows it now keeps, by extension."""
        ...


class Notifier(Protocol):
    """A way out for notices. The outbox repeats until `send` returns: at least once."""

    @property
    def name(self) -> str:
        """As alarms name it."""
        ...

    async def send(self, notice: Notice) -> None:
        """Deliver. Deferred: not this one, but others may go; another PortFailed: none just now."""
        ...

    async def rest(self) -> None:
        """There is nothing more for the moment: let go of connections. Never raises."""
        ...


class Store(Protocol):
    """The one writer. Many operations per commit, each account's in order; answers only what is
    durable.
    """

    def submit(self, operation: Operation) -> asyncio.Future[Committed]:
        """Queue one operation; the future resolves after its commit, or fails with Unavailable,
        UnknownAccount.
        """
        ...

    def hold(self, holding: Holding) -> asyncio.Future[Committed]:
        """Queue a step of a hold, in order with the operations; the future resolves after its
        commit, or fails with Unavailable, UnknownAccount.
        """
        ...

    def take_step(self, step: TopUpStep) -> asyncio.Future[Committed]:
        """Queue a step of a top-up, in order with the operations; row, event, credit and all that
        follows are one commit. The future fails with Unavailable, UnknownAccount, or with Conflict
        when the reference is another account's.
        """
        ...

    def reprice(self, repricing: Repricing) -> asyncio.Future[Committed]:
        """Queue a slice of a run, behind everything else that waits. The future fails with Conflict
        when the run is not under way, or a call has got another price since.
        """
        ...

    async def change(self, change: Change) -> None:
        """Make an administrative fact durable."""
        ...

    def note_live(self, leg: LiveLeg) -> None:
        """Remember an answered leg, so that a crash of both sides leaves evidence. Settling the
        call forgets it.
        """
        ...

    @property
    def queued(self) -> int:
        """Operations not yet durable; callers hold back when it grows."""
        ...

    @property
    def failing(self) -> str | None:
        """Why nothing can be made durable just now (disk full), or None. The writer retries by
        itself.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls to list; None means all. Newest first."""

    account: str | None = None
    extension: Extension | None = None
    status: CallStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    number_prefix: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class PostedTransfer:
    """A transfer as the books hold it."""

    transfer: Transfer
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice waiting in the outbox."""

    id: int
    notice: Notice


@dataclass(frozen=True, slots=True)
class LiveRow:
    """An answered leg noted before a crash, and how far the exchange was heard."""

    leg: LiveLeg
    heard_until: datetime | None


class Reader(PaymentReader, VatReader, Protocol):
    """Reading for people and for start-up, on read-only connections; never used to decide about
    money.
    """

    async def accounts(self) -> Sequence[AccountState]:
        """Every account with its committed balance and its open holds, by id."""
        ...

    async def memberships(self) -> Sequence[Membership]:
        """Every membership, past and future."""
        ...

    async def bindings(self) -> Sequence[Binding]:
        """Every code, PIN and trunk that stands for an account, past and future."""
        ...

    async def contacts(self) -> Sequence[Contact]:
        """Where holders are written to, by account."""
        ...

    async def contact(self, account: str) -> Contact | None:
        """Where one account's holder is written to; None: nowhere."""
        ...

    async def tariffs(self) -> Sequence[Tariff]:
        """Every version of every tariff, with its rates."""
        ...

    async def price_plans(self) -> Sequence[PricePlan]:
        """Every version of every price plan."""
        ...

    async def bundles(self) -> Sequence[Bundle]:
        """Every version of every bundle, by name."""
        ...

    async def allowances(self) -> Sequence[GivenAllowance]:
        """All that were ever given, by key."""
        ...

    async def recent_pools(self, since: datetime) -> Pools:
        """What is used of those whose period begins then or later, and of those without an end."""
        ...

    async def pools(self, keys: Sequence[PoolKey]) -> Pools:
        """What is used of these."""
        ...

    async def draws(
        self, account: str, since: datetime | None, until: datetime | None
    ) -> Sequence[PostedDraw]:
        """What the account's calls took and gave back, in order; the span as for transfers."""
        ...

    async def desk_locks(self) -> Sequence[DeskLock]:
        """Locks by hand now in force."""
        ...

    async def lifted_locks(self, limit: int) -> Sequence[LiftedLock]:
        """Those that were taken away, the latest first."""
        ...

    async def live_rows(self) -> Sequence[LiveRow]:
        """Answered legs that were never settled."""
        ...

    async def calls(self, wanted: CallFilter) -> Sequence[RatedCall]:
        """Calls, newest first."""
        ...

    async def call(self, key: str) -> RatedCall | None:
        """One call by its id `pbx/leg`."""
        ...

    async def first_and_last_call(self) -> tuple[datetime, datetime] | None:
        """The instants (see CallFilter) of the oldest and the newest call; None without calls."""
        ...

    async def transfers(
        self, account: str, since: datetime | None, until: datetime | None
    ) -> Sequence[PostedTransfer]:
        """The account's movements by version, oldest first; the span is of posting, so a past
        statement never changes.
        """
        ...

    async def transfers_by_key(self, keys: Sequence[str]) -> Mapping[str, Transfer]:
        """Those of these transfers (`credit:<key>`, `call:<call id>`) that were made, by key,
        whatever their account.
        """
        ...

    async def newest_call(self) -> int:
        """Row of the call that came last; 0 without calls."""
        ...

    async def priced_calls(
        self, account: str, run: Run, after: Position, limit: int
    ) -> Sequence[PricedCall]:
        """The account's rated calls that the run is about, by answer; those that were rated when it
        was made.
        """
        ...

    async def waiting_calls(
        self, wanted: Selection, after: Position, limit: int
    ) -> Sequence[WaitingCall]:
        """Calls without a price, by answer."""
        ...

    async def runs(self, limit: int) -> Sequence[Run]:
        """Runs, newest first."""
        ...

    async def differences(self, run: int) -> Sequence[Difference]:
        """What the run does to each account, by account."""
        ...

    async def usage(self, asked: UsageQuestion) -> UsageFound:
        """Rated calls added up, by the prices that hold now."""
        ...

    async def observations(self, wanted: ObservationFilter) -> Sequence[PostedObservation]:
        """What would have been done, newest first."""
        ...

    async def observed_totals(self, wanted: ObservationFilter) -> ObservedTotals:
        """The same in figures, whatever the limit of the list."""
        ...

    async def status_counts(self) -> Mapping[CallStatus, int]:
        """How many calls stand where."""
        ...

    async def waiting_notices(self, limit: int) -> Sequence[StoredNotice]:
        """Oldest unsent notices."""
        ...
