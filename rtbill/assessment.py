"""Who pays a call and what it costs: from a finished call to a row for the books; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rtbill.allowances import Allowances
from rtbill.assignment import NOWHERE, Assignment, Place
from rtbill.bundling import Bundling
from rtbill.domain.account import Account
from rtbill.domain.bundle import Draw
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber, NumberPlan
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from rtbill.domain.trunk_numbers import TrunkNumbers
from rtbill.payers import Payers, shown
from rtbill.rating.bundle_time import affordable_with, below_ceiling_with, longest_with
from rtbill.rating.bundles import Share
from rtbill.rating.call_pricing import CallPricing
from rtbill.rating.chain import Asked
from rtbill.rating.longest import LONGEST_S
from rtbill.rating.offer import Offer
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
    ) -> None:
        self.allowances = Allowances() if allowances is None else allowances
        self._directory = directory
        self.payers = Payers(directory, wrong_code)
        self._plan = plan
        self._book = book
        self._assignment = assignment
        self._classified: dict[tuple[str | None, TrunkNumbers | None], CalledNumber] = {}

    @property
    def book(self) -> PriceBook:
        """The prices now used."""
        return self._book

    def replace_book(self, book: PriceBook) -> None:
        """Use other tariffs from now on."""
        self._book = book

    @property
    def edition(self) -> Edition:
        """The prices now used, how often versions came to them, and how often bundles were given or
        ended: another one when anything did.
        """
        return self._book, self._book.revision, self.allowances.revision

    @property
    def assignment(self) -> Assignment:
        """Which tariff or plan each call is priced by."""
        return self._assignment

    def with_book(self, book: PriceBook) -> Assessor:
        """The same site by other tariffs."""
        return Assessor(
            self._directory,
            self._plan,
            book,
            self._assignment,
            wrong_code=self.payers.wrong_code,
            allowances=self.allowances,
        )

    def tariffs_of(self, account: Account, place: Place) -> tuple[str, ...]:
        """The tariffs that are asked for rates of the account's calls from there, by the newest
        version of its plan where it has one.
        """
        name = self._assignment.price_list(account, place)
        versions = self._book.plan_versions(name)
        if not versions:
            return (name,)
        return max(versions, key=lambda each: each.version).tariffs

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
        """The exact price of this much talk where no bundle pays; NoRate says what is missing."""
        if called.number is None:
            raise NoRate(called.reason)
        asked = Asked(called.number, answered_at, account.id, place.pbx)
        return self.offer(account, answered_at, place).price(asked, talk_us)

    def bundling(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place,
        kept: Sequence[Draw] | None = None,
        hold_key: str = "",
    ) -> Bundling:
        """The call as bundles may pay it, whether or not there are any, beside what other calls
        than that of the hold count on; where it keeps what it took, as that pays it. NoRate says
        what is missing.
        """
        if called.number is None:
            raise NoRate(called.reason)
        asked = Asked(called.number, answered_at, account.id, place.pbx)
        offer = self.offer(account, answered_at, place)
        if kept is not None:
            shares = self.allowances.seconds_held(self._book, kept, answered_at)
            return Bundling(offer, asked, talk_us, tuple(shares))
        shares = self._shares(account, asked, hold_key)
        reserved = self.allowances.reserved
        others = reserved.by_others(hold_key, going_on=True) if shares else {}
        return Bundling(offer, asked, talk_us, tuple(shares), others)

    def owed_micros(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place = NOWHERE,
    ) -> int:
        """What the account would owe for this much talk, with bundles as they stand; NoRate as for
        the price.
        """
        return self.bundling(account, called, answered_at, talk_us, place).price().debit_micros

    def bundling_of(self, call: RatedCall, hold_key: str = "") -> Bundling | None:
        """How the price of the call, which had this hold, is to be made in the store; None where no
        bundle may pay it.
        """
        record = call.record
        if call.price is None or call.account not in self.allowances:
            return None
        assert record.answered_at is not None
        called = CalledNumber(call.kind, call.number, "as it was rated")
        place = Place(record.id.pbx, record.trunk)
        terms = self._directory.account(call.account)
        at, talk_us = record.answered_at, record.talk_us
        bundling = self.bundling(terms, called, at, talk_us, place, hold_key=hold_key)
        return bundling if bundling.shares else None

    def offer(self, account: Account, at: datetime, place: Place = NOWHERE) -> Offer:
        """What the account's calls from there are priced by; NoRate when there is nothing in its
        currency.
        """
        return offer_for(self._book, self._assignment, account, at, place)

    def offers(self, account: Account, at: datetime, place: Place) -> list[Offer]:
        """All that a call may be priced by while its trunk is not known, without those trunks for
        which there is nothing; NoRate when that is all of them.
        """
        found: dict[tuple[int, ...], Offer] = {}
        why: NoRate | None = None
        for each in self._assignment.places(place):
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
        """Seconds of talk that bundles and then the money buy, 0 to `cap_s`: on any trunk that has
        a rate while it is not known which; NoRate when none has.
        """
        asked = self._asked(account, called, answered_at, place)
        shares = self._shares(account, asked)
        if available_micros <= 0 and not shares:
            return 0
        money_micros = max(0, available_micros)
        return min(
            affordable_with(offer, asked, money_micros, cap_s, shares)
            for offer in self._covering(account, asked, place)
        )

    def _shares(self, account: Account, asked: Asked, hold_key: str = "") -> list[Share]:
        """Bundles that may pay the call, as they stand."""
        number, at = asked.number, asked.answered_at
        return self.allowances.shares(self._book, account.id, number, at, hold_key)

    def pricing(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        hold_key: str = "",
    ) -> CallPricing:
        """What the call of this hold costs by its talk time, by the prices and bundles as they now
        are; NoRate when no trunk has a rate.
        """
        asked = self._asked(account, called, answered_at, place)
        return CallPricing(
            self._covering(account, asked, place), asked, self._shares(account, asked, hold_key)
        )

    def longest_s(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> int | None:
        """Seconds after which the rate ends the call, whatever the money: the first on any trunk
        that has a rate while it is not known which; None when it never does. NoRate when none has.
        """
        asked = self._asked(account, called, answered_at, place)
        shares = self._shares(account, asked)
        ends = [
            longest_with(offer, asked, shares) for offer in self._covering(account, asked, place)
        ]
        return min((each for each in ends if each is not None), default=None)

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
        asked = self._asked(account, called, answered_at, place)
        shares = self._shares(account, asked)
        found = min(
            below_ceiling_with(offer, asked, ceiling_micros, LONGEST_S, shares)
            for offer in self._covering(account, asked, place)
        )
        return found if found < LONGEST_S else None

    def check_rate(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> None:
        """NoRate when no trunk that the call may take has a rate for it."""
        self._covering(account, self._asked(account, called, answered_at, place), place)

    def _asked(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> Asked:
        if called.number is None:
            raise NoRate(called.reason)
        return Asked(called.number, answered_at, account.id, place.pbx)

    def _covering(self, account: Account, asked: Asked, place: Place) -> list[Offer]:
        """The offers with a rate for the number; NoRate when there is none."""
        found: list[Offer] = []
        why: NoRate | None = None
        for offer in self.offers(account, asked.answered_at, place):
            try:
                offer.base(asked, 0)
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
        pbx, origin = record.id.pbx, record.origin
        payer = self.payers.of(pbx, record.payer, record.answered_at or record.ended_at, origin)
        called = self.classify(record.dialled, Place(pbx, record.trunk))
        status, cost, note = self._status(record, payer.account, called)
        if payer.is_code_wrong and not note:
            note = f"{origin.code_in_words} that was entered belonged to nobody"
        if origin.code:
            record = replace(record, origin=shown(origin, payer))
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
            terms = self._directory.account(call.account)
            cost = self.price(terms, called, record.answered_at, record.talk_us, place)
            status = CallStatus.RATED
        billed = replace(call, status=status, kind=called.kind, number=called.number, price=cost)
        return self._as_bundles_stand(billed)

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
