"""A call with its price, or with the reason why it has none yet."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.account import AccountState, Service
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import Draw, PoolKey, money_drawn, release
from rtbill.domain.call import CallRecord
from rtbill.domain.hold import HoldEvent
from rtbill.domain.ledger import Transfer
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation
from rtbill.domain.top_up import Paying


class NumberKind(StrEnum):
    """What sort of number was called; decides whether a price applies at all."""

    CHARGEABLE = "chargeable"
    EMERGENCY = "emergency"
    FREEPHONE = "freephone"
    INTERNAL = "internal"


class CallStatus(StrEnum):
    """Where a call stands in the books."""

    RATED = "rated"
    """Priced and posted; the price may be zero only because tariff, plan or hook says so."""
    FREE = "free"
    """Emergency, free-phone or internal: price 0, never itemised as chargeable."""
    UNANSWERED = "unanswered"
    UNRATED = "unrated"
    """No rate covers the number: price unknown, kept for later billing."""
    UNCONFIRMED = "unconfirmed"
    """In doubt: kept with its evidence until settled."""
    DROPPED = "dropped"
    """An operator decided, with a reason, that it is not billed."""


class Price(NamedTuple):
    """What a call costs and why: enough to compute it again."""

    micros: int
    currency: str
    tariff: str
    tariff_version: int
    prefix: str
    destination: str
    billed_s: int
    """Seconds after rounding up to increments."""
    plan: str = ""
    """The price plan that made this of the tariff's price; empty: none."""
    plan_version: int | None = None
    tax_micros: int = 0
    """Of `micros`."""
    cost_micros: int | None = None
    """What the trunk's carrier takes; None when nobody knows."""
    adjustment: Adjustment | None = None
    """What the site's rating hook changed. It cannot be reckoned again, so it is kept."""

    @property
    def margin_micros(self) -> int | None:
        """What is left of the price without tax; below zero when the carrier takes more."""
        return None if self.cost_micros is None else self.net_micros - self.cost_micros

    @property
    def net_micros(self) -> int:
        """Without tax."""
        return self.micros - self.tax_micros


class RatedCall(NamedTuple):
    """One row of the books: the call, who pays, what it costs."""

    record: CallRecord
    account: str
    status: CallStatus
    kind: NumberKind
    number: str | None
    """E.164 with plus, where the dialled digits could be read as one; short codes as dialled."""
    price: Price | None
    """None unless RATED."""
    person: str | None = None
    note: str = ""
    """Why a call is unrated, unconfirmed or dropped."""
    draws: tuple[Draw, ...] = ()
    """What bundles pay of it, in the order of use."""

    @property
    def debit_micros(self) -> int:
        """What the account itself owes: the price less what bundles of money pay of it."""
        return 0 if self.price is None else self.price.micros - money_drawn(self.draws)


class Position(NamedTuple):
    """Where a page of calls ended: microseconds since 1970 of the answer, and the row."""

    began_us: int
    row: int


START = Position(-(1 << 62), 0)


class PricedCall(NamedTuple):
    """What re-rating needs of a rated call; light, because there may be millions."""

    row: int
    key: str
    pbx: str
    trunk: str
    number: str | None
    began_us: int
    answered_at: datetime
    talk_us: int
    micros: int
    """Its price now."""
    last_run: int | None
    """The run that made this price."""
    invoiced: str | None
    debited: str | None
    """Key of the transfer that debits it now; None when it costs nothing."""
    revenue: str | None
    """Account that this transfer credits."""
    bundle_micros: int = 0
    """What bundles of money pay of its price."""
    draws: tuple[Draw, ...] = ()
    """What it holds of bundles, in the order of use."""
    payer: str | None = None
    dialled: str | None = None
    person: str | None = None

    @property
    def debit_micros(self) -> int:
        """What the account itself was debited for it."""
        return self.micros - self.bundle_micros

    @property
    def position(self) -> Position:
        """Where the next page begins."""
        return Position(self.began_us, self.row)


class Repriced(NamedTuple):
    """A call and its new price: it is another amount than the old one, or bundles pay another part
    of it.
    """

    call: PricedCall
    price: Price
    draws: tuple[Draw, ...] = ()
    """What it holds of bundles then. A call that an invoice charges takes nothing more."""

    @property
    def bundle_micros(self) -> int:
        """What bundles of money pay of the price."""
        return money_drawn(self.draws) if self.draws else 0

    @property
    def debit_micros(self) -> int:
        """What the account itself owes."""
        return self.price.micros - self.bundle_micros

    @property
    def given_back(self) -> tuple[Draw, ...]:
        """What it took of bundles and does not keep, the last taken first: all, as far as no
        invoice charges it.
        """
        if self.draws == self.call.draws:
            return ()
        return release(self.call.draws, self.draws if self.call.invoiced else ())

    @property
    def taken(self) -> tuple[Draw, ...]:
        """What it takes anew, after that."""
        if self.draws == self.call.draws or self.call.invoiced:
            return ()
        return self.draws


class Facts(NamedTuple):
    """What one operation on an account decides; the store makes all of it durable, or none."""

    state: AccountState
    """The account afterwards."""
    call: RatedCall | None = None
    transfers: tuple[Transfer, ...] = ()
    notices: tuple[Notice, ...] = ()
    service_before: Service | None = None
    """Set when the wanted service changed."""
    observations: tuple[Observation, ...] = ()
    """What would have been done, where it is only observed."""
    repriced: tuple[Repriced, ...] = ()
    """Calls that have a newer price."""
    holds: tuple[HoldEvent, ...] = ()
    """What became of money held for calls in progress."""
    paying: Paying | None = None
    """What a step of a top-up decided."""

    @property
    def drawn(self) -> dict[PoolKey, int]:
        """By how much each pool is used more, or less, than before."""
        changes: dict[PoolKey, int] = {}
        for draw in self.call.draws if self.call is not None else ():
            changes[draw.pool] = changes.get(draw.pool, 0) + draw.amount
        for each in self.repriced:
            for draw in each.given_back:
                changes[draw.pool] = changes.get(draw.pool, 0) - draw.amount
            for draw in each.taken:
                changes[draw.pool] = changes.get(draw.pool, 0) + draw.amount
        return changes
