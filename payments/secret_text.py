"""Words of a provider, before people or logs see them."""

from __future__ import annotations

import re

TEXT_MAX = 300
_SECRET = re.compile(r"\b(?:sk|rk|pk|whsec|ek)_[A-Za-z0-9_]+|\b[a-z]+_[A-Za-z0-9]+_secret_\w+")
_LONG_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")
"""As many digits as cards have, written together or in groups."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


def shown(text: object) -> str:
    """The text in one short line, without keys and card numbers; our own references stay."""
    if not isinstance(text, str):
        return ""
    line = _CONTROL.sub(" ", text[: 4 * TEXT_MAX])
    line = _SECRET.sub("(secret)", line)
    return _LONG_NUMBER.sub(_without_card, line)[:TEXT_MAX].strip()


def _without_card(found: re.Match[str]) -> str:
    return "(number)" if _has_check_digit(found.group()) else found.group()


def _has_check_digit(number: str) -> bool:
    """Its last digit is right for a card (Luhn)."""
    total = 0
    for place, digit in enumerate(reversed([int(each) for each in number if each.isdigit()])):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
