"""Patterns of extensions as an operator writes them: `1xxx`, in which `x` is any digit."""

from __future__ import annotations

import re
from collections.abc import Iterable


def as_expression(pattern: str) -> str:
    """The regular expression of whole numbers that fit: `1[0-9][0-9][0-9]` for 1xxx. All but `x`
    stands for itself, also `*`.
    """
    return re.escape(pattern).replace("x", "[0-9]")


def matches(number: str, patterns: Iterable[str]) -> bool:
    """Whether the number fits one of these patterns."""
    return any(re.fullmatch(as_expression(pattern), number) for pattern in patterns)
