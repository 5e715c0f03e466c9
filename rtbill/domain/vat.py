"""The tax in credit and calls: what the accountant settled, and how it is booked (LG-06, LG-20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.ledger import TransferKind


class VatPoint(StrEnum):
    """When the tax of prepaid credit is due (LG-20)."""

    TOP_UP = "topup"
    USE = "use"


@dataclass(frozen=True, slots=True, kw_only=True)
class VatTerms:
    """How tax is booked from an instant on, and who said that this is right (LG-21)."""

    number: int
    """From 1, without gaps; the newest hold."""
    since: datetime
    after: int = 0
    """Row of the last movement before them, as the store sets it: they hold for what came later."""
    point: VatPoint
    percent_ppm: int
    """Of the net price of credit; contained in what is paid. 0 where tax is due at use: the price
    plan of each call says how much.
    """
    confirmed_by: str
    confirmed_on: date

    def says_as(self, other: VatTerms) -> bool:
        """Whether both say the same, since whenever."""
        return (self.point, self.percent_ppm, self.confirmed_by, self.confirmed_on) == (
            other.point,
            other.percent_ppm,
            other.confirmed_by,
            other.confirmed_on,
        )


class CallTax(NamedTuple):
    """The tax within the price that a transfer charges, or takes back."""

    tax_micros: int
    price_micros: int
    rate: str
    """`retail 3`: the version of the price plan that says how much."""


class Undone(NamedTuple):
    """A transfer that another one takes back, whole or in part, and its tax."""

    gross_micros: int
    vat_micros: int
    """Became due with it; below zero where it took tax back itself."""
    gross_back_micros: int
    """What others took back of it before."""
    vat_back_micros: int
    rate: str
    """Of the entry that booked it; empty where it had no tax."""


class Movement(NamedTuple):
    """A transfer of an account, as far as its tax depends on it."""

    row: int
    """Its place in the order of the books."""
    key: str
    kind: TransferKind
    account: str
    is_prepaid: bool
    own_side: str
    """The biller's."""
    revenue: str
    """Where the account's calls are revenue: `revenue:<class>`."""
    change_micros: int
    """By how much the account's balance rose."""
    balance_after_micros: int
    currency: str
    posted_at: datetime
    reverses: str | None
    tax: CallTax | None
    """Of the call, for what charges one or takes that back."""


class TaxedCredit(NamedTuple):
    """What of an account's balance was taxed when it was bought, and the tax in it."""

    account: str
    taxed_micros: int = 0
    vat_micros: int = 0


class VatEntry(NamedTuple):
    """Tax moves between two of the biller's own accounts: a row with two halves, so it cannot be
    unbalanced. Never changed once written.
    """

    day: date
    """At the site: whose tax return it belongs to."""
    debit: str
    credit: str
    micros: int
    gross_micros: int
    """Of which it is the tax."""
    currency: str
    rate: str
    """`19 %`, or the version of a price plan."""
    source: str
    """The biller's own side of what was taxed: `clearing:cards`, `cash`, `revenue:standard`."""
    movements: int = 1
    """So many are added up in it."""
    belongs_to: str | None = None
    """Key of the one that it belongs to, where it stands alone."""
    reverses: str | None = None
    """Key of the transfer whose tax it takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VatClosing:
    """The tax of consecutive movements: a change of the store. Conflict when others were closed in
    between.
    """

    after: int
    """Row of the last movement that was closed before."""
    upto: int
    entries: tuple[VatEntry, ...]
    credits: tuple[TaxedCredit, ...]
    """Those that changed."""


@dataclass(frozen=True, slots=True)
class SetVatTerms:
    """From the next movement on tax is booked so: a change of the store. What came before belongs
    to the terms before, whenever it is booked.
    """

    terms: VatTerms


class VatSum(NamedTuple):
    """Entries of some days added up that have all these in common."""

    debit: str
    credit: str
    source: str
    rate: str
    currency: str
    micros: int
    gross_micros: int
    movements: int


class VatStanding(NamedTuple):
    """How far the tax is booked, and what is in the balances, in one currency."""

    currency: str
    taxed_micros: int
    """Credit in balances that was taxed when it was bought."""
    vat_micros: int
    """The tax in it."""
    untaxed_micros: int
    """The rest of what prepaid accounts have: given, or bought when tax was due otherwise."""
