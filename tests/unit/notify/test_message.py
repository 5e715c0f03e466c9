"""Letters as e-mails: headers, forms, and nothing smuggled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.contact import Language
from rtbill.domain.notice import Notice
from rtbill.notify.letters import Letter
from rtbill.notify.message import build, message_id
from tests.fakes.environment import NOON
from tests.fakes.mail_server import part, read_mail

LETTER = Letter("Grüße aus München", "Grüße\n", "<p>Grüße</p>\n", Language.DE)
NOTICE = Notice("topup.done", "s1001", "", NOON, (("amount", "20.00"),))


def built(letter: Letter = LETTER, **changes: Any) -> bytes:
    settings: dict[str, Any] = {
        "site": "Wohnheim Süd",
        "sender": "rtbill@example.org",
        "recipients": ("lena@example.org",),
        "identity": "<1@example.org>",
        "at": NOON,
    }
    return build(letter, **settings | changes)


def test_a_mail_has_the_headers_of_a_mail_that_no_person_wrote() -> None:
    mail = read_mail(built(recipients=("lena@example.org", "tomas@example.org")))
    assert dict(mail.items()) == {
        "From": "Wohnheim Süd <rtbill@example.org>",
        "To": "lena@example.org, tomas@example.org",
        "Subject": "Grüße aus München",
        "Date": "Mon, 05 Oct 2026 12:00:00 +0000",
        "Message-ID": "<1@example.org>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "de",
        "MIME-Version": "1.0",
        "Content-Type": mail["Content-Type"],
    }
    assert mail.get_content_type() == "multipart/alternative"


def test_text_comes_before_html_and_both_keep_their_umlauts() -> None:
    mail = read_mail(built())
    kinds = [each.get_content_type() for each in mail.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert part(mail, "plain").strip() == "Grüße"
    assert part(mail, "html").strip() == "<p>Grüße</p>"


def test_a_mail_is_ascii_in_lines_that_every_server_takes() -> None:
    long = replace(LETTER, text="ü" * 5000, html="<p>" + "ä" * 5000 + "</p>")
    raw = built(long)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert part(read_mail(raw), "plain").strip() == "ü" * 5000


@pytest.mark.parametrize("name", ["site", "subject"])
@pytest.mark.parametrize(
    "break_", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0"]
)
def test_no_name_adds_a_header(name: str, break_: str) -> None:
    hostile = f"Hall{break_}Bcc: all@example.org{break_}{break_}text"
    if name == "site":
        mail = read_mail(built(site=hostile))
    else:
        mail = read_mail(built(replace(LETTER, subject=hostile)))
    assert mail["Bcc"] is None
    assert len(mail.items()) == 9
    assert part(mail, "plain").strip() == "Grüße"


def test_a_site_named_like_an_address_is_still_only_a_name() -> None:
    mail = read_mail(built(site='"A" <other@example.org>, b'))
    [address] = mail["From"].addresses
    assert address.addr_spec == "rtbill@example.org"
    assert address.display_name == '"A" <other@example.org>, b'


def test_a_message_id_is_the_same_for_the_same_notice_and_no_other() -> None:
    same = message_id(NOTICE, "example.org")
    assert message_id(replace(NOTICE), "example.org") == same
    assert same.endswith("@example.org>")
    others = [
        replace(NOTICE, kind="topup.refunded"),
        replace(NOTICE, subject="s1002"),
        replace(NOTICE, at=NOON + timedelta(microseconds=1)),
        replace(NOTICE, details=(("amount", "20.01"),)),
    ]
    assert len({same, *(message_id(each, "example.org") for each in others)}) == 5
