"""Who pays a call and what it costs: from a finished call to a row for the books; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from rtbill.assignment import NOWHERE, Assignment, Place
from rtbill.domain.account import HOUSE, SUSPENSE, Account, Extension, Membership
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber, NumberPlan
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from rtbill.domain.trunk_numbers import TrunkNumbers
from rtbill.rating.call_pricing import CallPricing
from rtbill.rating.chain import Asked
from rtbill.rating.offer import Offer
from rtbill.rating.price_book import PriceBook


@dataclass(frozen=True, slots=True)
class Payer:
    """The account that pays, and the person who called where a membership names one."""

    account: str
    person: str | None = None


CLASSIFIED_KEPT = 4096
PRICED_KEPT = 4096
TALK_US_MAX = 24 * 3_600_000_000
"""Longer calls wait for a person: a clock that jumped forward looks just like them."""
SUSPENSE_PAYER = Payer(SUSPENSE)
HOUSE_PAYER = Payer(HOUSE)


class _Priced(NamedTuple):
    """The prices of one call, as long as account and price book are these."""

    account: Account
    edition: tuple[PriceBook, int]
    pricing: CallPricing


class Assessor:
    """Answers from the directory, the number plan and the tariffs as they now stand."""

    def __init__(
        self, directory: Directory, plan: NumberPlan, book: PriceBook, assignment: Assignment
    ) -> None:
        self._directory = directory
        self._plan = plan
        self._book = book
        self._assignment = assignment
        self._classified: dict[tuple[str | None, TrunkNumbers | None], CalledNumber] = {}
        self._priced: dict[tuple[Asked, str], _Priced] = {}

    @property
    def book(self) -> PriceBook:
        """The prices now used."""
        return self._book

    def replace_book(self, book: PriceBook) -> None:
        """Use other tariffs from now on."""
        self._book = book

    @property
    def edition(self) -> tuple[PriceBook, int]:
        """The prices now used, and how often versions came to them: another one when any did."""
        return self._book, self._book.revision

    @property
    def assignment(self) -> Assignment:
        """Which tariff or plan each call is priced by."""
        return self._assignment

    def with_book(self, book: PriceBook) -> Assessor:
        """The same site by other tariffs."""
        return Assessor(self._directory, self._plan, book, self._assignment)

    def tariffs_of(self, account: Account, place: Place) -> tuple[str, ...]:
        """The tariffs that are asked for rates of the account's calls from there, by the newest
        version of its plan where it has one.
        """
        name = self._assignment.price_list(account, place)
        versions = self._book.plan_versions(name)
        if not versions:
            return (name,)
        return max(versions, key=lambda each: each.version).tariffs

    def payer(self, pbx: str, extension: str | None, at: datetime) -> Payer:
        """Who pays: the holder at answer time; house for nobody's extension; else suspense."""
        if extension is None:
            return SUSPENSE_PAYER
        membership = self._holder(Extension(pbx, extension), at)
        if membership is None:
            return HOUSE_PAYER
        return Payer(membership.account, membership.person)

    def classify(self, dialled: str | None, place: Place = NOWHERE) -> CalledNumber:
        """What sort of number these digits are at this site, or as they stand on a trunk; asked
        several times for each call.
        """
        numbers = self._assignment.numbers.get(place)
        key = (dialled, numbers)
        known = self._classified.get(key)
        if known is None:
            if len(self._classified) >= CLASSIFIED_KEPT:
                self._classified.clear()
            known = self._classified[key] = self._plan.classify(dialled, numbers)
        return known

    def price(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place = NOWHERE,
    ) -> Price:
        """The exact price of this much talk; NoRate says what is missing."""
        if called.number is None:
            raise NoRate(called.reason)
        asked = Asked(called.number, answered_at, account.id, place.pbx)
        return self.offer(account, answered_at, place).price(asked, talk_us)

    def offer(self, account: Account, at: datetime, place: Place = NOWHERE) -> Offer:
        """What the account's calls from there are priced by; NoRate when there is nothing in its
        currency.
        """
        return offer_for(self._book, self._assignment, account, at, place)

    def offers(self, account: Account, at: datetime, place: Place) -> list[Offer]:
        """All that a call may be priced by while its trunk is not known, without those trunks for
        which there is nothing; NoRate when that is all of them.
        """
        places = self._assignment.places(place)
        if len(places) == 1:
            return [self.offer(account, at, places[0])]
        found: dict[tuple[int, ...], Offer] = {}
        why: NoRate | None = None
        for each in places:
            try:
                offer = self.offer(account, at, each)
            except NoRate as missing:
                why = why or missing
            else:
                found.setdefault(offer.terms, offer)
        if why is not None and not found:
            raise why
        return list(found.values())

    def affordable_s(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        available_micros: int,
        cap_s: int,
        place: Place = NOWHERE,
    ) -> int:
        """Seconds of talk that the money buys, 0 to `cap_s`: on any trunk that has a rate while it
        is not known which; NoRate when none has.
        """
        if called.number is None:
            raise NoRate(called.reason)
        if available_micros <= 0:
            return 0
        pricing = self.pricing(account, called, answered_at, place)
        return pricing.affordable_s(available_micros, cap_s)

    def longest_s(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> int | None:
        """Seconds after which the rate ends the call, whatever the money: the first on any trunk
        that has a rate while it is not known which; None when it never does. NoRate when none has.
        """
        return self.pricing(account, called, answered_at, place).longest_s()

    def below_ceiling_s(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        ceiling_micros: int,
        place: Place,
    ) -> int | None:
        """Seconds after which talk costs more than so much a minute, 0 when it does at once: the
        first on any trunk likewise; None when it never does. NoRate when none has a rate.
        """
        pricing = self.pricing(account, called, answered_at, place)
        return pricing.below_ceiling_s(ceiling_micros)

    def check_rate(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> None:
        """NoRate when no trunk that the call may take has a rate for it."""
        self.pricing(account, called, answered_at, place)

    def pricing(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> CallPricing:
        """What the call costs by its talk time, by the prices as they now are; NoRate when no trunk
        has a rate. Asked many times for each call: may it be dialled, for how long, for how much.
        """
        if called.number is None:
            raise NoRate(called.reason)
        asked = Asked(called.number, answered_at, account.id, place.pbx)
        key = (asked, place.trunk)
        known = self._priced.get(key)
        if known is not None and known.account is account and known.edition == self.edition:
            return known.pricing
        if len(self._priced) >= PRICED_KEPT:
            self._priced.clear()
        pricing = CallPricing(self._covering(account, asked, place), asked)
        self._priced[key] = _Priced(account, self.edition, pricing)
        return pricing

    def _covering(self, account: Account, asked: Asked, place: Place) -> list[Offer]:
        """The offers with a rate for the number; NoRate when there is none."""
        found: list[Offer] = []
        why: NoRate | None = None
        for offer in self.offers(account, asked.answered_at, place):
            try:
                offer.check(asked)
            except NoRate as missing:
                why = why or missing
            else:
                found.append(offer)
        if not found:
            assert why is not None
            raise why
        return found

    def assess(self, record: CallRecord) -> RatedCall:
        """The call with its payer, kind and price; without a price when it has none, and why."""
        payer = self.payer(record.id.pbx, record.payer, record.answered_at or record.ended_at)
        called = self.classify(record.dialled, Place(record.id.pbx, record.trunk))
        status, cost, note = self._status(record, payer.account, called)
        return RatedCall(
            record, payer.account, status, called.kind, called.number, cost, payer.person, note
        )

    def assess_again(self, call: RatedCall) -> RatedCall:
        """A call that waits, as it is billed to the same account now; NoRate when it still has no
        price.
        """
        record = call.record
        assert record.answered_at is not None, "what was not answered has no price"
        place = Place(record.id.pbx, record.trunk)
        called = self.classify(record.dialled, place)
        cost, status = None, CallStatus.FREE
        if called.kind is NumberKind.CHARGEABLE:
            terms = self._directory.account(call.account)
            cost = self.price(terms, called, record.answered_at, record.talk_us, place)
            status = CallStatus.RATED
        return replace(call, status=status, kind=called.kind, number=called.number, price=cost)

    def _status(
        self, record: CallRecord, account: str, called: CalledNumber
    ) -> tuple[CallStatus, Price | None, str]:
        if record.outcome is Outcome.UNANSWERED:
            return CallStatus.UNANSWERED, None, ""
        if called.kind is not NumberKind.CHARGEABLE:
            return CallStatus.FREE, None, ""
        if record.outcome is Outcome.UNCONFIRMED:
            return CallStatus.UNCONFIRMED, None, record.evidence
        assert record.answered_at is not None
        if record.talk_us > TALK_US_MAX:
            note = (
                f"{record.talk_us // 3_600_000_000} h of talk: the exchange's clock may have jumped"
            )
            return CallStatus.UNCONFIRMED, None, note
        terms = self._directory.account(account)
        try:
            place = Place(record.id.pbx, record.trunk)
            cost = self.price(terms, called, record.answered_at, record.talk_us, place)
        except NoRate as missing:
            return CallStatus.UNRATED, None, str(missing)
        return CallStatus.RATED, cost, ""

    def _holder(self, extension: Extension, at: datetime) -> Membership | None:
        return self._directory.holder(extension, at)


def offer_for(
    book: PriceBook, assignment: Assignment, account: Account, at: datetime, place: Place
) -> Offer:
    """What the account's calls from there are priced by; NoRate when there is nothing in its
    currency.
    """
    name = assignment.price_list(account, place)
    offer = book.offer(name, at, assignment.carrier_list(place))
    if offer.currency != account.currency:
        raise NoRate(
            f"tariff {name} is in {offer.currency}, account {account.id} in "
            f"{account.currency}; give the account a tariff in its currency"
        )
    return offer
