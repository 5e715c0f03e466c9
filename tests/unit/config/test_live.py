"""Who may read the live stream: a token from where secrets come from, and only on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.config_file import ENVIRON, GOOD, load, problems

TOKEN = "0123456789abcdef0123456789"
SERVED = GOOD + "[http]\nport = 9464\n"
FILED = SERVED + 'live_token_file = "live-token"\n'


def a_token(folder: Path, text: str = TOKEN, mode: int = 0o400) -> None:
    path = folder / "live-token"
    path.write_text(text + "\n")
    path.chmod(mode)


def test_without_a_token_nobody_may_read_it(tmp_path: Path) -> None:
    assert load(tmp_path, SERVED).http.live_token == ""


def test_the_token_is_that_of_the_file(tmp_path: Path) -> None:
    a_token(tmp_path)
    assert load(tmp_path, FILED).http.live_token == TOKEN


def test_the_token_may_stand_in_the_environment(tmp_path: Path) -> None:
    assert load(tmp_path, SERVED, ENVIRON | {"RTBILL_LIVE_TOKEN": TOKEN}).http.live_token == TOKEN


def test_the_token_may_be_a_credential_of_systemd(tmp_path: Path) -> None:
    (tmp_path / "live-token").write_text(TOKEN)
    environ = ENVIRON | {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load(tmp_path, SERVED, environ).http.live_token == TOKEN


def test_the_token_is_never_shown(tmp_path: Path) -> None:
    a_token(tmp_path)
    assert TOKEN not in repr(load(tmp_path, FILED))


@pytest.mark.parametrize(
    ("token", "mode", "text"),
    [
        (TOKEN, 0o644, "has mode 0644; run: chmod 0400"),
        ("short", 0o400, "is shorter than 16 characters; make a new one with: openssl"),
        ("", 0o400, "token: is empty"),
        ("a token with blanks in it", 0o400, "may hold letters, digits"),
    ],
)
def test_a_token_that_is_no_secret_is_refused(
    tmp_path: Path, token: str, mode: int, text: str
) -> None:
    a_token(tmp_path, token, mode)
    [found] = problems(tmp_path, FILED)
    assert found.startswith("http.live_token_file: ")
    assert text in found
    assert "weak_secret_accepted" not in found


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    [found] = problems(tmp_path, FILED)
    assert "live-token cannot be read" in found


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_the_stream_is_not_shown_to_the_network(tmp_path: Path, host: str) -> None:
    a_token(tmp_path)
    [found] = problems(tmp_path, FILED + f'host = "{host}"\n')
    assert "a proxy with TLS" in found


def test_a_token_without_a_listener_is_a_mistake(tmp_path: Path) -> None:
    a_token(tmp_path)
    [found] = problems(tmp_path, FILED.replace("port = 9464", "port = 0"))
    assert "http.port is missing" in found
