"""How the calls of an account are priced: its tariff as it is, or a plan over several; and what the
trunk's carrier takes for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.money import divide_rounding, divide_rounding_up
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import Price
from rtbill.domain.tariff import Rate
from rtbill.rating.affordable import CALL_S_MAX, affordable_s, longest_paid_s
from rtbill.rating.bands import BandTable
from rtbill.rating.chain import Asked, Sum, rounding_only
from rtbill.rating.charging import Charger
from rtbill.rating.increments import no_rate_at
from rtbill.rating.longest import LONGEST_S, Ceiling, below_ceiling_s, longest_s
from rtbill.rating.lookup import RateTable, stretch
from rtbill.rating.price import ExactPrice, TalkPrice, exact_parts, price
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
    def links(self) -> PricePlan:
        """The plan, or one whose only link is the rounding of the tariff."""
        return self.plan or rounding_only(self.tables[0].tariff)

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
        number, answered_at, _, _ = asked
        table, rates = self.find(number)
        rate, parts, billed_us = exact_parts(table, rates, number, answered_at, talk_us)
        charger = self._charger or self._ready_charger()
        net_micros, tax_micros = charger.charge(asked, parts, table.per_micro, billed_us)
        tariff = table.tariff
        return Price(
            net_micros + tax_micros,
            self.plan.currency,
            tariff.name,
            tariff.version,
            rate.prefix,
            rate.destination,
            divide_rounding_up(billed_us, SECOND_US),
            self.plan.name,
            self.plan.version,
            tax_micros,
            None if self.carrier is None else self._carrier_cost(asked, talk_us),
        )

    def cost_of(self, asked: Asked) -> Callable[[int], int]:
        """The amount of that price alone, by microseconds of talk: for a call that is asked about
        many lengths of it. NoRate as for the price, now or then.
        """
        if self.plan is None:
            return TalkPrice(self.tables[0], asked.number, asked.answered_at).micros
        return partial(self._gross, asked)

    def affordable_s(self, asked: Asked, money_micros: int, cap_s: int = CALL_S_MAX) -> int:
        """The longest whole second whose price is within the money, `cap_s` at most, or where the
        rate ends the call; NoRate as for the price.
        """
        if self.plan is None:
            table = self.tables[0]
            return affordable_s(table, asked.number, asked.answered_at, money_micros, cap_s)
        ends_s = self.longest_s(asked)
        if ends_s is not None:
            cap_s = min(cap_s, ends_s)
        return longest_paid_s(lambda talk_us: self._gross(asked, talk_us) <= money_micros, cap_s)

    def longest_s(self, asked: Asked) -> int | None:
        """Seconds after which the rate of the answer ends the call, whatever the money; None when
        it never does. NoRate as for the price, where it might.
        """
        table, _ = self.find(asked.number)
        if not table.ends_calls:
            return None
        return longest_s(table, asked.number, asked.answered_at)

    def below_ceiling_s(self, asked: Asked, micros: int, cap_s: int = LONGEST_S) -> int:
        """Seconds, `cap_s` at most, before talk becomes dearer than so much a minute, as the
        account pays it: with markup, discounts and tax. NoRate as for the price.
        """
        table, _ = self.find(asked.number)
        ceiling = self._ceiling(asked, micros, table.per_micro)
        return below_ceiling_s(table, asked.number, asked.answered_at, ceiling, cap_s)

    def charge(self, asked: Asked, amount: Sum, billed_us: int) -> tuple[int, int]:
        """What is charged where the tariff's amount is this: net and tax, in micro-units."""
        if self.plan is not None:
            return self._charge(asked, amount.parts, amount.per_micro, billed_us)
        table = self.tables[0]
        per_step = amount.per_micro * table.rounding_step
        mode = table.tariff.rounding.mode
        return divide_rounding(amount.parts, per_step, mode) * table.rounding_step, 0

    def base(self, asked: Asked, talk_us: int) -> Found:
        """The first table with rates for the number, and what it says: the carrier's first where
        the plan begins there. NoRate names all that were asked.
        """
        table, rates = self.find(asked.number)
        found = exact_parts(table, rates, asked.number, asked.answered_at, talk_us)
        return Found(table, ExactPrice(*found))

    def check(self, asked: Asked) -> None:
        """NoRate when the call has no rate at its answer; names all that were asked."""
        table, rates = self.find(asked.number)
        if stretch(rates, epoch_us(asked.answered_at)).rate is None:
            raise NoRate(no_rate_at(table, asked.number))

    def find(self, number: str) -> tuple[RateTable, Rate | BandTable]:
        """The first table with rates for the number, and them; NoRate names all that were asked."""
        if len(self.all_tables) == 1:
            return self.all_tables[0], self.all_tables[0].find(number)
        for table in self.all_tables:
            rates = table.get(number)
            if rates is not None:
                return table, rates
        names = " or ".join(table.tariff.name for table in self.all_tables)
        raise NoRate(f"no rate for {number} in {names}")

    def _ceiling(self, asked: Asked, micros: int, per_micro: int) -> Ceiling:
        """So much a minute, for prices of a list with these parts."""
        if self.plan is None:
            return Ceiling(micros)
        weights = self._ready_charger().weights_for(asked, per_micro)
        tax_ppm = self.plan.tax.percent_ppm if self.plan.tax else 0
        return Ceiling.under(micros, weights, per_micro, tax_ppm)

    def _gross(self, asked: Asked, talk_us: int) -> int:
        table, exact = self.base(asked, talk_us)
        return sum(self._charge(asked, exact.parts, table.per_micro, exact.billed_us))

    def _charge(self, asked: Asked, parts: int, per_micro: int, billed_us: int) -> tuple[int, int]:
        """Net and tax, in micro-units."""
        charger = self._charger or self._ready_charger()
        return charger.charge(asked, parts, per_micro, billed_us)

    def _ready_charger(self) -> Charger:
        if self._charger is None:
            assert self.plan is not None
            self._charger = Charger(self.plan)
        return self._charger

    def _carrier_cost(self, asked: Asked, talk_us: int) -> int | None:
        """What the carrier takes; None when there is none, or its list does not say."""
        if self.carrier is None or not self.carrier.covers(asked.number):
            return None
        try:
            return price(self.carrier, asked.number, asked.answered_at, talk_us).micros
        except NoRate:
            return None  # its bands leave a gap: no reason to leave the call without a price
