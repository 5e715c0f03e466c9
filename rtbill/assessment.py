"""Who pays a call and what it costs: from a finished call to a row for the books; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rtbill.domain.account import HOUSE, SUSPENSE, Account, Extension, Membership
from rtbill.domain.call import CallRecord, Outcome
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber, NumberPlan
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from rtbill.rating.affordable import affordable_s
from rtbill.rating.lookup import RateTable, TariffBook
from rtbill.rating.price import price


@dataclass(frozen=True, slots=True)
class Payer:
    """The account that pays, and the person who called where a membership names one."""

    account: str
    person: str | None = None


CLASSIFIED_KEPT = 4096
TALK_US_MAX = 24 * 3_600_000_000
"""Longer calls wait for a person: a clock that jumped forward looks just like them."""
SUSPENSE_PAYER = Payer(SUSPENSE)
HOUSE_PAYER = Payer(HOUSE)


class Assessor:
    """Answers from the directory, the number plan and the tariffs as they now stand."""

    def __init__(
        self, directory: Directory, plan: NumberPlan, book: TariffBook, default_tariff: str
    ) -> None:
        self._directory = directory
        self._plan = plan
        self._book = book
        self.default_tariff = default_tariff
        self._classified: dict[str | None, CalledNumber] = {}

    @property
    def book(self) -> TariffBook:
        """The tariffs in use."""
        return self._book

    def replace_book(self, book: TariffBook) -> None:
        """Use other tariffs from now on."""
        self._book = book

    def with_book(self, book: TariffBook) -> Assessor:
        """The same site by other tariffs."""
        return Assessor(self._directory, self._plan, book, self.default_tariff)

    def payer(self, pbx: str, extension: str | None, at: datetime) -> Payer:
        """Who pays: the holder at answer time; house for nobody's extension; else suspense."""
        if extension is None:
            return SUSPENSE_PAYER
        membership = self._holder(Extension(pbx, extension), at)
        if membership is None:
            return HOUSE_PAYER
        return Payer(membership.account, membership.person)

    def classify(self, dialled: str | None) -> CalledNumber:
        """What sort of number these digits are at this site; asked several times for each call."""
        known = self._classified.get(dialled)
        if known is None:
            if len(self._classified) >= CLASSIFIED_KEPT:
                self._classified.clear()
            known = self._classified[dialled] = self._plan.classify(dialled)
        return known

    def price(
        self, account: Account, called: CalledNumber, answered_at: datetime, talk_us: int
    ) -> Price:
        """The exact price of this much talk; NoRate says what is missing."""
        if called.number is None:
            raise NoRate(called.reason)
        return price(self.table(account, answered_at), called.number, answered_at, talk_us)

    def table(self, account: Account, at: datetime) -> RateTable:
        """The rates that hold for the account then; NoRate when there are none in its currency."""
        table = self._book.in_force(account.tariff or self.default_tariff, at)
        if table.tariff.currency != account.currency:
            raise NoRate(
                f"tariff {table.tariff.name} is in {table.tariff.currency}, account {account.id} "
                f"in {account.currency}; give the account a tariff in its currency"
            )
        return table

    def affordable_s(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        available_micros: int,
        cap_s: int,
    ) -> int:
        """Seconds of talk that the money buys, 0 to `cap_s`; NoRate when the price is unknown."""
        if called.number is None:
            raise NoRate(called.reason)
        if available_micros <= 0:
            return 0
        table = self.table(account, answered_at)
        return affordable_s(table, called.number, answered_at, available_micros, cap_s)

    def assess(self, record: CallRecord) -> RatedCall:
        """The call with its payer, kind and price; without a price when it has none, and why."""
        payer = self.payer(record.id.pbx, record.payer, record.answered_at or record.ended_at)
        called = self.classify(record.dialled)
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
        called = self.classify(record.dialled)
        cost, status = None, CallStatus.FREE
        if called.kind is NumberKind.CHARGEABLE:
            terms = self._directory.account(call.account)
            cost = self.price(terms, called, record.answered_at, record.talk_us)
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
            cost = self.price(terms, called, record.answered_at, record.talk_us)
        except NoRate as missing:
            return CallStatus.UNRATED, None, str(missing)
        return CallStatus.RATED, cost, ""

    def _holder(self, extension: Extension, at: datetime) -> Membership | None:
        return self._directory.holder(extension, at)
