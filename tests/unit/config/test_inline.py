"""The configuration of exchanges that ask before they dial: where, with what, over what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.config_file import ASKING, ASKING_ENVIRON, ENVIRON, load, problems


def test_an_exchange_that_asks_has_a_token_and_an_address_to_ask(tmp_path: Path) -> None:
    config = load(tmp_path, ASKING, ASKING_ENVIRON)
    assert config.pbxs[0].token == "a-token-of-the-tests-only"
    assert config.inline.address == "http://127.0.0.1:9465"


def test_an_exchange_that_asks_needs_a_place_to_ask(tmp_path: Path) -> None:
    text = ASKING.replace("port = 9465", "")
    assert "inline.port: is missing" in "\n".join(problems(tmp_path, text, ASKING_ENVIRON))


def test_a_token_is_looked_for_only_where_an_exchange_asks(tmp_path: Path) -> None:
    assert load(tmp_path).pbxs[0].token == ""
    assert "RTBILL_PBX_HALL_TOKEN" in "\n".join(problems(tmp_path, ASKING))


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("secret", "token: is one that everybody knows"),
        ("short-but-new", "token: is shorter than 16"),
        ("a token with ${EPOCH} inside", "token: may hold letters"),
    ],
)
def test_a_token_that_is_weak_or_unsafe_in_a_dialplan_is_refused(
    tmp_path: Path, token: str, expected: str
) -> None:
    environ = ENVIRON | {"RTBILL_PBX_HALL_TOKEN": token}
    assert expected in "\n".join(problems(tmp_path, ASKING, environ))


@pytest.mark.parametrize("more", ['host = "0.0.0.0"', 'host = "192.0.2.7"'])
def test_questions_from_another_host_need_tls(tmp_path: Path, more: str) -> None:
    found = "\n".join(problems(tmp_path, ASKING + more, ASKING_ENVIRON))
    assert "inline.tls" in found
    config = load(tmp_path, ASKING + more + "\nplain_text_accepted = true", ASKING_ENVIRON)
    assert config.inline.port == 9465


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:9465"),
        ("::", "http://[::1]:9465"),
        ("::1", "http://[::1]:9465"),
        ("192.0.2.7", "http://192.0.2.7:9465"),
    ],
)
def test_an_exchange_on_this_machine_asks_an_address_that_can_be_asked(
    tmp_path: Path, host: str, address: str
) -> None:
    text = f'{ASKING}host = "{host}"\nplain_text_accepted = true\n'
    assert load(tmp_path, text, ASKING_ENVIRON).inline.address == address


ASKING_FROM_AFAR = ASKING.replace(
    'host = "127.0.0.1"', 'host = "192.0.2.10"\nplain_text_accepted = true'
)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "::"])
def test_an_exchange_on_another_machine_is_told_an_address_that_it_reaches(
    tmp_path: Path, host: str
) -> None:
    text = f'{ASKING_FROM_AFAR}host = "{host}"\nplain_text_accepted = true\n'
    (found,) = problems(tmp_path, text, ASKING_ENVIRON)
    assert found.startswith("inline.url: is missing, but pbx 'hall' at 192.0.2.10 is another")
    assert f"at {host} it would ask itself; write the address" in found
    told = text + 'url = "http://192.0.2.20:9465"\n'
    assert load(tmp_path, told, ASKING_ENVIRON).inline.address == "http://192.0.2.20:9465"


def test_an_address_of_this_machine_that_the_exchange_reaches_is_enough(tmp_path: Path) -> None:
    text = ASKING_FROM_AFAR + 'host = "192.0.2.20"\nplain_text_accepted = true\n'
    config = load(tmp_path, text, ASKING_ENVIRON)
    assert config.inline.address == "http://192.0.2.20:9465"


def test_who_does_not_ask_needs_no_address(tmp_path: Path) -> None:
    text = ASKING_FROM_AFAR.replace('"inline"', '"reactive"')
    assert load(tmp_path, text).inline.url is None


@pytest.mark.parametrize("url", ["http://0.0.0.0:9465", "https://[::]:9465"])
def test_all_addresses_at_once_cannot_be_asked(tmp_path: Path, url: str) -> None:
    (found,) = problems(tmp_path, f'{ASKING}url = "{url}"\n', ASKING_ENVIRON)
    assert found == f"inline.url: {url} stands for all addresses and is none to ask; name one"


def test_the_end_of_a_tunnel_on_the_exchange_may_be_named(tmp_path: Path) -> None:
    text = ASKING_FROM_AFAR + 'url = "http://127.0.0.1:9465"\n'
    assert load(tmp_path, text, ASKING_ENVIRON).inline.address == "http://127.0.0.1:9465"


def test_the_certificate_makes_the_address_https(tmp_path: Path) -> None:
    text = ASKING + '[inline.tls]\ncert_file = "c.pem"\nkey_file = "k.pem"\n'
    config = load(tmp_path, text, ASKING_ENVIRON)
    assert config.inline.address == "https://127.0.0.1:9465"
    assert config.inline.tls is not None
    assert config.inline.tls.cert_file == tmp_path / "c.pem"
