"""A TOML table being read: each mistake is kept with its place, and none stops the reading."""

from __future__ import annotations

import difflib
from collections.abc import Mapping


class Table:
    """A table whose keys are taken one by one; what is left over is a mistake."""

    def __init__(
        self, values: Mapping[str, object], place: str, problems: list[str] | None = None
    ) -> None:
        self._values = values
        self._place = place
        self._taken: set[str] = set()
        self.problems: list[str] = [] if problems is None else problems

    def problem(self, key: str, text: str) -> None:
        """Keep a mistake at that key."""
        self.problems.append(f"{self._place}{key}: {text}")

    def has(self, key: str) -> bool:
        """Whether the key stands there; it is known from now on."""
        self._taken.add(key)
        return key in self._values

    def names(self) -> list[str]:
        """All keys, for a table whose keys are words of somebody else's."""
        return list(self._values)

    def text(self, key: str) -> str:
        """The text at that key; empty, with a problem kept, when there is none."""
        self._taken.add(key)
        value = self._values.get(key)
        if isinstance(value, str) and value:
            return value
        if value is None:
            self.problem(key, "is missing")
        else:
            self.problem(key, f"is {value!r}; write text in quotes")
        return ""

    def texts(self, key: str) -> list[str]:
        """The list of texts at that key; empty when it is not there."""
        self._taken.add(key)
        value = self._values.get(key, [])
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        self.problem(key, f"is {value!r}; write a list of texts")
        return []

    def table(self, key: str) -> Table:
        """The table at that key; an empty one when it is not there."""
        self._taken.add(key)
        value = self._values.get(key, {})
        if not isinstance(value, Mapping):
            self.problem(key, f"is {value!r}; write a table")
            value = {}
        return Table(value, f"{self._place}{key}.", self.problems)

    def no_more(self) -> None:
        """Keep a problem for every key that nobody has taken."""
        for key in self._values:
            if key not in self._taken:
                near = difflib.get_close_matches(key, list(self._taken), n=1)
                known = ", ".join(sorted(self._taken))
                meant = f"did you mean {near[0]!r}?" if near else f"known here: {known}"
                self.problem(key, f"unknown key; {meant}")
