"""What calls of the other record would cost at our tariffs, and at the carrier's own price list."""

from __future__ import annotations

from typing import NamedTuple

from rtbill.comparison.values import OurCall, TheirCall
from rtbill.domain.account import Account, AccountKind
from rtbill.domain.call import from_epoch_us
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import NumberKind
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import NOWHERE, Place
from rtbill.rating.lookup import TariffBook


class Amount(NamedTuple):
    """Money, or the reason why nobody knows it."""

    micros: int | None
    currency: str
    note: str = ""


class Pricing:
    """Prices by the books as they stand; changes nothing."""

    def __init__(
        self, assessor: Assessor, directory: Directory, book: TariffBook, pbx: str
    ) -> None:
        self._assessor = assessor
        self._directory = directory
        self._book = book
        self._pbx = pbx
        """Whose extensions the payers of their record are."""

    def account(self, their: TheirCall) -> str:
        """Who would pay it: the holder of the extension that their record names, else suspense."""
        return self._assessor.payers.of(self._pbx, their.payer, from_epoch_us(their.at_us)).account

    def of_theirs(self, their: TheirCall) -> Amount:
        """What we would have charged for their call."""
        place = Place(self._pbx, their.trunk)
        account = self._directory.account(self.account(their))
        return self._price_for(account, their.number, their.at_us, their.talk_us, place)

    def with_their_duration(self, our: OurCall, their: TheirCall) -> Amount:
        """What we would have charged for our call, had it lasted as long as they say; nobody knows
        where bundles paid it.
        """
        if our.is_bundled:
            return Amount(None, our.currency, "bundles paid it")
        place = Place(our.key.partition("/")[0], our.trunk)
        account = self._directory.account(our.account)
        return self._price_for(account, our.number, our.at_us, their.talk_us, place)

    def of_carrier(self, their: TheirCall, tariff: str) -> Amount:
        """What the carrier's price list, kept as one of our tariffs, says for their call."""
        versions = self._book.versions(tariff)
        currency = versions[-1].currency if versions else their.currency
        terms = Account(
            id="carrier", name="", kind=AccountKind.POSTPAID, currency=currency, tariff=tariff
        )
        return self._price_for(terms, their.number, their.at_us, their.talk_us, NOWHERE)

    def _price_for(
        self, terms: Account, number: str | None, at_us: int, talk_us: int, place: Place
    ) -> Amount:
        called = self._called(number)
        if called.kind is not NumberKind.CHARGEABLE:
            return Amount(0, terms.currency, called.reason)
        try:
            cost = self._assessor.price(terms, called, from_epoch_us(at_us), talk_us, place)
        except NoRate as missing:
            return Amount(None, terms.currency, str(missing))
        return Amount(cost.micros, cost.currency)

    def _called(self, number: str | None) -> CalledNumber:
        """Numbers come here as the number plan read them; reading them again changes nothing."""
        return self._assessor.classify(number)
