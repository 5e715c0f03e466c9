"""Words of a provider, before people or logs see them."""

from __future__ import annotations

import re

TEXT_MAX = 300
CARD_DIGITS_MIN, CARD_DIGITS_MAX = 12, 19
_SECRET = re.compile(r"\b(?:sk|rk|pk|whsec|ek)_[A-Za-z0-9_]+|\b[a-z]+_[A-Za-z0-9]+_secret_\w+")
_NUMBERS = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
"""Digits, also in groups."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


def shown(text: object) -> str:
    """The text in one short line, without keys and card numbers; our own references stay."""
    if not isinstance(text, str):
        return ""
    line = _CONTROL.sub(" ", text[: 4 * TEXT_MAX])
    line = _SECRET.sub("(secret)", line)
    return _NUMBERS.sub(_without_cards, line)[:TEXT_MAX].strip()


def _without_cards(found: re.Match[str]) -> str:
    """The digits, with `(number)` for every group, or groups in a row, that may be a card's."""
    groups = re.findall(r"[0-9]+|[ -]", found.group())
    hidden: set[int] = set()
    for start in range(0, len(groups), 2):
        number = ""
        for end in range(start, len(groups), 2):
            number += groups[end]
            if len(number) > CARD_DIGITS_MAX:
                break
            if len(number) >= CARD_DIGITS_MIN and _has_check_digit(number):
                hidden.update(range(start, end + 1))
    return "".join(
        "(number)" * (place - 1 not in hidden) if place in hidden else group
        for place, group in enumerate(groups)
    )


def _has_check_digit(number: str) -> bool:
    """Its last digit is right for a card (Luhn)."""
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
