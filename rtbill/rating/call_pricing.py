"""What one call costs by its talk time, on whichever of its trunks it may leave: for holds."""

from __future__ import annotations

from collections.abc import Sequence

from rtbill.domain.errors import NoRate
from rtbill.rating.chain import Asked
from rtbill.rating.longest import LONGEST_S
from rtbill.rating.offer import Offer
from rtbill.rating.zones import SECOND_US

BEYOND_ALL_MONEY = 1 << 62
"""The price of talk into a time without a rate: nobody knows it, so nothing pays it."""
_UNKNOWN = -1


class CallPricing:
    """Prices fixed when the call was taken up; safe to ask from another thread."""

    __slots__ = ("_asked", "_longest_s", "_offers")

    def __init__(self, offers: Sequence[Offer], asked: Asked) -> None:
        assert offers, "a call without an offer has no price"
        self._offers = tuple(offers)
        self._asked = asked
        self._longest_s: int | None = _UNKNOWN

    def cost_micros(self, talk_s: int) -> int:
        """The dearest price of this much talk."""
        asked, talk_us = self._asked, talk_s * SECOND_US
        try:
            return max([offer.price(asked, talk_us).micros for offer in self._offers])
        except NoRate:
            return BEYOND_ALL_MONEY

    def affordable_s(self, micros: int, cap_s: int) -> int:
        """The longest whole second, `cap_s` at most, whose dearest price is within the money; 0
        when that does not pay an answer.
        """
        return min([offer.affordable_s(self._asked, micros, cap_s) for offer in self._offers])

    def longest_s(self) -> int | None:
        """Seconds after which the first rate ends the call, whatever the money; None when none
        ever does.
        """
        if self._longest_s == _UNKNOWN:
            ends = [offer.longest_s(self._asked) for offer in self._offers]
            self._longest_s = min((each for each in ends if each is not None), default=None)
        return self._longest_s

    def below_ceiling_s(self, ceiling_micros: int) -> int | None:
        """Seconds after which talk costs more than so much a minute; None when it never does."""
        found = min(offer.below_ceiling_s(self._asked, ceiling_micros) for offer in self._offers)
        return found if found < LONGEST_S else None


class UnknownPricing:
    """A call whose price nobody knows: nothing can be set aside for it, only its time bounded."""

    __slots__ = ("_has_money",)

    def __init__(self, has_money: bool) -> None:  # noqa: FBT001 - what else could it be
        self._has_money = has_money

    def cost_micros(self, talk_s: int) -> int:
        """Nothing that is known; without any money more than there is."""
        del talk_s
        return 0 if self._has_money else BEYOND_ALL_MONEY

    def affordable_s(self, micros: int, cap_s: int) -> int:
        """All of it while there is any money."""
        del micros
        return cap_s if self._has_money else 0
