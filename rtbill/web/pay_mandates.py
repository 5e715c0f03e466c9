"""The texts that holders agree to, in files: <version>/card.en.txt, <version>/top-up.en.txt, and
the same in the other languages.

A text is paragraphs with an empty line between them. In the text about top-ups stand {threshold},
{increment}, {day_max} and {month_max}, and what is agreed to is the text with these amounts: what
triggers a charge, how much, how often at most, and how to stop (RP-03). {site} is the site's name.
A text that is changed gets a new version, so that it can be told what each holder agreed to.
"""

from __future__ import annotations

import importlib.resources
import re
import string
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from rtbill.domain.errors import ConfigError
from rtbill.web.pay_words import LANGUAGES

CARD, TOP_UP = "card", "top-up"
_PLACES = {CARD: frozenset(), TOP_UP: frozenset({"threshold", "increment", "day_max", "month_max"})}
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class Mandates:
    """The texts of one version."""

    def __init__(self, version: str, texts: Mapping[tuple[str, str], str]) -> None:
        self.version = version
        self._texts = texts

    def paragraphs(self, kind: str, language: str, **values: str) -> list[str]:
        """The text with the values in their places."""
        text = self._texts[kind, language].strip()
        joined = [" ".join(each.split()) for each in re.split(r"\n\s*\n", text)]
        return [each.format_map(values) for each in joined]


def open_mandates(version: str, folder: Path | None = None) -> Mandates:
    """The texts of a version, of ours or of the site's own folder. ConfigError names every file
    that is missing, or says other than it has to.
    """
    if not _VERSION.fullmatch(version):
        raise ConfigError(
            [f"payments.text_version: {version!r} names a folder: letters, digits, '.', '_', '-'"]
        )
    own: Traversable = folder or importlib.resources.files("rtbill.web").joinpath("mandates")
    texts: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    for kind, places in _PLACES.items():
        for language in LANGUAGES:
            file = own / version / f"{kind}.{language}.txt"
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                problems.append(
                    f"payments.text_version: {file} cannot be read; write what holders agree to "
                    "there, or name a version that is there"
                )
                continue
            if problem := _problem(text, places):
                problems.append(f"{file}: {problem}")
            texts[kind, language] = text
    if problems:
        raise ConfigError(problems)
    return Mandates(version, texts)


def _problem(text: str, places: frozenset[str]) -> str:
    try:
        found = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        return f"its braces do not fit: {error}"
    if missing := places - found:
        return f"says nothing of {', '.join(sorted(missing))}, which is part of what is agreed to"
    if unknown := found - places - {"site"}:
        return f"nobody knows what to put for {', '.join(sorted(unknown))}"
    return "" if text.strip() else "is empty"
