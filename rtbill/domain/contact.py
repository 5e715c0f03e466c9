"""Where the holder of an account is written to, and in which language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.errors import BadRecord

ADDRESS_LENGTH_MAX = 254
_LOCAL_LENGTH_MAX = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)")


class Language(StrEnum):
    """A language that mails are written in."""

    EN = "en"
    DE = "de"


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail to the address was refused for good."""

    at: datetime
    reason: str
    """What the mail server said."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How the holder of an account is reached."""

    account: str
    email: str
    language: Language | None = None
    """None: as the site's mails are written."""
    bounce: Bounce | None = None
    """Of the latest mail; None when it was taken, or none was sent yet."""


def checked_address(text: str) -> str:
    """The e-mail address without blanks around it; BadRecord says what is wrong with it."""
    address = text.strip()
    if not address.isascii():
        raise BadRecord(
            f"{address!r} is no e-mail address that every server takes: write a domain with "
            "umlauts in its ASCII form (xn--...)"
        )
    found = _ADDRESS.fullmatch(address)
    if (
        found is None
        or len(address) > ADDRESS_LENGTH_MAX
        or len(found["local"]) > _LOCAL_LENGTH_MAX
    ):
        raise BadRecord(f"{address!r} is no e-mail address; write one like lena@example.org")
    return address


def checked_language(text: str) -> Language:
    """The language of this code; BadRecord names those there are."""
    code = text.strip().lower()
    if code not in set(Language):
        raise BadRecord(f"{text!r} is no language of our mails; they are {', '.join(Language)}")
    return Language(code)
