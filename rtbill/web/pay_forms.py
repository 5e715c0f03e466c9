"""What holders type: read and checked, before the desk hears of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import EXPONENTS, Money, decimal_text, parse_micros, too_fine

TEXT_LENGTH_MAX = 64
_CARD_DIGITS = re.compile(r"(?:[0-9][ -]?){12,18}[0-9]")


class Mistyped(Exception):
    """A field that has to be typed again: the field, and the key of the words that say why."""

    def __init__(self, field: str, words: str, **values: str) -> None:
        super().__init__(field)
        self.field = field
        self.words = words
        self._values = values

    def values(self, language: str) -> dict[str, str]:
        """What stands in the words, as this language writes amounts."""
        if language != "de":
            return self._values
        return {name: text.replace(".", ",") for name, text in self._values.items()}


def amount(
    form: dict[str, str],
    field: str,
    currency: str,
    least_micros: int = 0,
    most_micros: int | None = None,
) -> int:
    """Micro-units of what was typed, with a point or a comma; Mistyped when it will not do."""
    text = form.get(field, "").strip().removesuffix(currency).strip()
    if "." not in text and text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        micros = parse_micros(text)
    except BadRecord:
        raise Mistyped(field, "mistyped.amount") from None
    exponent = EXPONENTS[currency]
    if too_fine(Money(micros, currency)):
        raise Mistyped(field, "mistyped.too_fine")
    if micros < least_micros:
        raise Mistyped(field, "mistyped.too_small", least=decimal_text(least_micros, exponent))
    if most_micros is not None and micros > most_micros:
        raise Mistyped(field, "mistyped.too_large", most=decimal_text(most_micros, exponent))
    return micros


def method(form: dict[str, str], methods: Sequence[Mapping[str, Any]]) -> str:
    """The provider's name of what shall pay, one of these; Mistyped when it is none."""
    chosen = form.get("method", "")
    if chosen not in [each["method"] for each in methods]:
        raise Mistyped("method", "mistyped.method")
    return chosen


def agreement(form: dict[str, str]) -> None:
    """Mistyped when the box is not ticked."""
    if form.get("agree") != "yes":
        raise Mistyped("agree", "mistyped.agree")


def card_name(form: dict[str, str]) -> str:
    """The name of a cashless card; Mistyped when it is none, or looks like a bank card's number,
    which nobody may tell us.
    """
    name = " ".join(form.get("card", "").split())
    if not name or len(name) > TEXT_LENGTH_MAX or not name.isprintable():
        raise Mistyped("card", "mistyped.card")
    if is_bank_card(name):
        raise Mistyped("card", "mistyped.bank_card")
    return name


def is_bank_card(text: str) -> bool:
    """Whether there are 13 to 19 digits in it that pass the check of bank cards (Luhn)."""
    for found in _CARD_DIGITS.finditer(text):
        digits = [int(each) for each in found.group() if each.isdigit()]
        doubled = (sum(divmod(2 * each, 10)) for each in digits[-2::-2])
        if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False
