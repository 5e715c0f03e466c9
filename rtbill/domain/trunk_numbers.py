"""How numbers stand on one trunk group, where its carrier wants them otherwise than people dial."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NumberForm(StrEnum):
    """What is left once the digits for the carrier are taken off."""

    DIALLED = "dialled"
    """As people at the site dial."""
    INTERNATIONAL = "international"
    """Country code and number, without a prefix before it."""
    NATIONAL = "national"
    """A number of the site's country, without a prefix before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkNumbers:
    """Rules of one trunk group. A carrier's format `XXX CC NSN` is three access digits, then the
    international form.
    """

    strip: tuple[str, ...] = ()
    """Codes that may stand before the number; the longest that does is taken off."""
    access_digits: int = 0
    """Digits of an access code that always stands before the number, after what is stripped."""
    form: NumberForm = NumberForm.DIALLED

    def bare(self, digits: str) -> str:
        """The digits without strip and access code."""
        code = max((each for each in self.strip if digits.startswith(each)), key=len, default="")
        return digits[len(code) + self.access_digits :]


AS_DIALLED = TrunkNumbers()
"""A trunk without rules."""
