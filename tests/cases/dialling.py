"""Destinations of foreign tariffs as digits: a rate of ours has 1 to 15 of them and nothing else.

`+49` and `49` are two prefixes to CGRateS and stand in one list, so a plus is dialled as 00.
Letters are dialled on the keypad: TEST is 8378. What is a prefix of what stays so.
"""

from __future__ import annotations

from collections.abc import Collection

from tests.cases.unsupported import Unsupported

ANY_NUMBER = "44"
"""Called where a case names no number."""
EVERYWHERE = "*"
"""CGRateS's prefix of every destination."""
_KEYS = {"abc": "2", "def": "3", "ghi": "4", "jkl": "5", "mno": "6", "pqrs": "7", "tuv": "8"}
_KEYPAD = str.maketrans(
    {letter: key for letters, key in (*_KEYS.items(), ("wxyz", "9")) for letter in letters}
    | {"+": "00", "*": ""}
)


def dialled(destination: str) -> str:
    """The digits of a destination."""
    digits = destination.lower().translate(_KEYPAD)
    if not (digits.isascii() and digits.isdecimal()):
        raise Unsupported(f"destination {destination!r} has no digits")
    return digits


def prefixes(destination: str, others: Collection[str]) -> list[str]:
    """The prefixes that a tariff's line is for: one, or every first digit that is no prefix of its
    own among the others.
    """
    if destination == EVERYWHERE:
        own = {dialled(other) for other in others if other != EVERYWHERE}
        return [digit for digit in "0123456789" if digit not in own]
    return [dialled(destination)]
