"""Stored calls under another price list: what each account and destination would have paid.

Only reads. Calls are taken up in slices of time, so that a year needs no more memory than its
busiest hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from rtbill.domain.account import Account
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.ports import CallFilter, Reader
from rtbill.pricing.allowances import Allowances
from rtbill.pricing.site_hook import Caller, SiteHook
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.batch.columns import Calls
from rtbill.rating.batch.engine import BatchOffer
from rtbill.rating.batch.holdings import Holdings
from rtbill.rating.batch.lists import RateColumns
from rtbill.rating.bundles import Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.offer import Offer
from rtbill.rating.price_book import PriceBook

_SLICE = timedelta(hours=6)
_SLICE_MIN = timedelta(seconds=1)
SLICE_CALLS_MAX = 50_000
"""More calls than this are taken up in a shorter slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which calls, under which price list."""

    name: str
    """A tariff or a price plan."""
    since: datetime
    until: datetime
    """Answered before."""
    instead_of: str | None = None
    """Only calls that were priced by this tariff or plan."""
    trunk: str | None = None
    """Only calls that left by this trunk."""
    is_carrier: bool = False
    """Whether it is what the carrier takes that is compared, not what accounts pay."""


@dataclass(slots=True)
class Difference:
    """Calls that have a price now and would have one then."""

    calls: int = 0
    before_micros: int = 0
    after_micros: int = 0

    def add(self, before_micros: int, after_micros: int) -> None:
        """One call more."""
        self.calls += 1
        self.before_micros += before_micros
        self.after_micros += after_micros


@dataclass(slots=True)
class Lone:
    """Calls that have a price on one side only."""

    calls: int = 0
    micros: int = 0

    def add(self, micros: int) -> None:
        """One call more."""
        self.calls += 1
        self.micros += micros


@dataclass(slots=True)
class Answer:
    """What would be different, in the currency of the list."""

    currency: str
    total: Difference = field(default_factory=Difference)
    by_account: dict[str, Difference] = field(default_factory=dict)
    by_destination: dict[str, Difference] = field(default_factory=dict)
    """As their present price calls them."""
    unrated_then: Lone = field(default_factory=Lone)
    """With what they cost now."""
    unrated_now: Lone = field(default_factory=Lone)
    """With what they would cost."""
    never_rated: int = 0
    other_currency: int = 0
    """Calls whose price is in another currency; they are left out."""
    one_by_one: int = 0
    """How many were priced by the scalar engine."""


async def ask(
    reader: Reader,
    book: PriceBook,
    question: Question,
    slice_calls_max: int = SLICE_CALLS_MAX,
    hook: AskedOfCalls | None = None,
) -> Answer:
    """The calls of the span, priced anew; NoRate when there is no such tariff or plan. A call keeps
    the seconds of bundles that it took. The site's hook is asked about each; those that it changes
    are priced one by one.
    """
    given = [each.allowance for each in await reader.allowances()]
    allowances = Allowances(await reader.bundles(), given)
    pricing = _Pricing(book, question, allowances, None if question.is_carrier else hook)
    known = await reader.first_and_last_call()
    if known is None:
        return pricing.answer
    begin = max(question.since, known[0])
    end = min(question.until, known[1] + timedelta(microseconds=1))
    length = _SLICE
    while begin < end:
        until = min(end, begin + length)
        limit = 2**62 if length <= _SLICE_MIN else slice_calls_max + 1
        found = await reader.calls(CallFilter(since=begin, until=until, limit=limit))
        if len(found) == limit:
            length /= 2
            continue
        pricing.take([call for call in found if _is_meant(call, question)])
        begin = until
        length = min(_SLICE, 2 * length)
    return pricing.answer


def _is_meant(call: RatedCall, question: Question) -> bool:
    if call.status not in (CallStatus.RATED, CallStatus.UNRATED) or call.number is None:
        return False
    if question.trunk not in (None, call.record.trunk):
        return False
    price = call.price
    if question.instead_of is None:
        return True
    return price is not None and question.instead_of in (price.plan or price.tariff, price.tariff)


class AskedOfCalls:
    """The site's hook, asked about stored calls as if another list priced them."""

    def __init__(self, hook: SiteHook, accounts: Iterable[Account], book: PriceBook) -> None:
        self._hook = hook
        self._accounts = {each.id: each for each in accounts}
        self._book = book

    def adjusted(self, call: RatedCall, name: str) -> AdjustedOffer | None:
        """What then prices the call; None where the hook changes nothing about it. NoRate when the
        list `name` is not in force.
        """
        record, account = call.record, self._accounts[call.account]
        at = record.answered_at or record.ended_at
        asked = _asked(call)

        def offer(other: str) -> Offer:
            found = self._book.offer(other, at)
            if found.currency != account.currency:
                raise NoRate(f"{other} is in {found.currency}, {account.id} in {account.currency}")
            return found

        adjustment = self._hook.ask(
            asked,
            Caller(record.payer or "", record.dialled or "", call.person or ""),
            trunk=record.trunk,
            account_class=account.account_class,
            price_list=name,
            check_list=lambda other: offer(other).base(asked, 0),
        )
        if adjustment is None:
            return None
        return AdjustedOffer(self._book.offer(adjustment.price_list or name, at), adjustment)


