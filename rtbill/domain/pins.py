"""How PINs are kept at a site: mixed with its secret, and never short."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.payer_key import PIN_DIGITS_MAX, KeyKind, PayerKey, pin_digest

_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Pins:
    """Makes keys of PINs; no message holds one."""

    secret: str = field(default="", repr=False)
    """Empty: this site has no PINs."""
    digits_min: int = 6

    def key(self, pin: str) -> PayerKey:
        """What is kept of this PIN; BadRecord when it cannot be one, Refused without a secret."""
        if not _DIGITS.fullmatch(pin) or not self.digits_min <= len(pin) <= PIN_DIGITS_MAX:
            raise BadRecord(
                f"a PIN has {self.digits_min} to {PIN_DIGITS_MAX} digits, and nothing else"
            )
        if not self.secret:
            raise Refused(
                "PINs need a secret: name a file of mode 0400 in payers.pin_secret_file, such as "
                "one made with: openssl rand -hex 24"
            )
        return PayerKey(KeyKind.PIN, pin_digest(self.secret, pin))
