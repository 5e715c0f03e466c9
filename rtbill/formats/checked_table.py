"""A table of a TOML document, read key by key; every mistake is collected with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import MICROS, parse_micros
from rtbill.domain.price_plan import PERCENT_PPM
from rtbill.formats.wording import Wording

AMOUNT_MAX = 1_000_000
"""Of the main unit, for any one amount."""

T = TypeVar("T")
Keys = Mapping[str, Sequence[str]]
"""The keys that a table may have, by the table's name; the document's own is empty."""


@dataclass(slots=True)
class CheckedTable:
    """One table and those in it; what cannot be read gives the value of a key that is not there."""

    values: Mapping[str, Any]
    keys: Keys
    kind: str = ""
    place: str = ""
    problems: list[str] = field(default_factory=list)
    """Of the whole document: `discount[0].percent: is missing`."""

    def __post_init__(self) -> None:
        known = self.keys[self.kind]
        for key in self.values:
            if key not in known:
                self.wrong(key, f"is no key here; the keys are {', '.join(known)}")

    def wrong(self, key: str, text: str) -> None:
        """Note a mistake."""
        self.problems.append(f"{self._within(key)}: {text}")

    def section(self, key: str) -> CheckedTable | None:
        """The table of this name; None when it is not there."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.wrong(key, "is no table")
            return None
        return CheckedTable(value, self.keys, key, self._within(key), self.problems)

    def sections(self, key: str) -> list[CheckedTable]:
        """The tables `[[key]]`."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            self.wrong(key, f"is no list of tables; write [[{key}]]")
            return []
        return [
            CheckedTable(each, self.keys, key, f"{self._within(key)}[{index}]", self.problems)
            for index, each in enumerate(value)
        ]

    def flag(self, key: str) -> bool:
        """True or false; false when it is not there."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "is neither true nor false")
        return value is True

    def text(self, key: str, read: Callable[[str], str]) -> str:
        """What `read` makes of a text that must be there."""
        if key not in self.values:
            self.wrong(key, "is missing")
            return ""
        return self._read(key, self.values[key], read, "")

    def texts(self, key: str, read: Callable[[str], str]) -> list[str]:
        """What `read` makes of each text of a list; one that stands twice is a mistake."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            self.wrong(key, "is no list")
            return []
        before = len(self.problems)
        found = [self._read(key, each, read, "") for each in value]
        if len(self.problems) == before:
            for twice in _twice(found):
                self.wrong(key, f"{twice!r} stands twice")
        return found

    def amount(self, key: str) -> int:
        """Micro-units; 0 when it is not there."""
        micros = self._read(key, self.values.get(key, "0"), parse_micros, 0)
        if not 0 <= micros <= AMOUNT_MAX * MICROS:
            self.wrong(key, f"is not from 0 to {AMOUNT_MAX}")
            return 0
        return micros

    def percent(self, key: str, most: int, *, required: bool = False) -> int:
        """Millionths; 0 when it is not there, unless it must be."""
        if required and key not in self.values:
            self.wrong(key, "is missing")
            return 0
        micros = self._read(key, self.values.get(key, "0"), parse_micros, 0)
        ppm, finer = divmod(micros * PERCENT_PPM, MICROS)
        if finer or not 0 <= ppm <= most * PERCENT_PPM:
            self.wrong(key, f"is not a percentage from 0 to {most} with at most four decimals")
            return 0
        return ppm

    def whole(self, key: str, otherwise: int, most: int) -> int:
        """A whole number from 0 on."""
        value = self.values.get(key, otherwise)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.wrong(key, f"{value!r} is not a whole number from 0 to {most}")
            return otherwise
        return value

    def one_of(self, key: str, otherwise: str, known: Sequence[str]) -> str:
        """One of these words."""
        value = self.values.get(key, otherwise)
        if value not in known:
            self.wrong(key, f"{value!r} is not one of: {', '.join(known)}")
            return otherwise
        return str(value)

    def instant(self, key: str, wording: Wording) -> datetime | None:
        """An instant in UTC, a date as its midnight at the site; None when it is not there."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, (date, datetime)):
            value = value.isoformat()
        return self._read(key, value, wording.sure_instant, None)

    def _within(self, key: str) -> str:
        return ".".join(part for part in (self.place, key) if part)

    def _read(self, key: str, value: object, read: Callable[[str], T], otherwise: T) -> T:
        if not isinstance(value, str):
            self.wrong(key, f"{value!r} is no text; write it in quotation marks")
            return otherwise
        try:
            return read(value)
        except BadRecord as error:
            self.wrong(key, str(error))
            return otherwise


def _twice(texts: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    found: dict[str, None] = {}
    for text in texts:
        if text in seen:
            found[text] = None
        seen.add(text)
    return list(found)