class _Pricing:
    """Prices slices of calls and adds up what is different."""

    def __init__(
        self,
        book: PriceBook,
        question: Question,
        allowances: Allowances,
        hook: AskedOfCalls | None,
    ) -> None:
        self._allowances = allowances
        self._book = book
        self._question = question
        self._hook = hook
        self._starts = np.array(_starts(book), np.int64)
        self._ready: dict[int, RateColumns] = {}
        self._offers: dict[int, BatchOffer | None] = {}
        """By how many versions of anything were in force; None where the list was not."""
        self.answer = Answer(_currency(book, question.name))

    def take(self, calls: Sequence[RatedCall]) -> None:
        """A slice."""
        if self._hook is not None:
            calls = [call for call in calls if not self._is_adjusted(call, self._hook)]
        answered_us = np.array([_answered_us(call) for call in calls], np.int64)
        versions = np.searchsorted(self._starts, answered_us, side="right")
        for version in np.unique(versions).tolist():
            chosen = np.flatnonzero(versions == version).tolist()
            same = [calls[place] for place in chosen]
            offer = self._offer(version, _answered_us(same[0]))
            micros = [None] * len(same) if offer is None else self._priced(offer, same)
            for call, after_micros in zip(same, micros, strict=True):
                self._add(call, after_micros)

    def _is_adjusted(self, call: RatedCall, hook: AskedOfCalls) -> bool:
        """Whether the hook changes the call, which then is priced here."""
        try:
            found = hook.adjusted(call, self._question.name)
            if found is None:
                return False
            talk_us = call.record.talk_us
            price = price_with(found, _asked(call), talk_us, self._held(call)).price
        except NoRate:
            return False
        self.answer.one_by_one += 1
        self._add(call, price.micros)
        return True

    def _offer(self, version: int, at_us: int) -> BatchOffer | None:
        if version not in self._offers:
            try:
                offer = self._book.offer(self._question.name, from_epoch_us(at_us))
            except NoRate:
                self._offers[version] = None
            else:
                self._offers[version] = BatchOffer(offer, self._ready)
        return self._offers[version]

    def _priced(self, offer: BatchOffer, calls: Sequence[RatedCall]) -> list[int | None]:
        prices = offer.price(
            Calls(
                numbers=[call.number or "" for call in calls],
                answered_us=np.array([_answered_us(call) for call in calls], np.int64),
                talk_us=np.array([call.record.talk_us for call in calls], np.int64),
                accounts=[call.account for call in calls],
                pbxs=[call.record.id.pbx for call in calls],
            ),
            self._holdings(calls),
        )
        self.answer.one_by_one += prices.one_by_one
        pairs = zip(prices.micros.tolist(), prices.rates.tolist(), strict=True)
        return [micros if rate >= 0 else None for micros, rate in pairs]

    def _holdings(self, calls: Sequence[RatedCall]) -> Holdings | None:
        if self._question.is_carrier or not any(call.draws for call in calls):
            return None
        return Holdings.of([self._held(call) for call in calls])

    def _held(self, call: RatedCall) -> list[Share]:
        """The seconds of bundles that it took."""
        at = from_epoch_us(_answered_us(call))
        return self._allowances.seconds_held(self._book, call.draws, at)

    def _add(self, call: RatedCall, after_micros: int | None) -> None:
        answer, price = self.answer, call.price
        if price is not None and price.currency != answer.currency:
            answer.other_currency += 1
            return
        before_micros = None
        if price is not None:
            before_micros = price.cost_micros if self._question.is_carrier else price.micros
        if before_micros is None and after_micros is None:
            answer.never_rated += 1
        elif after_micros is None:
            answer.unrated_then.add(before_micros or 0)
        elif price is None or before_micros is None:
            answer.unrated_now.add(after_micros)
        else:
            answer.total.add(before_micros, after_micros)
            for group, key in (
                (answer.by_account, call.account),
                (answer.by_destination, price.destination),
            ):
                group.setdefault(key, Difference()).add(before_micros, after_micros)


def _asked(call: RatedCall) -> Asked:
    record = call.record
    at = record.answered_at or record.ended_at
    return Asked(call.number or "", at, call.account, record.id.pbx)


def _answered_us(call: RatedCall) -> int:
    return epoch_us(call.record.answered_at or call.record.ended_at)


def _starts(book: PriceBook) -> list[int]:
    """Every instant at which a version of anything takes effect: between two, nothing changes."""
    versions: Iterable[datetime] = (
        *(each.valid_from for name in book.names for each in book.versions(name)),
        *(each.valid_from for name in book.plan_names for each in book.plan_versions(name)),
    )
    return sorted({epoch_us(each) for each in versions})


def _currency(book: PriceBook, name: str) -> str:
    """Of the newest version; NoRate when there is neither a plan nor a tariff of the name."""
    currencies = [each.currency for each in book.versions(name)]
    currencies += [each.currency for each in book.plan_versions(name)]
    if not currencies:
        known = ", ".join((*book.plan_names, *book.names)) or "none"
        raise NoRate(f"there is no tariff or price plan {name!r}; there are: {known}")
    return currencies[-1]
