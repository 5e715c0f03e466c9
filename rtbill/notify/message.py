"""A letter as an e-mail: headers that nothing can be smuggled into, text and HTML side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from rtbill.domain.notice import Notice
from rtbill.notify.letters import Letter

_UNPRINTABLE = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233), " ")
_ID_DIGITS = 40


def message_id(notice: Notice, domain: str) -> str:
    """Stable for a notice: a mail that is sent again after a crash is recognised by it."""
    content = repr(
        (notice.kind, notice.subject, notice.text, notice.at.isoformat(), notice.details)
    )
    digest = hashlib.sha256(content.encode()).hexdigest()[:_ID_DIGITS]
    return f"<{digest}@{domain}>"


def build(  # noqa: PLR0913 - the headers of a mail
    letter: Letter,
    *,
    site: str,
    sender: str,
    recipients: Sequence[str],
    identity: str,
    at: datetime,
) -> bytes:
    """The mail as it goes over the wire."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=one_line(site), addr_spec=sender)
    message["To"] = [Address(addr_spec=each) for each in recipients]
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = identity
    message["Auto-Submitted"] = "auto-generated"
    # Quoted-printable: lines of any length and every umlaut pass every server.
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = letter.language.value  # what is set before goes to the text alone
    return message.as_bytes()


def one_line(text: str) -> str:
    """The text without line ends and other control characters."""
    return " ".join(text.translate(_UNPRINTABLE).split(" ")).strip()
