"""The books, to read in: for people and for start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rtbill.domain.account import AccountState, DeskLock, Extension, LiftedLock, Membership
from rtbill.domain.bundle import Bundle, GivenAllowance, PoolKey, Pools, PostedDraw
from rtbill.domain.contact import Contact
from rtbill.domain.events import LiveLeg
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
from rtbill.payment_books import PaymentReader
from rtbill.vat_books import VatReader


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

    async def taken_back(self, transfer: Transfer) -> Mapping[str, Transfer]:
        """What took this one back, whole or in part, by key."""
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
