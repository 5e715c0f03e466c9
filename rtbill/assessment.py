"""Who pays a call and what it costs: from a finished call to a row for the books; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product

from rtbill.assignment import NOWHERE, Assignment, Place
from rtbill.domain.account import Account
from rtbill.domain.adjustment import Adjustment, Bounds
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber, NumberPlan
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from rtbill.domain.trunk_numbers import TrunkNumbers
from rtbill.payers import Payers, shown
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.chain import Asked
from rtbill.rating.longest import LONGEST_S
from rtbill.rating.offer import Offer
from rtbill.rating.price_book import PriceBook
from rtbill.rating.worst import NO_HOOK
from rtbill.site_hook import NOBODY, Answers, Caller, SiteHook

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
        wrong_code: WrongCode = WrongCode.DENY,
        hook: SiteHook | None = None,
    ) -> None:
        self._directory = directory
        self.payers = Payers(directory, wrong_code)
        self._plan = plan
        self._book = book
        self._assignment = assignment
        self._hook = hook
        self._classified: dict[tuple[str | None, TrunkNumbers | None], CalledNumber] = {}

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
        wrong_code = self.payers.wrong_code
        return Assessor(self._directory, self._plan, book, self._assignment, wrong_code, self._hook)

    @property
    def hook_bounds(self) -> Bounds:
        """How much dearer the site's hook may make a call."""
        return NO_HOOK if self._hook is None else self._hook.bounds

    @property
    def hook_edition(self) -> str:
        """Another text when the site's hook is another one; empty when there is none."""
        return "" if self._hook is None else self._hook.edition

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

    def price(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        talk_us: int,
        place: Place = NOWHERE,
        adjustment: Adjustment | None = None,
    ) -> Price:
        """The exact price of this much talk; NoRate says what is missing."""
        asked = self._asked(account, called, answered_at, place)
        return self._offer(account, answered_at, place, adjustment).price(asked, talk_us)

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
        if self._hook is None or called.number is None:
            return None
        asked = self._asked(account, called, answered_at, place)
        return self._adjustment(account, asked, place, caller)

    def _adjustment(
        self, account: Account, asked: Asked, place: Place, caller: Caller
    ) -> Adjustment | None:
        if self._hook is None:
            return None
        at = asked.answered_at
        return self._hook.ask(
            asked,
            caller,
            trunk=place.trunk,
            account_class=account.account_class,
            price_list=self._assignment.price_list(account, place),
            check_list=lambda name: self.offer(account, at, place, name).base(asked, 0),
        )

    def offer(
        self, account: Account, at: datetime, place: Place = NOWHERE, name: str = ""
    ) -> Offer:
        """What the account's calls from there are priced by, the list of this name where it is
        given; NoRate when there is nothing in its currency.
        """
        return offer_for(self._book, self._assignment, account, at, place, name)

    def _offer(
        self, account: Account, at: datetime, place: Place, adjustment: Adjustment | None
    ) -> Offer:
        if adjustment is None:
            return self.offer(account, at, place)
        return AdjustedOffer(self.offer(account, at, place, adjustment.price_list), adjustment)

    def offers(self, account: Account, at: datetime, place: Place) -> list[Offer]:
        """All that a call may be priced by while its trunk is not known, a hook's lists too,
        without those trunks for which there is nothing; NoRate when that is all of them.
        """
        found: dict[tuple[int, ...], Offer] = {}
        why: NoRate | None = None
        names = ("", *self.hook_bounds.price_lists)
        for each, name in product(self._assignment.places(place), names):
            try:
                offer = self.offer(account, at, each, name)
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
        caller: Caller = NOBODY,
    ) -> int:
        """Seconds of talk that the money buys, 0 to `cap_s`: on any trunk that has a rate while it
        is not known which; NoRate when none has.
        """
        asked = self._asked(account, called, answered_at, place)
        if available_micros <= 0:
            return 0
        return min(
            offer.affordable_s(asked, available_micros, cap_s)
            for offer in self._covering(account, asked, place, caller)
        )

    def longest_s(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        caller: Caller = NOBODY,
    ) -> int | None:
        """Seconds after which the rate ends the call, whatever the money: the first on any trunk
        that has a rate while it is not known which; None when it never does. NoRate when none has.
        """
        asked = self._asked(account, called, answered_at, place)
        ends = [offer.longest_s(asked) for offer in self._covering(account, asked, place, caller)]
        return min((each for each in ends if each is not None), default=None)

    def below_ceiling_s(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        ceiling_micros: int,
        place: Place,
        caller: Caller = NOBODY,
    ) -> int | None:
        """Seconds after which talk costs more than so much a minute, 0 when it does at once: the
        first on any trunk likewise; None when it never does. NoRate when none has a rate.
        """
        asked = self._asked(account, called, answered_at, place)
        found = min(
            offer.below_ceiling_s(asked, ceiling_micros)
            for offer in self._covering(account, asked, place, caller)
        )
        return found if found < LONGEST_S else None

    def check_rate(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        caller: Caller = NOBODY,
    ) -> None:
        """NoRate when no trunk that the call may take has a rate for it."""
        asked = self._asked(account, called, answered_at, place)
        self._covering(account, asked, place, caller)

    def _asked(
        self, account: Account, called: CalledNumber, answered_at: datetime, place: Place
    ) -> Asked:
        if called.number is None:
            raise NoRate(called.reason)
        return Asked(called.number, answered_at, account.id, place.pbx)

    def _covering(
        self, account: Account, asked: Asked, place: Place, caller: Caller
    ) -> list[Offer]:
        """What the call may be priced by, as far as that has a rate for it; NoRate when there is
        none.
        """
        if self._hook is None:
            offers = self.offers(account, asked.answered_at, place)
        else:
            offers = self._adjusted_offers(account, asked, place, caller)
        found: list[Offer] = []
        why: NoRate | None = None
        for offer in offers:
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

    def _adjusted_offers(
        self, account: Account, asked: Asked, place: Place, caller: Caller
    ) -> list[Offer]:
        """As `offers`, with what the hook says about each trunk that the call may take."""
        found: list[Offer] = []
        why: NoRate | None = None
        for each in self._assignment.places(place):
            adjustment = self._adjustment(account, asked, each, caller)
            try:
                found.append(self._offer(account, asked.answered_at, each, adjustment))
            except NoRate as missing:
                why = why or missing
        if why is not None and not found:
            raise why
        return found

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
            record = replace(record, origin=shown(origin, payer))
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
            caller = Caller(record.payer or "", record.dialled or "", call.person or "")
            cost = self._price_of(record, call.account, called, caller)
            status = CallStatus.RATED
        return replace(call, status=status, kind=called.kind, number=called.number, price=cost)

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


def offer_for(  # noqa: PLR0913 - the facts of one call
    book: PriceBook,
    assignment: Assignment,
    account: Account,
    at: datetime,
    place: Place,
    name: str = "",
) -> Offer:
    """What the account's calls from there are priced by, the list of this name where it is given;
    NoRate when there is nothing in its currency.
    """
    name = name or assignment.price_list(account, place)
    offer = book.offer(name, at, assignment.carrier_list(place))
    if offer.currency != account.currency:
        raise NoRate(
            f"tariff {name} is in {offer.currency}, account {account.id} in "
            f"{account.currency}; give the account a tariff in its currency"
        )
    return offer
