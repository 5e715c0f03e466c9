"""What stands in mails: every kind in every language, in both forms."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from rtbill.domain.contact import Language
from rtbill.domain.errors import BadRecord
from rtbill.domain.notice import ACCOUNT_KINDS, OPERATOR_KINDS, Notice
from rtbill.domain.payment import DeclineClass, DisputeState
from rtbill.notify.letters import Letter, Letters

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
LINK = "https://hall.example.org/pay/7f3a9c?a=1&b=2"
MONEY = {"amount": "20.00", "currency": "EUR", "balance": "1234.5678"}
PAID = MONEY | {"method": "Visa 4242", "reference": "20261005120000000123"}
SERVICE = {"available": "-0.0049", "currency": "EUR", "outgoing": "locked", "incoming": "divert"}
DETAILS: dict[str, dict[str, str]] = {
    "balance.low": {"available": "0.9599", "currency": "EUR"},
    "service.locked": SERVICE,
    "service.warning": SERVICE,
    "service.opened": SERVICE | {"outgoing": "open", "incoming": "ring"},
    "topup.done": PAID,
    "topup.failed": PAID | {"decline": "soft", "retry_at": "2026-10-06T12:00:00+00:00"},
    "topup.authentication_needed": PAID | {"link": LINK, "expires": "2026-10-06T21:59:00+00:00"},
    "topup.refunded": PAID,
    "topup.disputed": PAID | {"state": "withdrawn"},
    "pay.link": {"link": LINK, "expires": "2026-10-06T21:59:00+00:00"},
    "card.expiring": {"method": "Visa 4242", "month": "2027-03", "link": LINK},
}
GERMAN_RECEIPT = """\
Guten Tag,

Vielen Dank. Ihre Zahlung ist eingegangen und Ihrem Telefonkonto s1001
gutgeschrieben.

Betrag:         20,00\N{NO-BREAK SPACE}€
Bezahlt mit:    Visa 4242
Bezahlt am:     5. Oktober 2026, 14:00 Uhr
Guthaben jetzt: 1.234,56\N{NO-BREAK SPACE}€
Referenz:       20261005120000000123

Bitte bewahren Sie diese Mail als Beleg auf.

--\x20
Studentenwerk München
Diese Mail wurde von einem Programm geschrieben. Niemand wird Sie je per
Mail nach der Nummer einer Karte fragen.
"""
ENGLISH_RECEIPT = """\
Hello,

Thank you. Your payment has arrived and is on your telephone account
s1001.

Amount:      €20.00
Paid with:   Visa 4242
Paid on:     5 October 2026, 14:00
Balance now: €1,234.56
Reference:   20261005120000000123

Please keep this mail as your receipt.

