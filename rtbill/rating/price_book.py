"""Every version of every tariff and price plan: what is offered to whom, when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Tariff
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable, TariffBook
from rtbill.rating.offer import Offer
from rtbill.rating.price import terms_at

_OFFERS_KEPT = 1024


class PriceBook(TariffBook):
    """Tariffs, and the plans over them. An account names either."""

    def __init__(
        self,
        tariffs: Iterable[Tariff],
        calendars: Calendars = NO_CALENDARS,
        plans: Iterable[PricePlan] = (),
    ) -> None:
        """BadRecord when a tariff's zone is unknown."""
        super().__init__(tariffs, calendars)
        self._plans: dict[str, list[PricePlan]] = {}
        for plan in sorted(plans, key=lambda plan: (plan.valid_from, plan.version)):
            self._plans.setdefault(plan.name, []).append(plan)
        self._plan_starts = {
            name: [epoch_us(version.valid_from) for version in versions]
            for name, versions in self._plans.items()
        }
        self._offers: dict[tuple[int, ...], Offer] = {}
        """By the identities of what they are made of, which live as long as the book."""

    def with_plans(self, plans: Iterable[PricePlan]) -> PriceBook:
        """The same tariffs, ready as they are, under these plans."""
        other = PriceBook((), self._calendars, plans)
        other._versions, other._starts, other._tables = self._versions, self._starts, self._tables
        return other

    def with_versions(self, added: Iterable[Tariff]) -> PriceBook:
        """A book that holds these tariffs as well, and the same plans."""
        plans = [version for versions in self._plans.values() for version in versions]
        return PriceBook([*self._all(), *added], self._calendars, plans)

    @property
    def plan_names(self) -> tuple[str, ...]:
        """Every plan, by name."""
        return tuple(sorted(self._plans))

    def plan_versions(self, name: str) -> tuple[PricePlan, ...]:
        """Every version of one plan in the order of taking effect; empty when unknown."""
        return tuple(self._plans.get(name, ()))

    def knows(self, name: str) -> bool:
        """Whether there is a plan or a tariff of this name."""
        return name in self._plans or name in self

    def offer(self, name: str, at: datetime, carrier: str = "") -> Offer:
        """The plan or tariff of this name as it is in force then, and the carrier's list; NoRate
        when it is not, or is in another currency than what it is made of.
        """
        plan = self._plan_in_force(name, at)
        tables = self._of_plan(plan, at) if plan else [self._of_tariff(name, at)]
        bought = self._carrier(carrier, tables[0].tariff.currency, at)
        key = (id(plan), id(bought), *map(id, tables))
        offer = self._offers.get(key)
        if offer is None:
            if len(self._offers) >= _OFFERS_KEPT:
                self._offers.clear()
            offer = self._offers[key] = Offer(tables, plan, bought)
        return offer

    def _plan_in_force(self, name: str, at: datetime) -> PricePlan | None:
        versions = self._plans.get(name)
        if versions is None:
            return None
        index = bisect_right(self._plan_starts[name], epoch_us(at)) - 1
        if index < 0:
            raise NoRate(f"price plan {name!r} is not yet in force at {at.isoformat()}")
        return versions[index]

    def _of_tariff(self, name: str, at: datetime) -> RateTable:
        if name not in self:
            raise NoRate(f"there is no tariff or price plan {name!r}")
        return self.in_force(name, at)

    def _of_plan(self, plan: PricePlan, at: datetime) -> list[RateTable]:
        """The plan's tariffs that are in force, in order; one to come is not asked before."""
        at_us = epoch_us(at)
        begun = [
            name
            for name in plan.tariffs
            if name not in self or bisect_right(self._starts[name], at_us)
        ]
        if not begun:
            names = " or ".join(plan.tariffs)
            raise NoRate(f"price plan {plan.name}: no {names} is in force at {at.isoformat()}")
        tables = [self.in_force(name, at) for name in begun]
        for table in tables:
            if table.tariff.currency != plan.currency:
                raise NoRate(
                    f"price plan {plan.name} is in {plan.currency}, its tariff "
                    f"{table.tariff.name} in {table.tariff.currency}"
                )
        return tables

    def _carrier(self, name: str, currency: str, at: datetime) -> RateTable | None:
        """The carrier's list, when it is in force and in the same currency; costs are not worth a
        call that nobody bills.
        """
        if not name:
            return None
        try:
            table = self.in_force(name, at)
        except NoRate:
            return None
        return table if table.tariff.currency == currency else None

    def why_no_cost(self, name: str, asked: Asked, currency: str) -> str:
        """Why nobody knows what the carrier of this list takes for a call priced in the currency;
        empty when that is known.
        """
        try:
            table = self.in_force(name, asked.answered_at)
            if table.tariff.currency != currency:
                return f"tariff {name!r} is in {table.tariff.currency}, the price in {currency}"
            terms_at(table, asked.number, epoch_us(asked.answered_at))
        except NoRate as missing:
            return str(missing)
        return ""
