"""The `[api]` and `[[webhook]]` tables: who may ask, who is told, and secrets that nobody sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtbill.config import ApiConfig, Right
from rtbill.domain.told import WEBHOOK_EVENTS
from tests.fakes.config_file import GOOD, load, problems

TOKEN = "0123456789abcdef0123456789"
API = GOOD + "[api]\nport = 9466\n"
BILLING = '[[api.token]]\nname = "billing"\ntoken_file = "billing"\nrights = ["read", "credit"]\n'
HOOK = (
    '[[webhook]]\nname = "billing"\nurl = "https://billing.example/in"\n'
    'events = ["account.low"]\nsecret_files = ["hook"]\n'
)


@pytest.fixture(autouse=True)
def _secrets(tmp_path: Path) -> None:
    for name in ("billing", "hook"):
        a_secret(tmp_path, name, f"{TOKEN}-{name}")


def a_secret(folder: Path, name: str, text: str, mode: int = 0o400) -> None:
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(text + "\n")
    path.chmod(mode)


def api(folder: Path, text: str = API + BILLING) -> ApiConfig:
    found = load(folder, text).api
    assert found is not None
    return found


def test_without_the_tables_nobody_asks_and_nobody_is_told(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.api, found.webhooks) == (None, ())


def test_what_is_left_out_is_safe(tmp_path: Path) -> None:
    found = api(tmp_path)
    assert (found.host, found.port, found.cert_file, found.requests_per_s) == (
        *("127.0.0.1", 9466, None, 50),
    )
    (token,) = found.tokens
    assert (token.name, token.rights) == (*("billing", frozenset({Right.READ, Right.CREDIT})),)
    assert token.secret == f"{TOKEN}-billing"
    assert TOKEN not in repr(found)


def test_certificate_and_key_are_found_beside_the_configuration(tmp_path: Path) -> None:
    tls = '[api.tls]\ncert_file = "api.pem"\nkey_file = "api.key"\n'
    found = api(tmp_path, GOOD + '[api]\nhost = "0.0.0.0"\nport = 9466\n' + tls + BILLING)
    assert (found.cert_file, found.key_file) == (tmp_path / "api.pem", tmp_path / "api.key")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (API, "api.token: is missing"),
        (API.replace("port", "prot") + BILLING, "api.port: is missing"),
        (
            API.replace("9466", '9466\nhost = "0.0.0.0"') + BILLING,
            "api.tls: 0.0.0.0 is not this machine alone",
        ),
        (API + BILLING.replace("credit", "pay"), "api.token[0].rights[1]: Input should be"),
        (API + BILLING.replace('"read", "credit"', ""), "api.token[0].rights: List should have"),
        (API + BILLING.replace('= "billing"\nt', '= "Billing"\nt'), "api.token[0].name: String"),
        (API + BILLING + BILLING, "api.token: two have the same name"),
        (
            API + BILLING + BILLING.replace('name = "billing"', 'name = "other"'),
            "api.token: two have the same secret",
        ),
        (API + BILLING.replace('= "billing"\nr', '= "none"\nr'), "token_file: "),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_its_key(
    tmp_path: Path, text: str, said: str
) -> None:
    assert any(said in each for each in problems(tmp_path, text)), problems(tmp_path, text)


@pytest.mark.parametrize(
    ("secret", "mode", "said"),
    [
        ("", 0o400, "is empty"),
        ("much-too-few", 0o400, "is shorter than"),
        ("with blanks in it and long enough", 0o400, "holds what cannot stand in a header"),
        (TOKEN, 0o644, "has mode 0644; run: chmod 0400"),
    ],
)
def test_a_token_that_nobody_should_rely_on_is_refused_and_not_shown(
    tmp_path: Path, secret: str, mode: int, said: str
) -> None:
    a_secret(tmp_path, "billing", secret, mode)
    (problem,) = problems(tmp_path, API + BILLING)
    assert problem.startswith("api.token[0].token_file: ")
    assert said in problem
    assert "make a new one with: rtbill api token new billing" in problem
    assert not secret or secret not in problem


def test_a_webhook_has_its_events_and_up_to_two_secrets(tmp_path: Path) -> None:
    a_secret(tmp_path, "old", f"{TOKEN}-old")
    text = GOOD + HOOK.replace('["hook"]', '["hook", "old"]')
    (found,) = load(tmp_path, text).webhooks
    assert found.secrets == (f"{TOKEN}-hook", f"{TOKEN}-old")
    assert (found.events, found.timeout_s, found.give_up_h) == (frozenset({"account.low"}), 10, 72)
    assert not found.is_private_accepted
    assert TOKEN not in repr(found)


def test_every_event_can_be_wanted(tmp_path: Path) -> None:
    names = ", ".join(f'"{event}"' for event in WEBHOOK_EVENTS)
    (found,) = load(tmp_path, GOOD + HOOK.replace('"account.low"', names)).webhooks
    assert found.events == set(WEBHOOK_EVENTS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://billing.example/in", "http://billing.example/in", "begins with https://"),
        ("https://billing.example/in", "ftp://billing.example/", "is not an address such as"),
        ("https://billing.example/in", "https://u:p@billing.example/", "neither user and password"),
        ("https://billing.example/in", "https://billing.example:x/", "is not an address"),
        ("https://billing.example/in", "https://", "is not an address such as"),
        ("account.low", "account.lost", "'account.lost' is no event; they are account.credited"),
        ('["hook"]', "[]", "webhook[0].secret_files: List should have at least 1"),
        ('["hook"]', '["none"]', "webhook[0].secret_files: none: "),
        ('"hook"]', '"hook"]\nca_file = "none.pem"', "webhook[0].ca_file: "),
    ],
)
def test_a_webhook_that_cannot_be_used_is_told_with_its_key(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = GOOD + HOOK.replace(old, new)
    assert any(said in each for each in problems(tmp_path, text)), problems(tmp_path, text)


def test_a_receiver_on_this_machine_needs_no_tls(tmp_path: Path) -> None:
    text = GOOD + HOOK.replace("https://billing.example", "http://127.0.0.1:8080")
    assert load(tmp_path, text).webhooks[0].url == "http://127.0.0.1:8080/in"


def test_two_webhooks_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "webhook: two are named 'billing'" in problems(tmp_path, GOOD + HOOK + HOOK)
