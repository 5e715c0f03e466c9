"""Configuration files of Asterisk, as its manager tells them (GetConfig) and as they are written.

`Category-000000: general`, then `Line-000000-000000: enabled=yes` for each line: comments gone,
`#include` followed, names and values stripped, `=>` told as `=`. A file that we hold as text is
read the same way, so that the two can be compared line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adapters.asterisk.wire import Message

_BLOCK_COMMENT = re.compile(r";--(?!-).*?--;", re.DOTALL)
_LINE_COMMENT = re.compile(r"(?<!\\);.*")
_HEADING = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Category:
    """One `[name]` with its lines in order."""

    name: str
    lines: tuple[tuple[str, str], ...]
    is_template: bool = False

    def get(self, name: str, default: str = "") -> str:
        """The last value of a setting, which is the one that counts."""
        return self.all(name)[-1] if self.all(name) else default

    def all(self, name: str) -> list[str]:
        """Every value of a setting that may repeat."""
        return [value for key, value in self.lines if key.lower() == name]

    def is_on(self, name: str, *, default: bool) -> bool:
        """A setting that is yes or no."""
        value = self.get(name).lower()
        return value in ("yes", "true", "y", "t", "1", "on") if value else default

    def words(self, name: str) -> set[str]:
        """A setting that lists words: `read = call,user`."""
        words = (word.strip() for value in self.all(name) for word in value.split(","))
        return {word.lower() for word in words if word}


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line in which a file is not as it was generated."""

    context: str
    wanted: str
    """Empty when the line is one too many."""
    found: str
    """Empty when the line is missing."""


def read_reply(message: Message) -> list[Category]:
    """The categories of a GetConfig reply, in order."""
    names: dict[str, str] = {}
    templates: set[str] = set()
    lines: dict[str, list[tuple[str, str]]] = {}
    for header, value in message.headers():
        kind, _, numbers = header.partition("-")
        number = numbers.partition("-")[0]
        if kind == "Category":
            names[number] = value
            lines[number] = []
        elif kind == "IsTemplate":
            templates.add(number)
        elif kind == "Line" and number in lines:
            name, _, setting = value.partition("=")
            lines[number].append((name.strip(), setting.strip()))
    return [
        Category(name, tuple(lines[number]), number in templates) for number, name in names.items()
    ]


def read_text(text: str) -> list[Category]:
    """The categories of a file that we hold as text."""
    categories: list[tuple[str, list[tuple[str, str]]]] = []
    for line in _without_comments(text):
        heading = _HEADING.match(line)
        if heading is not None:
            categories.append((heading[1], []))
        elif categories and not line.startswith("#"):
            name, _, value = line.partition("=")
            categories[-1][1].append((name.strip(), value.removeprefix(">").strip()))
    return [Category(name, tuple(lines)) for name, lines in categories]


def steps(category: Category) -> Iterator[tuple[str, str]]:
    """The steps of a dialplan context in order, each with its extension: `("s", "Return()")`."""
    extension = ""
    for name, value in category.lines:
        if name not in ("exten", "same"):
            continue
        numbered = value
        if name == "exten":
            extension, _, numbered = value.partition(",")
        yield extension.strip(), numbered.partition(",")[2].strip()


def first_difference(wanted: Iterable[Category], found: Iterable[Category]) -> Difference | None:
    """Where a file begins to differ from what was generated; None when it does not.

    The order of contexts and what stands in several pieces of one context do not matter.
    """
    ours, theirs = _joined(wanted), _joined(found)
    for context, lines in ours.items():
        if context not in theirs:
            return Difference(context, f"[{context}]", "")
        there = theirs[context]
        for index in range(max(len(lines), len(there))):
            one = lines[index] if index < len(lines) else ""
            other = there[index] if index < len(there) else ""
            if one != other:
                return Difference(context, one, other)
    for context in theirs:
        if context not in ours:
            return Difference(context, "", f"[{context}]")
    return None


def _joined(categories: Iterable[Category]) -> Mapping[str, list[str]]:
    joined: dict[str, list[str]] = {}
    for category in categories:
        lines = [f"{name} => {value}" for name, value in category.lines]
        joined.setdefault(category.name, []).extend(lines)
    return joined


def _without_comments(text: str) -> Iterator[str]:
    """Lines that say something. A semicolon begins a comment unless a backslash stands before it;
    `;--` and `--;` enclose one of several lines.
    """
    for line in _BLOCK_COMMENT.sub("", text).splitlines():
        said = _LINE_COMMENT.sub("", line).replace("\\;", ";").strip()
        if said:
            yield said
