"""Which numbers a set of prefixes has, and which of the prefixes no number comes to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

_DIGITS = "0123456789"


class Cover(Enum):
    """How much of the numbers with some leading digits is covered."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"


class Coverage:
    """The numbers that begin with any of the prefixes."""

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._prefixes = frozenset(prefixes)
        self._inner = {prefix[:end] for prefix in self._prefixes for end in range(1, len(prefix))}
        """Digits that longer prefixes begin with."""

    def of(self, digits: str) -> Cover:
        """How much of the numbers that begin with these digits."""
        if digits in self._prefixes or self.is_never_used(digits):
            return Cover.WHOLE
        if any(digits[:end] in self._prefixes for end in range(1, len(digits))):
            return Cover.WHOLE
        return Cover.PART if digits in self._inner else Cover.NONE

    def is_never_used(self, prefix: str) -> bool:
        """Whether longer prefixes have every number that begins with this one."""
        return prefix in self._inner and all(self._is_filled(prefix + digit) for digit in _DIGITS)

    def _is_filled(self, digits: str) -> bool:
        return digits in self._prefixes or self.is_never_used(digits)
