"""Something else in the place of a part of the program, for as long as a test looks on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def instead(place: Any, name: str, planted: Any) -> Iterator[None]:
    """The planted thing under this name of the place, and afterwards what was there."""
    original = getattr(place, name)
    setattr(place, name, planted)
    try:
        yield
    finally:
        setattr(place, name, original)
