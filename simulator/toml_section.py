"""Reading one table of a TOML file so that every mistake names the file.

The key and what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast


class ScenarioError(Exception):
    """A scenario that cannot be played."""

    def __init__(self, file: str, key: str, remedy: str) -> None:
        super().__init__(f"{file}: {key}: {remedy}" if key else f"{file}: {remedy}")


class Section:
    """A table being read: each key is taken once, and what is left over is a mistake."""

    def __init__(self, file: str, path: str, values: Mapping[str, object]) -> None:
        self._file, self._path = file, path
        self._values = dict(values)
        self._taken: set[str] = set()

    def error(self, key: str, remedy: str) -> ScenarioError:
        """A mistake at that key."""
        return ScenarioError(self._file, ".".join(filter(None, (self._path, key))), remedy)

    def has(self, key: str) -> bool:
        """Whether the key stands there."""
        return key in self._values

    def names(self) -> list[str]:
        """All keys, for tables whose keys are names."""
        return list(self._values)

    def take(self, key: str, default: object = None) -> object:
        """The value as it is."""
        self._taken.add(key)
        return self._values.get(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Text; without a default it must be there."""
        value = self.take(key, default)
        if value is None:
            raise self.error(key, "is missing: add it")
        if not isinstance(value, str):
            raise self.error(key, f'is {value!r}: write text in quotes, such as "1001"')
        return value

    def number(self, key: str, default: float, *, least: float, most: float = 1e9) -> float:
        """A number within its bounds."""
        return self._number(key, self.take(key, default), least, most)

    def range(self, key: str, default: tuple[float, float]) -> tuple[float, float]:
        """A number of seconds, or a list of least and most."""
        value = self.take(key, default)
        if isinstance(value, (list, tuple)):
            if len(value) != 2:
                raise self.error(key, "give a number or two of them: [least, most]")
            low, high = (self._number(key, one, 0.0, 1e9) for one in value)
            if low > high:
                raise self.error(key, f"is [{low:g}, {high:g}]: put the smaller number first")
            return low, high
        number = self._number(key, value, 0.0, 1e9)
        return number, number

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of a few words."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.error(key, f"is {value!r}: choose from {', '.join(allowed)}")
        return value

    def section(self, key: str) -> Section:
        """A table within; empty if it is not there."""
        value = self.take(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return Section(self._file, self._below(key), cast("dict[str, object]", value))

    def sections(self, key: str) -> list[Section]:
        """A list of tables, written as [[key]]."""
        value = self.take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.error(key, f"must be a list of tables: write [[{key}]]")
        return [
            Section(self._file, self._below(f"{key}[{index}]"), one)
            for index, one in enumerate(value)
        ]

    def no_more(self) -> None:
        """Everything that stands there has been understood."""
        for key in self._values:
            if key not in self._taken:
                known = ", ".join(sorted(self._taken))
                raise self.error(key, f"is not known here: choose from {known}")

    def _below(self, key: str) -> str:
        return ".".join(filter(None, (self._path, key)))

    def _number(self, key: str, value: object, least: float, most: float) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(key, f"is {value!r}: give a number")
        if not least <= value <= most:
            raise self.error(key, f"is {value:g}: give a number from {least:g} to {most:g}")
        return float(value)
