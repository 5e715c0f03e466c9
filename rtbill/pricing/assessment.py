"""Who pays a call and what it costs: from a finished call to a row for the books; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rtbill.domain.account import Account
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import Draw
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber, NumberPlan
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from rtbill.domain.trunk_numbers import TrunkNumbers
from rtbill.pricing.allowances import Allowances
from rtbill.pricing.assignment import NOWHERE, Assignment, Place
from rtbill.pricing.bundling import Bundling
from rtbill.pricing.offers import Offers
from rtbill.pricing.payers import Payers, shown
from rtbill.pricing.site_hook import NOBODY, Answers, Caller, SiteHook
from rtbill.rating.bundles import Share
from rtbill.rating.call_pricing import CallPricing
from rtbill.rating.chain import Asked
from rtbill.rating.price_book import PriceBook

Edition = tuple[PriceBook, int, int]
CLASSIFIED_KEPT = 4096
TALK_US_MAX = 24 * 3_600_000_000
"""Longer calls wait for a person: a clock that jumped forward looks just like them."""


class Assessor:
    """Answers from the directory, the number plan and the tariffs as they now stand."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        directory: Directory,
        plan: NumberPlan,
        book: PriceBook,
        assignment: Assignment,
        *,
        wrong_code: WrongCode = WrongCode.DENY,
        allowances: Allowances | None = None,
        hook: SiteHook | None = None,
    ) -> None:
        self.allowances = Allowances() if allowances is None else allowances
        self.offers = Offers(book, assignment, hook)
        self.payers = Payers(directory, wrong_code)
        self._directory = directory
        self._plan = plan
        self._classified: dict[tuple[str | None, TrunkNumbers | None], CalledNumber] = {}

    @property
    def book(self) -> PriceBook:
        """The prices now used."""
        return self.offers.book

    def replace_book(self, book: PriceBook) -> None:
        """Use other tariffs from now on."""
        self.offers.book = book

    @property
    def edition(self) -> Edition:
        """The prices now used, how often versions came to them, and how often bundles were given or
        ended: another one when anything did.
        """
        return self.book, self.book.revision, self.allowances.revision

    @property
    def assignment(self) -> Assignment:
        """Which tariff or plan each call is priced by."""
        return self.offers.assignment

    def with_book(self, book: PriceBook) -> Assessor:
        """The same site by other tariffs."""
        return Assessor(
            self._directory,
            self._plan,
            book,
            self.assignment,
            wrong_code=self.payers.wrong_code,
            allowances=self.allowances,
            hook=self.offers.hook,
        )

    def tariffs_of(self, account: Account, place: Place) -> tuple[str, ...]:
        """The tariffs that are asked for rates of the account's calls from there, by the newest
        version of its plan where it has one.
        """
        name = self.assignment.price_list(account, place)
        versions = self.book.plan_versions(name)
        if not versions:
            return (name,)
        return max(versions, key=lambda each: each.version).tariffs

    def classify(self, dialled: str | None, place: Place = NOWHERE) -> CalledNumber:
        """What sort of number these digits are at this site, or as they stand on a trunk; asked
        several times for each call.
        """
        numbers = self.assignment.numbers.get(place)
        key = (dialled, numbers)
        known = self._classified.get(key)
        if known is None:
            if len(self._classified) >= CLASSIFIED_KEPT:
                self._classified.clear()
            known = self._classified[key] = self._plan.classify(dialled, numbers)
        return known

    def price(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place = NOWHERE,
        adjustment: Adjustment | None = None,
    ) -> Price:
        """The exact price of this much talk where no bundle pays, with what the site's hook changed
        about the call; NoRate says what is missing.
        """
        asked = _asked(account, called, answered_at, place)
        offer = self.offers.adjusted(account, answered_at, place, adjustment)
        return offer.price(asked, talk_us)

    def adjustment(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        caller: Caller,
    ) -> Adjustment | None:
        """What the site's hook changes about the price of the call; None when nothing, or when
        there is no hook.
        """
        if self.offers.hook is None or called.number is None:
            return None
        asked = _asked(account, called, answered_at, place)
        return self.offers.adjustment(account, asked, place, caller)

    def bundling(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place,
        adjustment: Adjustment | None = None,
        kept: Sequence[Draw] | None = None,
        hold_key: str = "",
    ) -> Bundling:
        """The call as bundles may pay it, whether or not there are any, beside what other calls
        than that of the hold count on; where it keeps what it took, as that pays it. NoRate says
        what is missing.
        """
        asked = _asked(account, called, answered_at, place)
        offer = self.offers.adjusted(account, answered_at, place, adjustment)
        if kept is not None:
            shares = self.allowances.seconds_held(self.book, kept, answered_at)
            return Bundling(offer, asked, talk_us, tuple(shares))
        shares = self._shares(account, asked, hold_key)
        reserved = self.allowances.reserved
        others = reserved.by_others(hold_key, going_on=True) if shares else {}
        return Bundling(offer, asked, talk_us, tuple(shares), others)

    def owed_micros(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place = NOWHERE,
        adjustment: Adjustment | None = None,
    ) -> int:
        """What the account would owe for this much talk, with bundles as they stand; NoRate as for
        the price.
        """
        bundling = self.bundling(account, called, answered_at, talk_us, place, adjustment)
        return bundling.price().debit_micros

    def bundling_of(self, call: RatedCall, hold_key: str = "") -> Bundling | None:
        """How the price of the call, which had this hold, is to be made in the store, with what the
        site's hook changed about it; None where no bundle may pay it.
        """
        record = call.record
        if call.price is None or call.account not in self.allowances:
            return None
        assert record.answered_at is not None
        called = CalledNumber(call.kind, call.number, "as it was rated")
        place = Place(record.id.pbx, record.trunk)
        terms, adjustment = self._directory.account(call.account), call.price.adjustment
        at, talk_us = record.answered_at, record.talk_us
        bundling = self.bundling(terms, called, at, talk_us, place, adjustment, hold_key=hold_key)
        return bundling if bundling.shares else None

    def is_fixed(self, account: Account) -> bool:
        """Whether a call of the account costs the same all the time that the edition is the same:
        no bundle may pay it, which others draw from, and no hook is asked.
        """
        return account.id not in self.allowances and self.offers.hook is None

    def pricing(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        caller: Caller = NOBODY,
        hold_key: str = "",
    ) -> CallPricing:
        """What the call of this hold costs by its talk time, by the prices and bundles as they now
        are; NoRate when no trunk has a rate. Who asks more than once keeps the answer.
        """
        asked = _asked(account, called, answered_at, place)
        offers = self.offers.covering(account, asked, place, caller)
        return CallPricing(offers, asked, self._shares(account, asked, hold_key))

    def _shares(self, account: Account, asked: Asked, hold_key: str = "") -> list[Share]:
        """Bundles that may pay the call, as they stand."""
        number, at = asked.number, asked.answered_at
        return self.allowances.shares(self.book, account.id, number, at, hold_key)

    def assess(self, record: CallRecord, answers: Answers | None = None) -> RatedCall:
        """The call with its payer, kind and price; without a price when it has none, and why.

        `answers` are those of the site's hook while the call talked: they hold for its price.
        """
        pbx, origin = record.id.pbx, record.origin
        payer = self.payers.of(pbx, record.payer, record.answered_at or record.ended_at, origin)
        called = self.classify(record.dialled, Place(pbx, record.trunk))
        caller = Caller(record.payer or "", record.dialled or "", payer.person or "", answers)
        status, cost, note = self._status(record, payer.account, called, caller)
        if payer.is_code_wrong and not note:
            note = f"{origin.code_in_words} that was entered belonged to nobody"
        if origin.code:
            record = record._replace(origin=shown(origin, payer))
        call = RatedCall(
            record, payer.account, status, called.kind, called.number, cost, payer.person, note
        )
        return self._as_bundles_stand(call)

    def _as_bundles_stand(self, call: RatedCall) -> RatedCall:
        bundling = self.bundling_of(call)
        return call if bundling is None else bundling.settle(call)

    def assess_again(self, call: RatedCall) -> RatedCall:
        """A call that waits, as it is billed to the same account now, with bundles as they stand;
        NoRate when it still has no price.
        """
        record = call.record
        assert record.answered_at is not None, "what was not answered has no price"
        place = Place(record.id.pbx, record.trunk)
        called = self.classify(record.dialled, place)
        cost, status = None, CallStatus.FREE
        if called.kind is NumberKind.CHARGEABLE:
            caller = Caller(record.payer or "", record.dialled or "", call.person or "")
            cost = self._price_of(record, call.account, called, caller)
            status = CallStatus.RATED
        billed = call._replace(status=status, kind=called.kind, number=called.number, price=cost)
        return self._as_bundles_stand(billed)

    def _status(
        self, record: CallRecord, account: str, called: CalledNumber, caller: Caller
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
        try:
            cost = self._price_of(record, account, called, caller)
        except NoRate as missing:
            return CallStatus.UNRATED, None, str(missing)
        return CallStatus.RATED, cost, ""

    def _price_of(
        self, record: CallRecord, account: str, called: CalledNumber, caller: Caller
    ) -> Price:
        assert record.answered_at is not None
        terms, place = self._directory.account(account), Place(record.id.pbx, record.trunk)
        at = record.answered_at
        adjustment = self.adjustment(terms, called, at, place, caller)
        return self.price(terms, called, at, record.talk_us, place, adjustment)


def _asked(account: Account, called: CalledNumber, answered_at: datetime, place: Place) -> Asked:
    """NoRate where the digits are no number that has a price."""
    if called.number is None:
        raise NoRate(called.reason)
    return Asked(called.number, answered_at, account.id, place.pbx)
