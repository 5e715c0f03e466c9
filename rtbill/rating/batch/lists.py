"""One version of a tariff as columns."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rtbill.domain.tariff import Rate, Terms
from rtbill.rating.bands import BandPattern
from rtbill.rating.batch.band_times import BandTimes
from rtbill.rating.batch.columns import NO_BAND, Flags, Ints
from rtbill.rating.batch.ladders import Ladders
from rtbill.rating.batch.prefixes import PrefixIndex
from rtbill.rating.lookup import RateTable
from rtbill.rating.zones import SECOND_US


class Found(NamedTuple):
    """What a list says of calls whose prefixes it has."""

    rates: Ints
    """The one that holds at the answer, or NO_BAND."""
    parts: Ints
    """Of a micro-unit, as many as `RateColumns.per_micro` says."""
    billed_s: Ints
    fits: Flags
    """Whether the two before are right: otherwise the call is to be priced by itself."""


class RateColumns:
    """A rate table made ready for many calls at once."""

    __slots__ = (
        "_band_times",
        "_first_rate",
        "_goes_on",
        "_ladders",
        "_of_place",
        "_pattern",
        "_terms",
        "per_micro",
        "prefixes",
        "rates",
        "table",
    )

    def __init__(self, table: RateTable) -> None:
        self.table = table
        self.per_micro = table.per_micro // (SECOND_US if table.splits else 1)
        """Increments that are not split last whole seconds, whose costs need no millionths."""
        self.prefixes = PrefixIndex(table.by_prefix)
        self.rates: list[Rate] = []
        """Those of a prefix side by side."""
        first_rate, pattern = [], []
        patterns: dict[BandPattern, int] = {}
        for found in table.by_prefix.values():
            first_rate.append(len(self.rates))
            if isinstance(found, Rate):
                self.rates.append(found)
                pattern.append(-1)
            else:
                self.rates += found.rates
                pattern.append(patterns.setdefault(found.pattern, len(patterns)))
        terms: dict[int, int] = {}
        of_place: list[Terms] = []
        of_rate = np.empty(len(self.rates), np.int64)
        for place, rate in enumerate(self.rates):
            key = id(rate.terms)
            if key not in terms:
                terms[key] = len(of_place)
                of_place.append(rate.terms)
            of_rate[place] = terms[key]
        self._terms = of_rate
        self._first_rate = np.array(first_rate, np.int64)
        self._pattern = np.array(pattern, np.int64)
        self._band_times = BandTimes(list(patterns), table.tariff.zone)
        self._of_place = of_place
        self._ladders = Ladders(of_place, table.tariff.rounding, self.per_micro)
        self._goes_on: Ladders | None = None

    def find(self, prefixes: Ints, answered_us: Ints, talk_us: Ints) -> Found:
        """What the calls cost whose prefixes have these places."""
        return self._find(self._ladders, prefixes, answered_us, talk_us)

    def find_without_connect_fee(self, prefixes: Ints, answered_us: Ints, talk_us: Ints) -> Found:
        """The same of talk that goes on from then, after something else has paid."""
        if self._goes_on is None:
            terms = [replace(each, connect_fee_micros=0) for each in self._of_place]
            self._goes_on = Ladders(terms, self.table.tariff.rounding, self.per_micro)
        return self._find(self._goes_on, prefixes, answered_us, talk_us)

    def connect_fees(self, rates: Ints) -> Ints:
        """In parts of a micro-unit."""
        return self._ladders.connect_fees(self._terms[rates])

    def _find(self, ladders: Ladders, prefixes: Ints, answered_us: Ints, talk_us: Ints) -> Found:
        rates = self._first_rate[prefixes]
        patterns = self._pattern[prefixes]
        banded = np.flatnonzero(patterns >= 0)
        held, until_us = self._band_times.held(patterns[banded], answered_us[banded])
        rates[banded] = np.where(held == NO_BAND, NO_BAND, rates[banded] + held)
        terms = self._terms[np.maximum(rates, 0)]  # where there is no rate, some other's
        parts, billed_s = ladders.cost(terms, talk_us)
        fits = ladders.fit(terms, talk_us)
        if self.table.splits:
            after_us = ladders.ends_us(terms[banded], billed_s[banded])
        else:
            after_us = ladders.reach_us(terms[banded], talk_us[banded])
        fits[banded] &= answered_us[banded] + after_us <= until_us
        fits |= rates == NO_BAND
        return Found(rates, parts, billed_s, fits)
