"""What the accounts of many calls hold of bundles, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtbill.domain.bundle import Unit
from rtbill.rating.batch.columns import Flags, Ints
from rtbill.rating.batch.ladders import BILLED_MAX_S, SAFE
from rtbill.rating.bundles import Share
from rtbill.rating.zones import SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """At most one bundle of seconds and one of money for each call, as far as they go into columns:
    the others are priced one by one. A call does not see what those before it take.
    """

    shares: Sequence[Sequence[Share]]
    """Of each call, in order."""
    fits: Flags
    """Whether the columns say all of them."""
    left_s: Ints
    increment_s: Ints
    covers_fees: Flags
    left_micros: Ints

    @classmethod
    def of(cls, shares: Sequence[Sequence[Share]]) -> Holdings:
        """The shares of each call in columns; no share for most calls."""
        count = len(shares)
        found = cls(
            shares=shares,
            fits=np.ones(count, np.bool_),
            left_s=np.zeros(count, np.int64),
            increment_s=np.ones(count, np.int64),
            covers_fees=np.ones(count, np.bool_),
            left_micros=np.zeros(count, np.int64),
        )
        for row, each in enumerate(shares):
            if each:
                found.fits[row] = found._take(row, each)
        return found

    def part(self, begin: int, end: int) -> Holdings:
        """Those of the calls from one place up to another."""
        return Holdings(
            shares=self.shares[begin:end],
            fits=self.fits[begin:end],
            left_s=self.left_s[begin:end],
            increment_s=self.increment_s[begin:end],
            covers_fees=self.covers_fees[begin:end],
            left_micros=self.left_micros[begin:end],
        )

    def seconds(self, rows: Ints, talk_us: Ints) -> Ints:
        """What calls of so much talk take of their seconds."""
        increment_s = self.increment_s[rows]
        needed = -(-np.maximum(talk_us, 1) // (increment_s * SECOND_US))
        taken_s: Ints = np.minimum(needed, self.left_s[rows] // increment_s) * increment_s
        return taken_s

    def _take(self, row: int, shares: Sequence[Share]) -> bool:
        seconds = [share for share in shares if share.bundle.unit is Unit.SECONDS]
        money = [share for share in shares if share.bundle.unit is Unit.MONEY]
        if len(seconds) > 1 or len(money) > 1 or any(share.table for share in seconds):
            return False
        for share in seconds:
            bundle = share.bundle
            if max(share.left, bundle.increment_s) > BILLED_MAX_S:
                return False
            self.left_s[row], self.increment_s[row] = share.left, bundle.increment_s
            self.covers_fees[row] = bundle.covers_fees
        for share in money:
            self.left_micros[row] = min(share.left, SAFE)
        return True
