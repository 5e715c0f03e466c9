"""Where a call came from, beside the extension that pays: a code that the caller entered, and the
trunk group by which the call had come in.

An exchange writes both as one text, `code/trunk`: `4711/`, `pin:<digest>/`, `/branch`, or nothing
at all. A PIN never stands there in clear (rtbill/domain/payer_key.py).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rtbill.domain.errors import BadRecord

PIN_MARK = "pin:"
CODE = re.compile(r"[0-9A-Za-z*#]{1,24}")
"""What may be an account code: what a caller can enter, and what can stand in a dialplan."""
UNREADABLE = f"{PIN_MARK}unreadable"
"""Stands for a code that nobody can read, and that can be no account's."""
ORIGIN_LENGTH_MAX = 96
"""With payer, number and two instants it still fits into a row of Asterisk 16, which has 255."""
_ORIGIN = re.compile(r"((?:pin:)?[0-9A-Za-z*#]{0,48})/([a-z0-9_-]{0,32})")


class Origin(NamedTuple):
    """Both are empty for what most calls are: an extension's own, without a code."""

    code: str = ""
    """As entered; `pin:` and the digest of a PIN; in the books `pin:` and the account behind it."""
    in_trunk: str = ""
    """Trunk group by which the call entered the exchange."""

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self.code or self.in_trunk)

    def __str__(self) -> str:
        """As exchanges write it."""
        return f"{self.code}/{self.in_trunk}" if self else ""

    @property
    def code_in_words(self) -> str:
        """For people: never what a PIN is."""
        if self.code.startswith(PIN_MARK):
            return "the PIN"
        return f"account code {self.code}"


NO_ORIGIN = Origin()


def read_origin(text: str | None) -> Origin:
    """From what an exchange wrote; BadRecord when it is no such text."""
    if not text:
        return NO_ORIGIN
    found = _ORIGIN.fullmatch(text) if len(text) <= ORIGIN_LENGTH_MAX else None
    if found is None:
        raise BadRecord("where the call came from is not written as `code/trunk`")
    return Origin(found[1], found[2])


def origin_of_leg(text: str | None) -> Origin:
    """The same from a call that is billed whatever stands there: what cannot be read counts as a
    code that belongs to nobody.
    """
    try:
        return read_origin(text)
    except BadRecord:
        return Origin(UNREADABLE)
