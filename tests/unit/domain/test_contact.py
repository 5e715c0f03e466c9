"""E-mail addresses and languages as people type them."""

from __future__ import annotations

import pytest

from rtbill.domain.contact import Language, checked_address, checked_language
from rtbill.domain.errors import BadRecord


@pytest.mark.parametrize(
    "text",
    [
        "lena@example.org",
        "  lena@example.org ",
        "lena.brandt+hall@mail.example.org",
        "o'brien@example.org",
        "desk@localhost",
        "a" * 64 + "@example.org",
        "lena@xn--exmple-cua.org",
    ],
)
def test_an_address_is_taken_without_the_blanks_around_it(text: str) -> None:
    assert checked_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lena",
        "lena@",
        "@example.org",
        "lena@@example.org",
        "lena@example..org",
        ".lena@example.org",
        "lena.@example.org",
        "lena@-example.org",
        "lena brandt@example.org",
        "Lena <lena@example.org>",
        "lena@example.org,tom@example.org",
        "lena@example.org\r\nBcc: all@example.org",
        "lena@example.org\nx",
        '"lena"@example.org',
        "lena@[192.0.2.1]",
        "a" * 65 + "@example.org",
        "a@" + "b" * 63 + ".example" * 30,
    ],
)
def test_what_no_server_takes_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadRecord, match=r"no e-mail address; write one like lena@example\.org"):
        checked_address(text)


def test_umlauts_in_an_address_are_refused_with_the_remedy() -> None:
    with pytest.raises(BadRecord, match="ASCII form"):
        checked_address("lena@exämple.org")


def test_a_language_is_known_by_its_code() -> None:
    assert checked_language(" DE") is Language.DE


def test_another_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadRecord, match="'fr' is no language of our mails; they are en, de"):
        checked_language("fr")
