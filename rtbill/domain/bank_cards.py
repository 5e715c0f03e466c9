"""Numbers of bank cards, which nobody may tell us: given on their provider's page alone (RP-01)."""

from __future__ import annotations

import re

_CARD_DIGITS = re.compile(r"(?:[0-9][ -]?){12,18}[0-9]")


def is_bank_card(text: str) -> bool:
    """Whether there are 13 to 19 digits in it that pass the check of bank cards (Luhn)."""
    for found in _CARD_DIGITS.finditer(text):
        digits = [int(each) for each in found.group() if each.isdigit()]
        doubled = (sum(divmod(2 * each, 10)) for each in digits[-2::-2])
        if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False
