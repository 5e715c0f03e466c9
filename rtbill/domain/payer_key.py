"""What finds an account beside its extensions: account codes, PINs, and trunk groups by which
calls come in; dated as memberships are (CA-08).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rtbill.domain.origin import PIN_MARK

PIN_DIGITS_MAX = 16


class KeyKind(StrEnum):
    """What sort of key it is."""

    CODE = "code"
    """An account code: no secret, anybody may enter it."""
    PIN = "pin"
    """A secret number, of which only the digest is known."""
    TRUNK = "trunk"
    """A trunk group of one exchange, for what comes in by it."""


class WrongCode(StrEnum):
    """What becomes of a call with a code that belongs to nobody (CA-07)."""

    DENY = "deny"
    """It is refused where that can be done, and else kept in suspense."""
    PRIVATE = "private"
    """The extension's own account pays."""
    SUSPENSE = "suspense"
    """It goes out, and is kept in suspense."""


class PayerKey(NamedTuple):
    """A key, without whose it is."""

    kind: KeyKind
    value: str
    """The code, the digest of the PIN, or the name of the trunk group."""
    pbx: str = ""
    """Of a trunk group; codes and PINs hold at every exchange."""

    def __str__(self) -> str:
        """For people; a PIN is not told, nor its digest."""
        match self.kind:
            case KeyKind.CODE:
                return f"account code {self.value}"
            case KeyKind.PIN:
                return "this PIN"
            case KeyKind.TRUNK:
                return f"trunk {self.pbx}/{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A key stands for an account from one instant up to, not including, another."""

    account: str
    key: PayerKey
    valid_from: datetime
    valid_until: datetime | None = None
    person: str | None = None
    """Who has the code or PIN, as shown on statements."""

    @property
    def subject(self) -> str:
        """What is held, in words."""
        return str(self.key)

    def covers(self, instant: datetime) -> bool:
        """Whether the key stands for the account at this instant."""
        return self.valid_from <= instant and (
            self.valid_until is None or instant < self.valid_until
        )

    def overlaps(self, other: Binding) -> bool:
        """Whether both claim the same key at some instant."""
        return (
            self.key == other.key
            and (other.valid_until is None or self.valid_from < other.valid_until)
            and (self.valid_until is None or other.valid_from < self.valid_until)
        )


def pin_digest(secret: str, pin: str) -> str:
    """What the exchange's dialplan makes of a PIN, so that the PIN itself leaves no trace: 40 hex
    digits that nobody without the secret can turn back by trying all PINs.

    SHA-1, because Asterisk has no other keyed with one function; neither collisions nor longer
    messages help here, where who guesses can only enter digits.
    """
    return hashlib.sha1(f"{secret}:{pin}".encode()).hexdigest()  # noqa: S324 - see above


def key_of_code(code: str) -> PayerKey:
    """The key that was entered, from `Origin.code`."""
    if code.startswith(PIN_MARK):
        return PayerKey(KeyKind.PIN, code.removeprefix(PIN_MARK))
    return PayerKey(KeyKind.CODE, code)
