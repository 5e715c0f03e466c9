"""An offer over many calls at once."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rtbill.domain.bundle import Unit
from rtbill.domain.call import from_epoch_us
from rtbill.domain.errors import NoRate
from rtbill.domain.rated import Price
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.batch.charges import Charged, PlanCharges, rounded
from rtbill.rating.batch.columns import NO_BAND, UNKNOWN, Calls, Flags, Ints, Prices
from rtbill.rating.batch.holdings import Holdings
from rtbill.rating.batch.lists import RateColumns
from rtbill.rating.batch.prefixes import Digits, leading_digits
from rtbill.rating.bundles import price_with
from rtbill.rating.chain import Asked
from rtbill.rating.charging import Charger
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.zones import SECOND_US

_AT_ONCE = 1 << 16
"""So many calls that the columns of one stay in the processor's cache."""
_NOTHING = Price(0, "", "", 0, "", "", 0)


class Rows(NamedTuple):
    """Calls that one list prices."""

    list: RateColumns
    combinations: Ints | None
    """Of all calls."""
    rows: Ints
    prefixes: Ints
    """Of these."""


class BatchOffer:
    """An offer whose lists are made ready for many calls at once; a second or so of work for a
    hundred thousand prefixes.
    """

    def __init__(self, offer: Offer, ready: dict[int, RateColumns] | None = None) -> None:
        """`ready` holds the lists that other offers have made ready, by the table's identity."""
        assert not isinstance(offer, AdjustedOffer), "its prices are those of one call"
        ready = {} if ready is None else ready
        self.offer = offer
        self.lists = tuple(_columns(table, ready) for table in offer.all_tables)
        """In the order in which they are asked."""
        self._carrier = None if offer.carrier is None else _columns(offer.carrier, ready)
        self._plan = None if offer.plan is None else PlanCharges(Charger(offer.plan))
        lists = [*self.lists, *([self._carrier] if self._carrier else [])]
        needed = [each.prefixes.digits_max for each in lists]
        self._digits_max = max([*needed, self._plan.digits_max if self._plan else 0])

    def price(self, calls: Calls, holdings: Holdings | None = None) -> Prices:
        """What each of the calls costs, as `Offer.price` says, or `price_with` where its account
        holds bundles.
        """
        assert (calls.talk_us >= 0).all(), "talk time is never negative"
        count = len(calls)
        if count <= _AT_ONCE:
            return self._price(calls, holdings)
        parts: list[Prices] = []
        for begin in range(0, count, _AT_ONCE):
            end = min(count, begin + _AT_ONCE)
            held = None if holdings is None else holdings.part(begin, end)
            parts.append(self._price(calls.part(begin, end), held))
        return Prices.joined(parts)

    def price_of(self, prices: Prices, place: int) -> Price | None:
        """One of the prices as the scalar engine gives it; None when the call has no rate."""
        rate_place = int(prices.rates[place])
        if rate_place < 0:
            return None
        found = self.lists[int(prices.tables[place])]
        rate, tariff, plan = found.rates[rate_place], found.table.tariff, self.offer.plan
        cost = int(prices.cost_micros[place])
        return Price(
            int(prices.micros[place]),
            self.offer.currency,
            tariff.name,
            tariff.version,
            rate.prefix,
            rate.destination,
            int(prices.billed_s[place]),
            plan.name if plan else "",
            plan.version if plan else None,
            int(prices.tax_micros[place]),
            None if cost == UNKNOWN else cost,
        )

    def _price(self, calls: Calls, holdings: Holdings | None) -> Prices:
        digits = leading_digits(calls.numbers, self._digits_max)
        combinations = self._plan.combinations(digits, calls) if self._plan else None
        found = Prices.none_yet(len(calls))
        fits = np.ones(len(calls), np.bool_)
        open_ = np.ones(len(calls), np.bool_)
        for number, each in enumerate(self.lists):
            prefixes = each.prefixes.find(digits)
            rows = np.flatnonzero(open_ & (prefixes >= 0))
            if not len(rows):
                continue
            open_[rows] = False
            by_list = each.find(prefixes[rows], calls.answered_us[rows], calls.talk_us[rows])
            charged = self._charged(each, combinations, rows, by_list.parts, by_list.billed_s)
            is_rated = by_list.rates != NO_BAND
            found.tables[rows] = number
            found.rates[rows] = by_list.rates
            found.micros[rows] = (charged.net + charged.tax) * is_rated
            found.tax_micros[rows] = charged.tax * is_rated
            found.billed_s[rows] = by_list.billed_s * is_rated
            fits[rows] = by_list.fits & (charged.fits | ~is_rated)
            if holdings is not None:
                asked = Rows(each, combinations, rows, prefixes[rows])
                fits[rows] &= self._beyond_seconds(asked, calls, holdings, found)
        self._add_costs(digits, calls, found, fits)
        if holdings is not None:
            found.paid_micros[:] = np.minimum(found.micros, holdings.left_micros)
            fits &= holdings.fits
        return self._one_by_one(calls, holdings, found, np.flatnonzero(~fits))

    def _beyond_seconds(
        self, asked: Rows, calls: Calls, holdings: Holdings, found: Prices
    ) -> Flags:
        """Where bundles pay in seconds, what is left to pay in money; and whether it is right."""
        fits = np.ones(len(asked.rows), np.bool_)
        takes = holdings.has_seconds[asked.rows] & (found.micros[asked.rows] > 0)
        places = np.flatnonzero(takes)
        rows = asked.rows[places]
        taken_s = holdings.seconds(rows, calls.talk_us[rows])
        ends_us = taken_s * SECOND_US
        left_us = calls.talk_us[rows] - ends_us
        goes_on = left_us > 0
        rest = asked.list.find_without_connect_fee(
            asked.prefixes[places], calls.answered_us[rows] + ends_us, np.maximum(left_us, 0)
        )
        fees = asked.list.connect_fees(found.rates[rows])
        parts = rest.parts * goes_on + fees * ~holdings.covers_fees[rows]
        billed_s = rest.billed_s * goes_on
        charged = self._charged(asked.list, asked.combinations, rows, parts, billed_s)
        # Never more than without bundles; the tax never falls with the net amount.
        found.micros[rows] = np.minimum(found.micros[rows], charged.net + charged.tax)
        found.tax_micros[rows] = np.minimum(found.tax_micros[rows], charged.tax)
        found.billed_s[rows] = billed_s
        found.taken_s[rows] = taken_s
        fits[places] = charged.fits & ((rest.fits & (rest.rates != NO_BAND)) | ~goes_on)
        return fits

    def _charged(
        self, found: RateColumns, combinations: Ints | None, rows: Ints, parts: Ints, billed_s: Ints
    ) -> Charged:
        if self._plan is None or combinations is None:
            return rounded(parts, found.per_micro, found.table.tariff.rounding)
        return self._plan.charge(combinations[rows], parts, billed_s, found.per_micro)

    def _add_costs(self, digits: Digits, calls: Calls, found: Prices, fits: Flags) -> None:
        """What the carrier takes for the calls that have a rate."""
        if self._carrier is None:
            return
        prefixes = self._carrier.prefixes.find(digits)
        rows = np.flatnonzero((prefixes >= 0) & (found.rates >= 0))
        bought = self._carrier.find(prefixes[rows], calls.answered_us[rows], calls.talk_us[rows])
        rounding = self._carrier.table.tariff.rounding
        charged = rounded(bought.parts, self._carrier.per_micro, rounding)
        found.cost_micros[rows] = charged.net
        fits[rows] &= bought.fits & charged.fits & (bought.rates != NO_BAND)

    def _one_by_one(
        self, calls: Calls, holdings: Holdings | None, found: Prices, rows: Ints
    ) -> Prices:
        """The rest, by the scalar engine."""
        for row in rows.tolist():
            asked = Asked(
                calls.numbers[row],
                from_epoch_us(int(calls.answered_us[row])),
                calls.accounts[row] if calls.accounts else "",
                calls.pbxs[row] if calls.pbxs else "",
            )
            shares = holdings.shares[row] if holdings else ()
            try:
                price, draws = price_with(self.offer, asked, int(calls.talk_us[row]), shares)
            except NoRate:
                found.rates[row] = NO_BAND
                price, draws = _NOTHING, ()
            found.micros[row] = price.micros
            found.tax_micros[row] = price.tax_micros
            found.billed_s[row] = price.billed_s
            found.cost_micros[row] = UNKNOWN if price.cost_micros is None else price.cost_micros
            found.taken_s[row] = sum(each.amount for each in draws if each.unit is Unit.SECONDS)
            found.paid_micros[row] = sum(each.amount for each in draws if each.unit is Unit.MONEY)
        return replace(found, one_by_one=len(rows))


def _columns(table: RateTable, ready: dict[int, RateColumns]) -> RateColumns:
    found = ready.get(id(table))
    if found is None:
        found = ready[id(table)] = RateColumns(table)
    return found
