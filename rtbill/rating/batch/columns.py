"""Calls and their prices as columns: one place in each of them for a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

NO_PREFIX = -1
"""In place of a rate: no list has a prefix of the number."""
NO_BAND = -2
"""In place of a rate: the bands of the number leave this time without one."""
UNKNOWN = -1
"""In place of a carrier's price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Answered calls to be priced."""

    numbers: Sequence[str]
    """E.164 with plus."""
    answered_us: Ints
    """Since 1970."""
    talk_us: Ints
    accounts: Sequence[str] = ()
    """Empty: nobody's, which matters to discounts only."""
    pbxs: Sequence[str] = ()
    """Empty: of no exchange, likewise."""

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, begin: int, end: int) -> Calls:
        """Those from one place up to another."""
        return Calls(
            numbers=self.numbers[begin:end],
            answered_us=self.answered_us[begin:end],
            talk_us=self.talk_us[begin:end],
            accounts=self.accounts[begin:end],
            pbxs=self.pbxs[begin:end],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the calls cost. Where there is no rate, every amount is 0."""

    micros: Ints
    tax_micros: Ints
    """Of `micros`."""
    cost_micros: Ints
    """What the carrier takes; UNKNOWN when nobody knows."""
    billed_s: Ints
    tables: Ints
    """Which of the lists the rate is from; meaningless without a rate."""
    rates: Ints
    """Which of the list's rates holds at the answer, NO_PREFIX or NO_BAND."""
    taken_s: Ints
    """What bundles give of talk; where several do, all together."""
    paid_micros: Ints
    """What bundles of money pay of `micros`, likewise."""
    one_by_one: int
    """How many calls were priced by the scalar engine."""

    @classmethod
    def none_yet(cls, calls: int) -> Prices:
        """Room for so many."""
        return cls(
            micros=np.zeros(calls, np.int64),
            tax_micros=np.zeros(calls, np.int64),
            cost_micros=np.full(calls, UNKNOWN, np.int64),
            billed_s=np.zeros(calls, np.int64),
            tables=np.zeros(calls, np.int64),
            rates=np.full(calls, NO_PREFIX, np.int64),
            taken_s=np.zeros(calls, np.int64),
            paid_micros=np.zeros(calls, np.int64),
            one_by_one=0,
        )

    @classmethod
    def joined(cls, parts: Sequence[Prices]) -> Prices:
        """One after the other."""
        return cls(
            micros=np.concatenate([each.micros for each in parts]),
            tax_micros=np.concatenate([each.tax_micros for each in parts]),
            cost_micros=np.concatenate([each.cost_micros for each in parts]),
            billed_s=np.concatenate([each.billed_s for each in parts]),
            tables=np.concatenate([each.tables for each in parts]),
            rates=np.concatenate([each.rates for each in parts]),
            taken_s=np.concatenate([each.taken_s for each in parts]),
            paid_micros=np.concatenate([each.paid_micros for each in parts]),
            one_by_one=sum(each.one_by_one for each in parts),
        )


def climbed(places: Ints, ends: Ints, reached: Ints) -> Ints:
    """Each place moved on to the first whose end is beyond what is reached. The ends of a run are
    in order, and the last is beyond all.
    """
    while (higher := ends[places] <= reached).any():
        places = places + higher
    return places
