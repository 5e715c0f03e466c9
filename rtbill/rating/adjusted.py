"""An offer as a site's rating hook changed it for one call.

The change is a link of the chain between markup and discounts. The whole chain is gone through for
each price: a hook that is asked about every call costs more than this does.
"""

from __future__ import annotations

from collections.abc import Callable

from rtbill.domain.adjustment import Adjustment
from rtbill.domain.rated import Price
from rtbill.rating import chain
from rtbill.rating.affordable import CALL_S_MAX, longest_paid_s
from rtbill.rating.chain import Asked, Sum
from rtbill.rating.charging import weights_of
from rtbill.rating.longest import Ceiling
from rtbill.rating.offer import Offer


class AdjustedOffer(Offer):
    """The same tables and plan; the prices are others. How long a call may last by its rate, and
    what its tariff and its carrier say, no hook changes.
    """

    __slots__ = ("adjustment", "offer")

    def __init__(self, offer: Offer, adjustment: Adjustment) -> None:
        super().__init__(offer.tables, offer.plan, offer.carrier)
        self.offer = offer
        self.adjustment = adjustment

    @property
    def terms(self) -> tuple[int, ...]:
        """What its prices depend on, by identity."""
        return (*super().terms, id(self.adjustment))

    def price(self, asked: Asked, talk_us: int) -> Price:
        """What an answered call of this talk time costs; NoRate when no table covers it."""
        net_micros, tax_micros = self._charged(asked, talk_us)
        return self.offer.price(asked, talk_us)._replace(
            micros=net_micros + tax_micros, tax_micros=tax_micros, adjustment=self.adjustment
        )

    def cost_of(self, asked: Asked) -> Callable[[int], int]:
        """The amount of that price alone, by microseconds of talk."""
        return lambda talk_us: sum(self._charged(asked, talk_us))

    def affordable_s(self, asked: Asked, money_micros: int, cap_s: int = CALL_S_MAX) -> int:
        """The longest whole second whose price is within the money, as of an Offer."""
        ends_s = self.longest_s(asked)
        return longest_paid_s(
            lambda talk_us: sum(self._charged(asked, talk_us)) <= money_micros,
            cap_s if ends_s is None else min(cap_s, ends_s),
        )

    def charge(self, asked: Asked, amount: Sum, billed_us: int) -> tuple[int, int]:
        """What is charged where the tariff's amount is this: net and tax, in micro-units."""
        return chain.charge(self.links, asked, amount, billed_us, self.adjustment)

    def _charged(self, asked: Asked, talk_us: int) -> tuple[int, int]:
        table, exact = self.base(asked, talk_us)
        return self.charge(asked, Sum(exact.parts, table.per_micro), exact.billed_us)

    def _ceiling(self, asked: Asked, micros: int, per_micro: int) -> Ceiling:
        """With what the hook adds by time; not what it adds or takes off once."""
        links = self.links
        weights = weights_of(links, asked, per_micro, self.adjustment)
        return Ceiling.under(micros, weights, per_micro, links.tax.percent_ppm if links.tax else 0)
