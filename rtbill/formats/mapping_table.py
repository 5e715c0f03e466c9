"""Reading a mapping of columns that an operator declares in a TOML file: every mistake by its
place, none hidden.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rtbill.domain.errors import BadRecord

Column = str | int
"""A name in the header row, or a number from 1."""
_ANY_TEXT = "41315550100;22.11.2026\r\n"


class MappingTable:
    """One table of the document; mistakes are collected in `problems`, not raised."""

    def __init__(
        self,
        values: Mapping[str, Any],
        known: Mapping[str, Sequence[str]],
        name: str = "",
        problems: list[str] | None = None,
    ) -> None:
        """`known` has every key there is, by its table; a table without an entry takes any."""
        self.values = values
        self._known = known
        self._name = name
        self.problems: list[str] = [] if problems is None else problems
        self.is_there = bool(values)
        keys = known.get(name)
        for key in values if keys is not None else ():
            if key not in (keys or ()):
                self.wrong(key, f"is no key here; the keys are {', '.join(keys or ())}")

    def section(self, name: str) -> MappingTable:
        """A table of the table."""
        values = self.values.get(name, {})
        if not isinstance(values, Mapping):
            self.wrong(name, "is a table: write [" + name + "]")
            values = {}
        return MappingTable(values, self._known, name, self.problems)

    def column(self, key: str) -> Column:
        """The column that must be named."""
        if key not in self.values:
            self.wrong(key, "is missing: a name of the header row, or a number from 1")
            return 1
        return self.column_if_there(key) or 1

    def column_if_there(self, key: str) -> Column | None:
        """The column, where one is named."""
        value = self.values.get(key)
        if value is None:
            return None
        if not _is_column(value):
            self.wrong(key, f"{value!r} is neither a name of the header row nor a number from 1")
            return None
        found: Column = value
        return found

    def columns(self, key: str) -> tuple[Column, ...]:
        """One column or more."""
        value = self.values.get(key)
        if not (isinstance(value, list) and value and all(map(_is_column, value))):
            self.wrong(key, 'is a list of columns, such as ["Date", "Time"] or [1]')
            return ()
        return tuple(value)

    def text(
        self,
        key: str,
        default: str | None,
        *,
        check: Callable[[str], object] | None = None,
        one_of: tuple[str, ...] = (),
    ) -> str:
        """A text; one that has no default must be there. The check raises what is wrong with it."""
        value = self.values.get(key, default)
        if value is None:
            self.wrong(key, "is missing")
            return ""
        if not isinstance(value, str) or (one_of and value not in one_of):
            words = " or ".join(map(repr, one_of)) or "a text"
            self.wrong(key, f"{value!r} is not {words}")
            return ""
        if check is not None:
            try:
                check(value)
            except (BadRecord, ValueError, LookupError, OSError) as error:
                self.wrong(key, str(error) or f"{value!r} is not known")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or none."""
        value = self.values.get(key, [])
        if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            self.wrong(key, 'is a list of texts, such as ["0", "9"]')
            return ()
        return tuple(value)

    def whole(self, key: str, default: int = 0, least: int = 0) -> int:
        """A whole number."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.wrong(key, f"{value!r} is not a whole number from {least}")
            return default
        return value

    def flag(self, key: str) -> bool:
        """True unless it says otherwise."""
        value = self.values.get(key, True)
        if not isinstance(value, bool):
            self.wrong(key, "is true or false")
        return bool(value)

    def wrong(self, key: str, text: str) -> None:
        """Note a mistake at this key."""
        place = f"{self._name}.{key}" if self._name else key
        self.problems.append(f"{place}: {text}")


def check_encoding(text: str) -> None:
    """ValueError or LookupError unless it names an encoding of text: Python has encodings of other
    things as well: hex, rot13, names of hosts.
    """
    codecs.lookup(text)
    try:
        written = io.BytesIO(_ANY_TEXT.encode(text))
        found = io.TextIOWrapper(written, encoding=text, errors="replace", newline="").read()
    except (LookupError, UnicodeError):
        found = ""
    if found != _ANY_TEXT:
        raise ValueError(f"{text!r} is not a text encoding")


def check_delimiter(text: str) -> None:
    """ValueError unless it is one character that may part cells."""
    if len(text) != 1 or text in '"\r\n':
        raise ValueError(f"{text!r} is not one character that may part cells")


def _is_column(value: object) -> bool:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
