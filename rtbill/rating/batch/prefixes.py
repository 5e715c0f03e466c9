"""The longest prefix of many numbers at once.

Prefixes cut the line of all numbers of 15 digits into stretches, each with the longest prefix that
covers it; a number is looked up as the first of those that it begins. A number that is shorter than
the prefix found belongs to the nearest shorter prefix around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rtbill.rating.batch.columns import NO_PREFIX, Flags, Ints

DIGITS_MAX = 15
"""Of an E.164 number, and so of a prefix."""


class Digits(NamedTuple):
    """The leading digits of many numbers."""

    values: Ints
    """Of 15 digits, those missing or never asked for being 0."""
    lengths: Ints
    """How many there were; -1 for what has no plus."""
    order: Ints
    """Which numbers to take for the values to rise: their prefixes then lie side by side."""
    rising: Ints
    """The values in this order."""


def leading_digits(numbers: Sequence[str], digits_max: int) -> Digits:
    """The first digits of each number, no more of them than any prefix has."""
    width = digits_max + 1
    letters = np.array(numbers, dtype=f"U{width}").view(np.uint32).reshape(len(numbers), width)
    plus, *columns = letters.T
    is_digit: Flags = plus == ord("+")
    lengths = np.where(is_digit, 0, -1)
    values = np.zeros(len(numbers), np.int64)
    for column in columns:
        digit = column - np.uint32(ord("0"))  # what comes before 0 becomes very large
        is_digit &= digit < 10
        lengths += is_digit
        values *= 10
        values += np.where(is_digit, digit, 0)
    values *= 10 ** (DIGITS_MAX - digits_max)
    order = np.argsort(values)
    return Digits(values, lengths, order, values[order])


class PrefixIndex:
    """Prefixes by their place in the order in which they were given."""

    __slots__ = ("_lengths", "_owners", "_parents", "_starts", "digits_max")

    def __init__(self, prefixes: Iterable[str]) -> None:
        spans = sorted(
            (int(prefix or "0") * 10 ** (DIGITS_MAX - len(prefix)), len(prefix), place)
            for place, prefix in enumerate(prefixes)
        )
        self.digits_max = max((length for _, length, _ in spans), default=0)
        assert self.digits_max <= DIGITS_MAX, "no E.164 number is longer"
        # The last of both stands for no prefix: that is where -1 leads.
        self._lengths = np.full(len(spans) + 1, -2, np.int64)
        self._parents = np.full(len(spans) + 1, NO_PREFIX, np.int64)
        starts, owners, around = [0], [NO_PREFIX], [(10**DIGITS_MAX, NO_PREFIX)]
        for start, length, place in spans:
            _leave(around, start, starts, owners)
            self._parents[place] = around[-1][1]
            self._lengths[place] = length
            _mark(starts, owners, start, place)
            around.append((start + 10 ** (DIGITS_MAX - length), place))
        _leave(around, 10**DIGITS_MAX - 1, starts, owners)
        self._starts = np.array(starts, np.int64)
        self._owners = np.array(owners, np.int64)

    def find(self, digits: Digits) -> Ints:
        """The place of the longest prefix of each number, or NO_PREFIX."""
        found = np.empty(len(digits.values), np.int64)
        rising = np.searchsorted(self._starts, digits.rising, side="right") - 1
        found[digits.order] = self._owners[rising]
        while (too_long := self._lengths[found] > digits.lengths).any():
            found = np.where(too_long, self._parents[found], found)
        return found


def _leave(around: list[tuple[int, int]], at: int, starts: list[int], owners: list[int]) -> None:
    """Close the prefixes that end here or before: what follows belongs to the one around them."""
    while around[-1][0] <= at:
        end, _ = around.pop()
        _mark(starts, owners, end, around[-1][1])


def _mark(starts: list[int], owners: list[int], start: int, owner: int) -> None:
    if starts[-1] == start:
        owners[-1] = owner
    else:
        starts.append(start)
        owners.append(owner)
