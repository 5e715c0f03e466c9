"""Words, texts to agree to, amounts and limits, each by itself."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from rtbill.domain.errors import ConfigError
from rtbill.web.pay_buying import top_up_words
from rtbill.web.pay_forms import Mistyped, amount
from rtbill.web.pay_limits import ADDRESSES_MAX, Bucket, Strangers, caller
from rtbill.web.pay_mandates import CARD, TOP_UP, open_mandates
from rtbill.web.pay_template import is_safe_page
from rtbill.web.pay_words import accepted, amount_text, words
from tests.fakes.environment import ManualClock

AMOUNTS = {
    "threshold": "3.00 EUR",
    "increment": "15.00 EUR",
    "day_max": "45.00 EUR",
    "month_max": "60.00 EUR",
}


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    english, german = words("en"), words("de")
    assert english.keys() == german.keys()
    for key, text in english.items():
        assert _places(text) == _places(german[key]), key
        assert text != german[key] or len(text) < 12, key


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("fr,it;q=0.9", "en"),
        ("fr,de;q=0.1", "de"),
        ("en;q=0.2,de;q=0.7", "de"),
        ("de;q=0,fr", "en"),
        ("de;q=x", "de"),
        (";;;,,,=", "en"),
    ],
)
def test_a_browser_is_answered_in_the_language_it_wants_most(header: str, language: str) -> None:
    assert accepted(header) == language


def test_amounts_are_written_as_each_language_writes_them() -> None:
    assert amount_text("1234.50", "EUR", "en") == "1234.50\N{NO-BREAK SPACE}EUR"
    assert amount_text("1234.50", "EUR", "de") == "1234,50\N{NO-BREAK SPACE}EUR"


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_text_of_top_ups_says_what_is_agreed_to(language: str) -> None:
    text = " ".join(open_mandates("1").paragraphs(TOP_UP, language, site="Hall", **AMOUNTS))
    for value in (*AMOUNTS.values(), "Hall"):
        assert value in text
    stop = {"en": "How to stop", "de": "Wie Sie es beenden"}
    assert stop[language] in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_text_of_cards_says_that_nothing_is_charged_now(language: str) -> None:
    text = " ".join(open_mandates("1").paragraphs(CARD, language, site="Hall"))
    assert {"en": "Nothing is charged now", "de": "Jetzt wird nichts abgebucht"}[language] in text


def _own_texts(folder: Path, **changed: str) -> Path:
    places = "{threshold} {increment} {day_max} {month_max}"
    texts = {"card.en": "x", "card.de": "x", "top-up.en": places, "top-up.de": places}
    (folder / "2026-11").mkdir()
    for name, text in (
        texts | {key.replace("_", "."): each for key, each in changed.items()}
    ).items():
        if text:
            (folder / "2026-11" / f"{name}.txt").write_text(text)
    return folder


def test_a_site_has_texts_of_its_own(tmp_path: Path) -> None:
    mandates = open_mandates("2026-11", _own_texts(tmp_path))
    assert mandates.paragraphs(TOP_UP, "de", **AMOUNTS) == [" ".join(AMOUNTS.values())]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"card_en": ""}, "cannot be read"),
        ({"card_de": " "}, "is empty"),
        ({"top-up_en": "{threshold} {increment} {day_max}"}, "says nothing of month_max"),
        ({"card_en": "{balance}"}, "nobody knows what to put for balance"),
        ({"card_en": "{site.__class__}"}, "nobody knows what to put for site.__class__"),
        ({"card_en": "a { b"}, "its braces do not fit"),
    ],
)
def test_a_text_that_says_too_little_is_found_at_the_start(
    tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        open_mandates("2026-11", _own_texts(tmp_path, **changed))


@pytest.mark.parametrize("version", ["2", "../1", "/etc", "", ".", "1/../1", "a" * 40])
def test_a_version_without_texts_is_found_at_the_start(version: str) -> None:
    with pytest.raises(ConfigError, match=r"payments\.text_version"):
        open_mandates(version)


@pytest.mark.parametrize(
    ("typed", "micros"),
    [("20", 20_000_000), ("20,5", 20_500_000), (" 20.00 EUR", 20_000_000), ("0.01", 10_000)],
)
def test_amounts_are_read_with_point_and_comma(typed: str, micros: int) -> None:
    assert amount({"a": typed}, "a", "EUR") == micros


@pytest.mark.parametrize(
    "typed", ["", "1.000,00", "1,000.00", "-5", "NaN", "1e9", "\uff15", "20 USD"]
)
def test_what_could_be_two_amounts_is_none(typed: str) -> None:
    with pytest.raises(Mistyped):
        amount({"a": typed}, "a", "EUR")


def test_a_bucket_fills_with_time() -> None:
    clock = ManualClock()
    bucket = Bucket(0.5, 2, clock)
    assert [bucket.take() for _ in range(3)] == [0, 0, 2]
    clock.pass_time(2)
    assert [bucket.take() for _ in range(2)] == [0, 2]


def test_many_addresses_are_held_to_a_limit_together_and_not_remembered_for_ever() -> None:
    strangers = Strangers(ManualClock())
    waits = [strangers.wait_s(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(300)]
    assert waits.count(0) == 200
    for n in range(2 * ADDRESSES_MAX):
        strangers.wait_s(str(n))
    assert len(strangers._by_address) == ADDRESSES_MAX


def test_one_ipv6_network_is_one_stranger() -> None:
    strangers = Strangers(ManualClock())
    waits = [strangers.wait_s(f"2001:db8::{n:x}") for n in range(30)]
    assert waits.count(0) == 20


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("127.0.0.1", "192.0.2.1", "", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.1", "127.0.0.1", "192.0.2.1"),
        ("127.0.0.1", "6.6.6.6, 192.0.2.1", "127.0.0.1", "192.0.2.1"),
        ("203.0.113.5", "192.0.2.1", "127.0.0.1", "203.0.113.5"),
        ("127.0.0.1", "", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "<script>", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    peer: str, forwarded: str, trusted: str, address: str
) -> None:
    assert caller(peer, forwarded, trusted) == address


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://checkout.stripe.com/c/pay/cs_1", True),
        ("http://127.0.0.1:9475/pages", True),
        ("http://checkout.example", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("//checkout.example", False),
        ("", False),
        ("http://[::1", False),
    ],
)
def test_browsers_are_sent_to_pages_over_tls_only(url: str, is_safe: bool) -> None:  # noqa: FBT001
    assert is_safe_page(url) is is_safe


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("approved", "top_up_paid"),
        ("action needed", "top_up_action"),
        ("cancelled", "top_up_off"),
        ("reversed", "top_up_off"),
        ("unknown", "top_up_waiting"),
        ("sent", "top_up_waiting"),
        ("wanted", "top_up_waiting"),
    ],
)
def test_every_state_of_a_top_up_has_its_words(state: str, said: str) -> None:
    assert top_up_words({"state": state, "decline": None}) == said
    assert f"{said}.text" in words("en")
