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

SECONDS_MAX = 3
"""Bundles of seconds that one call may use in columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The bundles of each call that have room in columns; calls with others are priced one by one.
    A call does not see what those before it take.
    """

    shares: Sequence[Sequence[Share]]
    """Of each call, in order."""
    fits: Flags
    """Whether the columns say all of them."""
    has_seconds: Flags
    left_s: Ints
    """Of each call and bundle of seconds; 0 where there are fewer."""
    increment_s: Ints
    covers_fees: Flags
    """Whether the first of them does."""
    left_micros: Ints
    """Of all bundles of money."""

    @classmethod
    def of(cls, shares: Sequence[Sequence[Share]]) -> Holdings:
        """The shares of each call in columns; no share for most calls."""
        count = len(shares)
        found = cls(
            shares=shares,
            fits=np.ones(count, np.bool_),
            has_seconds=np.zeros(count, np.bool_),
            left_s=np.zeros((count, SECONDS_MAX), np.int64),
            increment_s=np.ones((count, SECONDS_MAX), np.int64),
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
            has_seconds=self.has_seconds[begin:end],
            left_s=self.left_s[begin:end],
            increment_s=self.increment_s[begin:end],
            covers_fees=self.covers_fees[begin:end],
            left_micros=self.left_micros[begin:end],
        )

    def seconds(self, rows: Ints, talk_us: Ints) -> Ints:
        """What calls of so much talk take of their seconds."""
        talk_us = np.maximum(talk_us, 1)  # the first increment is due also at the answer
        taken_s = np.zeros(len(rows), np.int64)
        for place in range(SECONDS_MAX):
            increment_s, left_s = self.increment_s[rows, place], self.left_s[rows, place]
            needed = -(-(talk_us - taken_s * SECOND_US) // (increment_s * SECOND_US))
            taken_s += np.clip(needed, 0, left_s // increment_s) * increment_s
        return taken_s

    def _take(self, row: int, shares: Sequence[Share]) -> bool:
        money = sum(share.left for share in shares if share.bundle.unit is Unit.MONEY)
        self.left_micros[row] = min(money, SAFE)
        seconds = [
            share
            for share in shares
            if share.bundle.unit is Unit.SECONDS and share.left >= share.bundle.increment_s
        ]
        if len(seconds) > SECONDS_MAX or any(share.table for share in seconds):
            return False
        for place, share in enumerate(seconds):
            if share.left > BILLED_MAX_S:
                return False
            self.left_s[row, place] = share.left
            self.increment_s[row, place] = share.bundle.increment_s
        if seconds:
            self.has_seconds[row] = True
            self.covers_fees[row] = seconds[0].bundle.covers_fees
        return True
