"""What holders type: read and checked, before the desk hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import EXPONENTS, Money, decimal_text, parse_micros, too_fine


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


def usable(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of what `pay.status` tells, the cards that may pay."""
    return [each for each in status["methods"] if not each["barred"]]
