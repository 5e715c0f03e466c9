"""A call that bundles may pay: everything its price depends on, but for what they hold then.

Calls of one account, or of several that share a bundle, may end in the same moment. So the price is
made where they come one after the other, in the store's writer; what stands here is what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field

from rtbill.domain.bundle import Draw, PoolKey, Pools, Unit, money_drawn
from rtbill.domain.errors import NoRate
from rtbill.domain.rated import CallStatus, PricedCall, RatedCall, Repriced
from rtbill.rating.bundles import Bundled, Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.offer import Offer


@dataclass(frozen=True, slots=True)
class Bundling:
    """One call. Neither it nor what it names is ever changed, so any thread may price it."""

    offer: Offer
    asked: Asked
    talk_us: int
    shares: tuple[Share, ...]
    """In order, as they stood."""
    reserved: Mapping[PoolKey, int] = field(default_factory=dict)
    """What other calls count on."""

    @property
    def pools(self) -> tuple[PoolKey, ...]:
        """What it may draw from."""
        return tuple(share.pool for share in self.shares)

    def price(self, used: Pools | None = None) -> Bundled:
        """With so much used of the pools, or as they stood; NoRate as without bundles, and where a
        bundle's tariff leaves a gap.
        """
        shares = self.shares if used is None else self._with(used)
        return price_with(self.offer, self.asked, self.talk_us, shares)

    def _with(self, used: Pools) -> tuple[Share, ...]:
        return tuple(share._replace(left=max(0, self._left(share, used))) for share in self.shares)

    def _left(self, share: Share, used: Pools) -> int:
        taken = used.get(share.pool, 0) + self.reserved.get(share.pool, 0)
        return share.bundle.amount - taken

    def settle(self, call: RatedCall, used: Pools | None = None) -> RatedCall:
        """The call at its price; without one, and why, where there is none."""
        try:
            price, draws = self.price(used)
        except NoRate as missing:
            unrated = CallStatus.UNRATED
            return call._replace(status=unrated, price=None, draws=(), note=str(missing))
        return call._replace(price=price, draws=draws)

    def estimate(self, call: PricedCall) -> Repriced:
        """The call rated again, as the pools stood: the first to be. What gaps in a bundle's tariff
        leave without a price costs what it would without bundles.
        """
        try:
            price, draws = self.price()
        except NoRate:
            price, draws = self.offer.price(self.asked, self.talk_us), ()
        return Repriced(call, price, draws)

    def reprice(self, call: PricedCall, used: MutableMapping[PoolKey, int]) -> Repriced | None:
        """The call rated again: it gives back what it took and takes what is there then. None where
        it costs and is debited what it was; NoRate where it has no price. What is used follows.
        """
        if call.invoiced is not None:
            found = self._reprice_invoiced(call)
        else:
            move(used, call.draws, -1)
            try:
                price, draws = self.price(used)
            except NoRate:
                move(used, call.draws)
                raise
            move(used, call.draws)
            found = Repriced(call, price, draws)
        if found.price.micros == call.micros and found.debit_micros == call.debit_micros:
            return None
        move(used, found.given_back, -1)
        move(used, found.taken)
        return found

    def _reprice_invoiced(self, call: PricedCall) -> Repriced:
        """What an invoice charges keeps the seconds that it took, and takes nothing more. Where the
        price fell below what bundles of money paid, they get the rest back, the last used first.
        """
        price, _ = self.price()
        excess = max(0, money_drawn(call.draws) - price.micros)
        kept: list[Draw] = []
        for draw in reversed(call.draws):
            less = min(excess, draw.amount) if draw.unit is Unit.MONEY else 0
            excess -= less
            if draw.amount > less:
                kept.insert(0, draw._replace(amount=draw.amount - less))
        return Repriced(call, price, tuple(kept))


def redecided(
    calls: Iterable[Repriced], pools: Pools, bundlings: Mapping[str, Bundling]
) -> list[Repriced]:
    """Those of the calls that become others, by bundles as they stand, each after those before it;
    one that has no price now stays as it is.
    """
    used = dict(pools)
    found = []
    for each in calls:
        try:
            repriced = bundlings[each.call.key].reprice(each.call, used)
        except NoRate:
            continue
        if repriced is not None:
            found.append(repriced)
    return found


def move(used: MutableMapping[PoolKey, int], draws: tuple[Draw, ...], sign: int = 1) -> None:
    """So much more of each pool is used, or less."""
    for draw in draws:
        used[draw.pool] = used.get(draw.pool, 0) + sign * draw.amount
