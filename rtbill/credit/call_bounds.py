"""What a call costs, and where it ends whatever the money: by its rate, and where talk becomes
dearer a minute than the account's class may call at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rtbill.credit.stances import STANDARD
from rtbill.domain.account import Account
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import NumberKind
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Place
from rtbill.pricing.site_hook import NOBODY, Caller
from rtbill.rating.call_pricing import CallPricing


class Bound(NamedTuple):
    """Whole seconds of talk; None where nothing ends the call."""

    ends_s: int | None = None
    """The longest call of its rate, or the last second that a greatest charge covers."""
    dear_s: int | None = None
    """After so many an increment would be dearer than the ceiling; 0 when the first is."""

    @property
    def seconds(self) -> int | None:
        """The earlier of the two."""
        ends_s, dear_s = self
        if ends_s is None or dear_s is None:
            return dear_s if ends_s is None else ends_s
        return min(ends_s, dear_s)


UNBOUND = Bound()


class Priced(NamedTuple):
    """What is known of a call's price beforehand."""

    bound: Bound = UNBOUND
    """Where it ends whatever the money."""
    pricing: CallPricing | None = None
    """None where it is not charged, or nobody knows what it costs."""
    no_rate: str = ""
    """Why nobody knows."""


NOT_CHARGED = Priced()


class CallBounds:
    """Knows the ceilings of the account classes, in micro-units a minute. An unknown class is taken
    for `standard`, as policies do; without a ceiling calls are let out at any price.
    """

    def __init__(self, assessor: Assessor, ceilings: Mapping[str, int | None]) -> None:
        self._assessor = assessor
        self._ceilings = dict(ceilings)
        self._standard = self._ceilings.get(STANDARD)

    def ceiling(self, account: Account) -> int | None:
        """The highest price a minute of the account's calls."""
        return self._ceilings.get(account.account_class, self._standard)

    def of(  # noqa: PLR0913 - the facts of one call
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        caller: Caller = NOBODY,
        hold_key: str = "",
    ) -> Priced:
        """Of one call, which has this hold; not bound where nobody knows what it costs."""
        if called.kind is not NumberKind.CHARGEABLE:
            return NOT_CHARGED
        try:
            pricing = self._assessor.pricing(account, called, answered_at, place, caller, hold_key)
        except NoRate as missing:
            return Priced(no_rate=str(missing))
        ceiling = self.ceiling(account)
        try:
            dear_s = None if ceiling is None else pricing.below_ceiling_s(ceiling)
            return Priced(Bound(pricing.longest_s(), dear_s), pricing)
        except NoRate:
            return Priced(UNBOUND, pricing)

    def made_of(self, account: Account, person: str | None) -> object:
        """What price and bounds of a call depend on beside the call: equal while that is the
        same.
        """
        return self._assessor.edition, account, person
