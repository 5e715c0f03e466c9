"""Checks the WS-Security UsernameToken of a question, as a provider would.

The profile is "Web Services Security UsernameToken Profile 1.1" of OASIS: a digest is the Base64 of
SHA-1 over nonce, created and password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from datetime import UTC, datetime

FRESH_S = 300
_WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
_WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"


@dataclass(slots=True)
class TokenGuard:
    """Lets in who knows the password, each digest once."""

    user: str
    password: str = field(repr=False)
    digest_only: bool = False
    _nonces: set[str] = field(default_factory=set)

    def accepts(self, envelope: ET.Element) -> bool:
        """Whether the token in the header is good."""
        token = next(iter(envelope.iter(f"{_WSSE}UsernameToken")), None)
        if token is None or token.findtext(f"{_WSSE}Username") != self.user:
            return False
        password = token.find(f"{_WSSE}Password")
        if password is None or password.text is None:
            return False
        if password.get("Type", "").endswith("#PasswordDigest"):
            nonce = token.findtext(f"{_WSSE}Nonce") or ""
            created = token.findtext(f"{_WSU}Created") or ""
            return self._digest_is_good(password.text, nonce, created)
        return not self.digest_only and hmac.compare_digest(password.text, self.password)

    def _digest_is_good(self, given: str, nonce: str, created: str) -> bool:
        try:
            at = datetime.fromisoformat(created)
            raw = base64.b64decode(nonce, validate=True)
        except ValueError:
            return False
        now = datetime.now(UTC)  # noqa: TID251 -- a simulator has no clock of the biller's
        if nonce in self._nonces or abs((now - at).total_seconds()) > FRESH_S:
            return False
        self._nonces.add(nonce)
        whole = raw + created.encode() + self.password.encode()
        wanted = base64.b64encode(hashlib.sha1(whole).digest())  # noqa: S324 -- the profile's own
        return hmac.compare_digest(given.encode(), wanted)
