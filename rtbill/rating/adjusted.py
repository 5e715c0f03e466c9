"""An offer as a site's rating hook changed it for one call.

The change is a link of the chain between markup and discounts. The whole chain is gone through for
each price: a hook that is asked about every call costs more than this does.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtbill.domain.adjustment import Adjustment
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import Price
from rtbill.rating import chain
from rtbill.rating.affordable import CALL_S_MAX, longest_paid_s
from rtbill.rating.chain import Asked, Sum
from rtbill.rating.offer import Found, Offer


@dataclass(frozen=True, slots=True)
class AdjustedOffer:
    """Answers as an Offer does; the prices are others."""

    offer: Offer
    adjustment: Adjustment

    def price(self, asked: Asked, talk_us: int) -> Price:
        """What an answered call of this talk time costs; NoRate when no table covers it."""
        net_micros, tax_micros = self._charge(asked, talk_us)
        return self.offer.price(asked, talk_us)._replace(
            micros=net_micros + tax_micros, tax_micros=tax_micros, adjustment=self.adjustment
        )

    def affordable_s(self, asked: Asked, money_micros: int, cap_s: int = CALL_S_MAX) -> int:
        """The longest whole second whose price is within the money, as of an Offer."""
        return longest_paid_s(
            lambda talk_us: sum(self._charge(asked, talk_us)) <= money_micros,
            self.offer.longest_s(asked, cap_s),
        )

    def base(self, asked: Asked, talk_us: int) -> Found:
        """What its tariff says, which no hook changes."""
        return self.offer.base(asked, talk_us)

    def _charge(self, asked: Asked, talk_us: int) -> tuple[int, int]:
        """Net and tax, in micro-units."""
        plan, base, billed_us = self._begin(asked, talk_us)
        return chain.charge(plan, asked, base, billed_us, self.adjustment)

    def _begin(self, asked: Asked, talk_us: int) -> tuple[PricePlan, Sum, int]:
        """The plan, the tariff's exact price, and the microseconds that are billed."""
        table, exact = self.offer.base(asked, talk_us)
        plan = self.offer.plan or chain.rounding_only(table.tariff)
        return plan, Sum(exact.parts, table.per_micro), exact.billed_us
