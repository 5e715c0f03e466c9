"""What a case's calls are priced by: tariffs of ours, asked one after the other, and a price plan
over them where the case has a discount or a tax.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rtbill.domain.errors import NoRate
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, PricePlan, Tax
from rtbill.domain.tariff import Rate, Rounding, Tariff, Terms
from rtbill.rating.lookup import RateTable, TariffBook
from rtbill.rating.offer import Offer

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
CURRENCY = "EUR"
"""The cases name none."""
TO_THE_MICRO = Rounding(RoundingMode.HALF_UP, digits=6)
"""For programs and sums that are not rounded: all the decimals that money has."""


class PriceList:
    """The tariffs of a subject and of those it falls back on, every version of each."""

    def __init__(self, tariffs: Sequence[Tariff], plan: PricePlan | None = None) -> None:
        self._tariffs = tariffs
        self._plan = plan
        self._chain = tuple(dict.fromkeys(tariff.name for tariff in tariffs))
        self._books: dict[object, TariffBook] = {}

    @classmethod
    def of_rates(
        cls,
        rates: Iterable[Rate],
        rounding: Rounding = TO_THE_MICRO,
        zone: str = "UTC",
        plan: PricePlan | None = None,
    ) -> PriceList:
        """One tariff that was always in force."""
        return cls(
            [
                Tariff(
                    name="case",
                    version=1,
                    currency=CURRENCY,
                    zone=zone,
                    valid_from=ALWAYS,
                    rates=tuple(rates),
                    rounding=rounding,
                )
            ],
            plan,
        )

    @classmethod
    def of_terms(
        cls,
        terms: Terms,
        prefix: str,
        rounding: Rounding = TO_THE_MICRO,
        plan: PricePlan | None = None,
    ) -> PriceList:
        """One rate."""
        rate = Rate(prefix=prefix, destination="case", terms=terms)
        return cls.of_rates([rate], rounding, plan=plan)

    def without_connect_fees(self) -> PriceList:
        """The same for a part of a call that is not its beginning."""
        tariffs = [replace(each, rates=_without_fees(each.rates)) for each in self._tariffs]
        return PriceList(tariffs, self._plan)

    @property
    def first_increment_s(self) -> int:
        """Of a list of one rate."""
        (rate,) = self._tariffs[0].rates
        return rate.terms.steps[0].increment_s

    def offer(self, number: str, at: datetime, **change: Any) -> Offer:
        """The table for the number, and the plan, which rounds as the table does."""
        table = self.table(number, at, **change)
        plan = self._plan
        return Offer([table], plan and replace(plan, rounding=table.tariff.rounding))

    def table(self, number: str, at: datetime, **change: Any) -> RateTable:
        """The rates by which a call answered then is priced, with this change of the rounding;
        NoRate when no subject has any.
        """
        key = frozenset(change.items())
        if key not in self._books:
            self._books[key] = TariffBook(
                replace(each, rounding=replace(each.rounding, **change)) for each in self._tariffs
            )
        book = self._books[key]
        for name in self._chain:
            try:
                table = book.in_force(name, at)
                table.find(number)
            except NoRate:
                continue
            return table
        raise NoRate(f"none of {', '.join(self._chain)} has a rate for {number}")


def a_plan(discounts: Sequence[Discount] = (), tax: Tax | None = None) -> PricePlan:
    """A plan over the tariff of a case."""
    return PricePlan(
        name="case",
        version=1,
        currency=CURRENCY,
        valid_from=ALWAYS,
        tariffs=("case",),
        discounts=tuple(discounts),
        tax=tax,
    )


def _without_fees(rates: Iterable[Rate]) -> tuple[Rate, ...]:
    return tuple(replace(rate, terms=replace(rate.terms, connect_fee_micros=0)) for rate in rates)