--\x20
Studentenwerk München
This mail was written by machine. Nobody will ever ask you by mail for
the number of a card.
"""


def a_notice(kind: str, **changes: str) -> Notice:
    details = DETAILS.get(kind, {}) | changes
    return Notice(kind, "s1001", "said in English", AT, tuple(details.items()))


def written(notice: Notice, language: Language = Language.EN, site: str = "Hall") -> Letter:
    return Letters(site, BERLIN).write(notice, language)


def words(text: str) -> list[str]:
    """Of a text, whatever stands between them."""
    return re.findall(r"[^\W_]+", text)


def words_of_html(page: str) -> list[str]:
    body = page[page.index("<body") :]
    return words(html.unescape(re.sub(r"<[^>]*>", " ", body)))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [*ACCOUNT_KINDS, *OPERATOR_KINDS])
def test_every_kind_is_written_and_its_two_forms_say_the_same(
    kind: str, language: Language
) -> None:
    letter = written(a_notice(kind), language)
    assert letter.subject
    assert "\n" not in letter.subject
    said = words_of_html(letter.html)
    # The page shows the site first, the text last.
    assert set(words(letter.text)) == set(said)
    assert f'<html lang="{language}">' in letter.html
    assert not re.search(r"[a-zäöü]\.[A-ZÄÖÜ]", letter.text), "two sentences without a blank"
    assert all(len(line) <= 72 or LINK in line for line in letter.text.splitlines())


@pytest.mark.parametrize("kind", [*ACCOUNT_KINDS, *OPERATOR_KINDS])
def test_no_letter_is_left_in_the_other_language(kind: str) -> None:
    german, english = written(a_notice(kind), Language.DE), written(a_notice(kind), Language.EN)
    assert german.text != english.text
    assert "Guten Tag," in german.text
    assert not {"the", "your", "is"} & {word.lower() for word in words(german.text)}
    assert not {"das", "ist", "nicht"} & {word.lower() for word in words(english.text)}


def test_a_receipt_in_german() -> None:
    letter = written(a_notice("topup.done"), Language.DE, "Studentenwerk München")
    assert letter.subject == (
        "Beleg: Ihr Telefonkonto wurde um 20,00\N{NO-BREAK SPACE}€ aufgeladen"
    )
    assert letter.text == GERMAN_RECEIPT


def test_a_receipt_in_english() -> None:
    letter = written(a_notice("topup.done"), Language.EN, "Studentenwerk München")
    assert letter.subject == "Receipt: your telephone account was topped up by €20.00"
    assert letter.text == ENGLISH_RECEIPT


@pytest.mark.parametrize(
    ("amount", "currency", "german", "english"),
    [
        ("0.9599", "EUR", "0,95 €", "€0.95"),
        ("1234567.8", "EUR", "1.234.567,80 €", "€1,234,567.80"),
        ("-0.0049", "EUR", "-0,01 €", "-€0.01"),
        ("0", "EUR", "0,00 €", "€0.00"),
        ("1500", "JPY", "1.500 ¥", "JP¥1,500"),
        ("1.5", "KWD", "1,500 KWD", "KWD1.500"),
        ("20", "GBP", "20,00 £", "£20.00"),
    ],
)
def test_money_is_written_as_the_language_does_and_is_never_more_than_there_is(
    amount: str, currency: str, german: str, english: str
) -> None:
    notice = a_notice("balance.low", available=amount, currency=currency)

    def shown(language: Language) -> str:
        return written(notice, language).text.replace("\N{NO-BREAK SPACE}", " ")

    assert f" {german}\n" in shown(Language.DE)
    assert f" {english}\n" in shown(Language.EN)


def test_instants_are_on_the_clock_of_the_site() -> None:
    notice = a_notice("pay.link", expires="2026-12-31T23:30:00+00:00")
    assert "1. Januar 2027, 00:30 Uhr" in written(notice, Language.DE).text.replace("\n", " ")
    assert "1 January 2027, 00:30" in written(notice, Language.EN).text.replace("\n", " ")


def test_the_month_in_which_a_card_ends_is_named() -> None:
    assert "Ende: März 2027\n" in written(a_notice("card.expiring"), Language.DE).text
    assert "end of: March 2027\n" in written(a_notice("card.expiring"), Language.EN).text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("decline", DeclineClass)
def test_every_class_of_decline_has_its_own_words(
    decline: DeclineClass, language: Language
) -> None:
    texts = {
        each: written(a_notice("topup.failed", decline=each.value), language).text
        for each in DeclineClass
    }
    assert [each for each, text in texts.items() if text == texts[decline]] == [decline]


@pytest.mark.parametrize("language", Language)
def test_a_card_that_must_never_be_used_is_not_called_stolen(language: Language) -> None:
    letter = written(a_notice("topup.failed", decline="never"), language)
    forbidden = r"stolen|lost|fraud|blocked|gestohlen|verloren|betrug|gesperrt"
    assert not re.search(forbidden, letter.text + letter.html, re.IGNORECASE)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", DisputeState)
def test_every_state_of_a_dispute_has_words(state: DisputeState, language: Language) -> None:
    assert written(a_notice("topup.disputed", state=state.value), language).text


def test_only_what_is_locked_is_told() -> None:
    both = written(a_notice("service.locked")).text
    one = written(a_notice("service.locked", incoming="ring")).text
    assert "voicemail" in both
    assert "voicemail" not in one
    assert "Emergency calls always go" in one


def test_a_link_stands_whole_in_both_forms() -> None:
    letter = written(a_notice("pay.link"))
    assert f"\n{LINK}\n" in letter.text
    assert f'href="{html.escape(LINK)}"' in letter.html


def test_a_link_that_is_not_given_leaves_no_button() -> None:
    details = {key: text for key, text in DETAILS["topup.failed"].items() if key != "retry_at"}
    letter = written(Notice("topup.failed", "s1001", "", AT, tuple(details.items())))
    assert "href" not in letter.html
    assert "try again" not in letter.text


def test_names_are_text_and_never_markup() -> None:
    hostile = '<b>Visa</b> "4242" & <script>alert(1)</script>'
    letter = written(a_notice("topup.done", method=hostile), site="Hall <South> & Co")
    assert hostile in letter.text
    assert html.escape(hostile, quote=False).split(" ")[0] in letter.html
    assert "<script" not in letter.html
    assert "<b>" not in letter.html
    assert "Hall &lt;South&gt; &amp; Co" in letter.html


def test_line_ends_in_a_value_add_no_lines() -> None:
    letter = written(a_notice("topup.done", method="Visa\r\nBalance now: 0"))
    assert "Paid with:   Visa Balance now: 0\n" in letter.text


def test_the_operator_reads_what_was_said_and_never_a_link() -> None:
    letter = written(a_notice("alarm.raised", pbx="hall", link=LINK))
    assert letter.subject == "Alarm: s1001"
    assert "said in English" in letter.text
    assert "pbx:" in letter.text
    assert "pay/7f3a9c" not in letter.text + letter.html


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("topup.done", {"amount": "twenty"}, "'twenty' is not an amount"),
        ("topup.done", {"currency": "EUX"}, "unknown currency 'EUX'"),
        ("topup.failed", {"decline": "odd"}, "odd"),
        ("topup.failed", {"retry_at": "soon"}, "soon"),
        ("card.expiring", {"month": "2027-13"}, "'2027-13' is no month such as 2027-03"),
    ],
)
def test_a_notice_that_makes_no_sense_is_refused_by_name(
    kind: str, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(BadRecord, match=f"notice {kind} of s1001 cannot be written: .*{said}"):
        written(a_notice(kind, **changes))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", DETAILS)
def test_a_detail_that_is_missing_is_never_left_out_in_silence(
    kind: str, language: Language
) -> None:
    may_be_missing = {"link", "retry_at"} if kind in ("topup.failed", "card.expiring") else set()
    unused = {
        "service.opened": {"outgoing", "incoming"},
        "service.warning": {"outgoing", "incoming"},
        "topup.failed": {"balance"},
        "topup.authentication_needed": {"balance", "reference"},
        "topup.disputed": {"balance", "method"},
    }.get(kind, set())
    for name in set(DETAILS[kind]) - may_be_missing - unused:
        left = {key: text for key, text in DETAILS[kind].items() if key != name}
        with pytest.raises(BadRecord, match=f"notice {kind} of s1001 cannot be written"):
            written(Notice(kind, "s1001", "", AT, tuple(left.items())), language)
