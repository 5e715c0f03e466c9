"""How the calls of an account are priced: its tariff as it is, or a plan over several; and what the
trunk's carrier takes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.money import divide_rounding_up
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate
from rtbill.rating.affordable import CALL_S_MAX, affordable_s, longest_paid_s
from rtbill.rating.bands import BandTable
from rtbill.rating.chain import Asked
from rtbill.rating.charging import Charger
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import ExactPrice, exact_parts, price, terms_at
from rtbill.rating.zones import SECOND_US


class Found(NamedTuple):
    """The rates of a number, and the list that they are from."""

    table: RateTable
    exact: ExactPrice


class Offer:
    """One version of a plan, or a tariff without one, with the tables in force then."""

    __slots__ = ("__weakref__", "_charger", "all_tables", "carrier", "plan", "tables")

    def __init__(
        self,
        tables: Sequence[RateTable],
        plan: PricePlan | None = None,
        carrier: RateTable | None = None,
    ) -> None:
        self.tables = tuple(tables)
        self.plan = plan
        self.carrier = carrier
        self.all_tables = self.tables if plan else self.tables[:1]
        """In the order in which they are asked for a number."""
        if carrier is not None and plan is not None and plan.is_at_cost:
            self.all_tables = (carrier, *self.tables)
        self._charger: Charger | None = None

    @property
    def currency(self) -> str:
        """What it charges in."""
        return self.plan.currency if self.plan else self.tables[0].tariff.currency

    @property
    def terms(self) -> tuple[int, ...]:
        """What its prices depend on, by identity: offers that agree in it price all calls alike."""
        return (id(self.plan), *map(id, self.all_tables))

    def price(self, asked: Asked, talk_us: int) -> Price:
        """What an answered call of this talk time costs; NoRate when no table covers it."""
        if self.plan is None:
            found = price(self.tables[0], asked.number, asked.answered_at, talk_us)
            if self.carrier is None:
                return found
            return found._replace(cost_micros=self._carrier_cost(asked, talk_us))
        table, rates = self._find(asked.number)
        number, answered_at = asked.number, asked.answered_at
        rate, parts, billed_us = exact_parts(table, rates, number, answered_at, talk_us)
        net_micros, tax_micros = self._charge(asked, parts, table.per_micro, billed_us)
        return Price(
            net_micros + tax_micros,
            self.plan.currency,
            table.tariff.name,
            table.tariff.version,
            rate.prefix,
            rate.destination,
            divide_rounding_up(billed_us, SECOND_US),
            self.plan.name,
            self.plan.version,
            tax_micros,
            self._carrier_cost(asked, talk_us),
        )

    def affordable_s(self, asked: Asked, money_micros: int, cap_s: int = CALL_S_MAX) -> int:
        """The longest whole second whose price is within the money, `cap_s` at most, or the longest
        call of the rate; NoRate as for the price.
        """
        if self.plan is None:
            table = self.tables[0]
            return affordable_s(table, asked.number, asked.answered_at, money_micros, cap_s)
        longest_s = self.longest_s(asked, cap_s)
        return longest_paid_s(
            lambda talk_us: self._gross(asked, talk_us) <= money_micros, longest_s
        )

    def longest_s(self, asked: Asked, cap_s: int) -> int:
        """How long a call may last whatever the money: `cap_s`, or the longest call of the rate."""
        table = self.base(asked, 0).table
        longest_s = terms_at(table, asked.number, epoch_us(asked.answered_at)).call_max_s
        return cap_s if longest_s is None else min(cap_s, longest_s)

    def base(self, asked: Asked, talk_us: int) -> Found:
        """The first table with rates for the number, and what it says: the carrier's first where
        the plan begins there. NoRate names all that were asked.
        """
        table, rates = self._find(asked.number)
        found = exact_parts(table, rates, asked.number, asked.answered_at, talk_us)
        return Found(table, ExactPrice(*found))

    def _find(self, number: str) -> tuple[RateTable, Rate | BandTable]:
        if len(self.all_tables) == 1:
            return self.all_tables[0], self.all_tables[0].find(number)
        for table in self.all_tables:
            rates = table.get(number)
            if rates is not None:
                return table, rates
        names = " or ".join(table.tariff.name for table in self.all_tables)
        raise NoRate(f"no rate for {number} in {names}")

    def _gross(self, asked: Asked, talk_us: int) -> int:
        table, exact = self.base(asked, talk_us)
        return sum(self._charge(asked, exact.parts, table.per_micro, exact.billed_us))

    def _charge(self, asked: Asked, parts: int, per_micro: int, billed_us: int) -> tuple[int, int]:
        """Net and tax, in micro-units."""
        if self._charger is None:
            assert self.plan is not None
            self._charger = Charger(self.plan)
        return self._charger.charge(asked, parts, per_micro, billed_us)

    def _carrier_cost(self, asked: Asked, talk_us: int) -> int | None:
        """What the carrier takes; None when there is none, or its list does not say."""
        if self.carrier is None or not self.carrier.covers(asked.number):
            return None
        try:
            return price(self.carrier, asked.number, asked.answered_at, talk_us).micros
        except NoRate:
            return None  # its bands leave a gap: no reason to leave the call without a price
