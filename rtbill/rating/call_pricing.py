"""What one call costs by its talk time, on whichever of its trunks it may leave: for holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtbill.domain.bundle import Draw
from rtbill.domain.errors import NoRate
from rtbill.rating.bundle_time import affordable_with, below_ceiling_with, longest_with
from rtbill.rating.bundles import Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.longest import LONGEST_S
from rtbill.rating.offer import Offer
from rtbill.rating.zones import SECOND_US

BEYOND_ALL_MONEY = 1 << 62
"""The price of talk into a time without a rate: nobody knows it, so nothing pays it."""
_UNKNOWN = -1
_COSTS_KEPT = 8


class CallPricing:
    """Prices and bundles as they stood when it was made; safe to ask from another thread.

    Each step of a hold asks again what the one before it asked: the last answers are remembered.
    """

    __slots__ = ("_asked", "_costs", "_costs_of", "_latest", "_longest_s", "_offers", "_shares")

    def __init__(self, offers: Sequence[Offer], asked: Asked, shares: Sequence[Share] = ()) -> None:
        assert offers, "a call without an offer has no price"
        self._offers = tuple(offers)
        self._asked = asked
        self._shares = tuple(shares)
        self._longest_s: int | None = _UNKNOWN
        self._costs: dict[int, int] = {}
        self._costs_of: Sequence[Callable[[int], int]] = ()
        """Of each offer, by microseconds; none until they are asked for."""
        self._latest = (0, _UNKNOWN)
        """Seconds and their cost, as they were asked for last: together, as threads may."""

    def cost_micros(self, talk_s: int) -> int:
        """What the account would owe at most for this much talk, beside what bundles pay."""
        found = self._costs.get(talk_s)
        if found is None:
            try:
                found = self._owed(talk_s * SECOND_US)
            except NoRate:
                found = BEYOND_ALL_MONEY
            self._remember(talk_s, found)
        self._latest = (talk_s, found)
        return found

    def affordable_s(self, micros: int, cap_s: int) -> int:
        """The longest whole second, `cap_s` at most, that bundles and this money pay on any trunk;
        0 when they do not pay an answer.
        """
        if self._shares:
            return min(
                affordable_with(offer, self._asked, micros, cap_s, self._shares)
                for offer in self._offers
            )
        found = min([offer.affordable_s(self._asked, micros, cap_s) for offer in self._offers])
        latest_s, cost = self._latest
        if cost == micros and found > latest_s:
            self._remember(found, micros)  # it is within what less talk costs already
        return found

    def longest_s(self) -> int | None:
        """Seconds after which the first rate ends the call, whatever the money; None when none
        ever does.
        """
        if self._longest_s == _UNKNOWN:
            asked, shares = self._asked, self._shares
            ends = [longest_with(offer, asked, shares) for offer in self._offers]
            self._longest_s = min((each for each in ends if each is not None), default=None)
        return self._longest_s

    def below_ceiling_s(self, ceiling_micros: int) -> int | None:
        """Seconds after which talk costs more than so much a minute, 0 when it does at once; None
        when it never does.
        """
        found = min(
            below_ceiling_with(offer, self._asked, ceiling_micros, LONGEST_S, self._shares)
            for offer in self._offers
        )
        return found if found < LONGEST_S else None

    def draws(self, talk_s: int) -> tuple[Draw, ...]:
        """What so much talk takes of bundles, at most: of each pool the most on any trunk."""
        if not self._shares:
            return ()
        most: dict[object, Draw] = {}
        for offer in self._offers:
            try:
                found = price_with(offer, self._asked, talk_s * SECOND_US, self._shares).draws
            except NoRate:
                found = ()
            for draw in found:
                known = most.get(draw.pool)
                if known is None or known.amount < draw.amount:
                    most[draw.pool] = draw
        return tuple(most.values())

    def _remember(self, talk_s: int, micros: int) -> None:
        if len(self._costs) >= _COSTS_KEPT:
            self._costs.clear()
        self._costs[talk_s] = micros

    def _owed(self, talk_us: int) -> int:
        if self._shares:
            asked, shares = self._asked, self._shares
            prices = [price_with(offer, asked, talk_us, shares) for offer in self._offers]
            return max([price.debit_micros for price in prices])
        if not self._costs_of:
            self._costs_of = [offer.cost_of(self._asked) for offer in self._offers]
        return max([cost_of(talk_us) for cost_of in self._costs_of])


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

    def draws(self, talk_s: int) -> tuple[Draw, ...]:
        """Nothing: bundles pay what has a price."""
        del talk_s
        return ()
