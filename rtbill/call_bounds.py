"""Where a running call ends whatever the money: by its rate, and where talk becomes dearer a minute
than the account's class may call at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rtbill.assessment import Assessor
from rtbill.assignment import Place
from rtbill.domain.account import Account
from rtbill.domain.errors import NoRate
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import NumberKind
from rtbill.site_hook import NOBODY, Caller
from rtbill.stances import STANDARD


class Bound(NamedTuple):
    """Whole seconds of talk; None where nothing ends the call."""

    ends_s: int | None = None
    """The longest call of its rate, or the last second that a greatest charge covers."""
    dear_s: int | None = None
    """After so many an increment would be dearer than the ceiling; 0 when the first is."""

    @property
    def seconds(self) -> int | None:
        """The earlier of the two."""
        return min((each for each in self if each is not None), default=None)


UNBOUND = Bound()


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

    def of(
        self,
        account: Account,
        called: CalledNumber,
        answered_at: datetime,
        place: Place,
        caller: Caller = NOBODY,
    ) -> Bound:
        """Of one call; none where it is not charged or nobody knows what it costs."""
        if called.kind is not NumberKind.CHARGEABLE:
            return UNBOUND
        ceiling, assessor = self.ceiling(account), self._assessor
        try:
            ends_s = assessor.longest_s(account, called, answered_at, place, caller)
            if ceiling is None:
                return Bound(ends_s)
            dear_s = assessor.below_ceiling_s(account, called, answered_at, ceiling, place, caller)
            return Bound(ends_s, dear_s)
        except NoRate:
            return UNBOUND

    def made_of(self, account: Account, caller: Caller = NOBODY) -> object:
        """What the bounds of a call depend on beside the call: equal while that is the same."""
        return self._assessor.edition, account, caller.person
