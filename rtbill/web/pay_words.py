"""What the pages say, by language: words/en.toml and words/de.toml hold the same keys."""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from functools import cache

LANGUAGES = ("en", "de")
NAMES = {"en": "English", "de": "Deutsch"}


@cache
def words(language: str) -> Mapping[str, str]:
    """All words of a language by key."""
    folder = importlib.resources.files("rtbill.web") / "words"
    return tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))


def say(language: str, key: str, **values: str) -> str:
    """The words of this key, with the values in their places."""
    return words(language)[key].format_map(values)


def amount_text(amount: str, currency: str, language: str) -> str:
    """`10.00 EUR`, in German `10,00 EUR`; a no-break space keeps it in one line."""
    written = amount.replace(".", ",") if language == "de" else amount
    return f"{written}\N{NO-BREAK SPACE}{currency}"


def accepted(header: str) -> str:
    """The first of our languages that a browser asks for; English when it wants none of them."""
    wanted = []
    for place, part in enumerate(header[:500].split(",")):
        name, _, weight = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in LANGUAGES and weight.strip() not in ("q=0", "q=0.0"):
            wanted.append((_weight(weight), -place, language))
    return max(wanted)[2] if wanted else LANGUAGES[0]


def _weight(text: str) -> int:
    """Thousandths."""
    digits = text.strip().removeprefix("q=").strip()
    if not digits:
        return 1000
    whole, _, fraction = digits.partition(".")
    written = f"{whole}{fraction[:3].ljust(3, '0')}"
    return int(written) if written.isascii() and written.isdigit() else 0
