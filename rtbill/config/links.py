"""What one mistake in the account of an exchange would cost: secrets and clear-text links are
checked here, on the raw table, so that they are reported together with every other mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rtbill.config.private_file import read_private
from rtbill.domain.hosts import is_loopback, is_wildcard
from rtbill.domain.weak_secrets import SECRET_LENGTH_MIN, is_known, is_short

_TOKEN = re.compile(r"[0-9A-Za-z._-]{1,200}")
"""It stands in a dialplan and in a form: nothing that either would read as syntax."""
PIN_SECRET_VARIABLE = "RTBILL_PIN_SECRET"  # noqa: S105 - a name, no secret
_OR_ACCEPT = " (or set weak_secret_accepted = true)"
LIVE_TOKEN_VARIABLE = "RTBILL_LIVE_TOKEN"  # noqa: S105 - where it may stand
_NOT_HERE = (
    "{what}: a {what} does not belong in this file; use {what}_file, a systemd credential "
    "or the environment (a demonstration on this machine may set demo = true)"
)


def secret_variable(name: str, what: str = "secret") -> str:
    """Name of the environment variable that may hold this exchange's secret (or token)."""
    return f"RTBILL_PBX_{re.sub('[^A-Z0-9]', '_', name.upper())}_{what.upper()}"


def link_problems(table: Mapping[str, object]) -> list[str]:
    """What is wrong with the link of one `[[pbx]]` table, each as `key: text`."""
    problems = []
    host = table.get("host")
    loopback = isinstance(host, str) and is_loopback(host)
    plain = "tls" not in table and table.get("plain_text_accepted") is not True
    if isinstance(host, str) and not loopback and plain:
        problems.append(
            f"tls: {host} is not this machine, and AMI without TLS shows secret and calls to the "
            "network; add a [pbx.tls] table, or plain_text_accepted = true inside a VPN"
        )
    if table.get("mode") == "post":
        problems.append(
            "mode: an asterisk exchange tells of its calls while they run; use 'reactive', or "
            "'inline' to be asked before it dials"
        )
    if "secret" in table and table.get("demo") is not True:
        problems.append(_NOT_HERE.format(what="secret"))
    if "token" in table and table.get("demo") is not True:
        problems.append(_NOT_HERE.format(what="token"))
    if table.get("demo") is True and not loopback:
        problems.append("demo: only for an exchange on this machine; set host to 127.0.0.1")
    return problems


def inline_problems(
    inline: Mapping[str, object], asking: Sequence[Mapping[str, object]]
) -> list[str]:
    """What is wrong with the `[inline]` table; `asking` are the `[[pbx]]` of mode inline."""
    host, port = inline.get("host", "127.0.0.1"), inline.get("port", 0)
    problems = _address_problems(inline, host, asking)
    if asking and port == 0:
        problems.append(
            "inline.port: is missing, but an exchange has mode 'inline' and asks there; "
            "choose a free one such as 9465"
        )
    plain = "tls" not in inline and inline.get("plain_text_accepted") is not True
    if port and isinstance(host, str) and not is_loopback(host) and plain:
        problems.append(
            f"inline.tls: {host} is not this machine alone, and a question without TLS shows token "
            "and numbers to the network; add an [inline.tls] table, or plain_text_accepted = true "
            "inside a VPN"
        )
    return problems


def _address_problems(
    inline: Mapping[str, object], host: object, asking: Sequence[Mapping[str, object]]
) -> list[str]:
    """What is wrong with the address that the exchanges are told to ask."""
    url = inline.get("url")
    if isinstance(url, str):
        # Loopback is believed here: the end of a tunnel, or another address of this machine.
        if is_wildcard(_host_in(url)):
            return [f"inline.url: {url} stands for all addresses and is none to ask; name one"]
        return []
    if not isinstance(host, str) or not (is_loopback(host) or is_wildcard(host)):
        return []
    return [
        f"inline.url: is missing, but pbx {table.get('name')!r} at {far} is another machine, and "
        f"at {host} it would ask itself; write the address under which it reaches rtbill, such as "
        "https://rtbill.example:9465, and let inline.host listen there"
        for table in asking
        if isinstance(far := table.get("host"), str) and not is_loopback(far)
    ]


def _host_in(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def find_secret(
    table: Mapping[str, object], folder: Path, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The AMI secret of one `[[pbx]]` table from file, systemd credential, environment or
    demonstration, and what is wrong with it. Never part of a message.
    """
    return _find(table, folder, environ, "secret")


def find_token(
    table: Mapping[str, object], folder: Path, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The token with which an exchange of mode inline asks, found as its secret is; empty for an
    exchange that does not ask.
    """
    if table.get("mode") != "inline":
        return "", []
    token, problems = _find(table, folder, environ, "token")
    if token and not _TOKEN.fullmatch(token) and not problems:
        return "", ["token: may hold letters, digits, '.', '_' and '-' only"]
    return token, problems


def find_pin_secret(
    table: object, folder: Path, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The secret that PINs are mixed with, from file, systemd credential or environment, and what
    is wrong with it; empty where there is none, and no PIN then.
    """
    written = table.get("pin_secret_file") if isinstance(table, dict) else None
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "pin-secret"
    if isinstance(written, str):
        secret, problem = read_private(folder / written)
        if problem:
            return "", [f"pin_secret_file: {problem}"]
    elif credential.is_file():
        secret = credential.read_text(encoding="utf-8").strip()
    elif PIN_SECRET_VARIABLE in environ:
        secret = environ[PIN_SECRET_VARIABLE].strip()
    else:
        return "", []
    if problems := _weakness(secret, "pin_secret", accepted=False):
        return "", [each.removesuffix(_OR_ACCEPT) for each in problems]
    if not _TOKEN.fullmatch(secret):
        return "", ["pin_secret: may hold letters, digits, '.', '_' and '-' only"]
    return secret, []


def find_live_token(
    http: Mapping[str, object], folder: Path, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The token of the live stream, from its file, systemd credential or environment, and what is
    wrong with the `[http]` table on its account; empty where nobody may read the stream.
    """
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "live-token"
    if isinstance(written := http.get("live_token_file"), str):
        token, problem = read_private(folder / written)
        if problem:
            return "", [f"http.live_token_file: {problem}"]
    elif credential.is_file():
        token = credential.read_text(encoding="utf-8").strip()
    elif LIVE_TOKEN_VARIABLE in environ:
        token = environ[LIVE_TOKEN_VARIABLE].strip()
    else:
        return "", []
    return token, [f"http.live_token_file: {text}" for text in _live_problems(http, token)]


def _live_problems(http: Mapping[str, object], token: str) -> list[str]:
    problems = _weakness(token, "token", accepted=None)
    if token and not problems and not _TOKEN.fullmatch(token):
        problems.append("the token may hold letters, digits, '.', '_' and '-' only")
    host = http.get("host", "127.0.0.1")
    if isinstance(host, str) and not is_loopback(host):
        problems.append(
            f"http.host {host} is not this machine alone, and the live stream would show token, "
            "numbers and names to the network; set http.host to 127.0.0.1 and let a proxy with TLS "
            "pass it on"
        )
    if not http.get("port"):
        problems.append("http.port is missing, and the live stream is served there")
    return problems


def _find(
    table: Mapping[str, object], folder: Path, environ: Mapping[str, str], what: str
) -> tuple[str, list[str]]:
    name = str(table.get("name", ""))
    suffix = "" if what == "secret" else f"-{what}"
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / f"pbx-{name}{suffix}"
    variable = secret_variable(name, what)
    literal = table.get(what)
    if isinstance(written := table.get(f"{what}_file"), str):
        secret, problem = read_private(folder / written)
        if problem:
            return "", [f"{what}_file: {problem}"]
    elif re.fullmatch("[a-z0-9_-]+", name) and credential.is_file():
        secret = credential.read_text(encoding="utf-8").strip()
    elif variable in environ:
        secret = environ[variable].strip()
    elif isinstance(literal, str):
        secret = literal
    else:
        return "", [
            f"{what}_file: no {what} found; name a file of mode 0400 here, give systemd the "
            f"credential pbx-{name}{suffix}, or set {variable}"
        ]
    return secret, _weakness(secret, what, accepted=table.get("weak_secret_accepted") is True)


def _weakness(secret: str, what: str, *, accepted: bool | None) -> list[str]:
    if any(ord(character) < 0x20 for character in secret):
        return [f"{what}: holds a control character; a {what} is one line of text"]
    if not secret:
        return [f"{what}: is empty"]
    remedy = "make a new one with: openssl rand -hex 24"
    if accepted is not None:
        remedy += _OR_ACCEPT
    if accepted:
        return []
    if is_known(secret):
        return [f"{what}: is one that everybody knows; {remedy}"]
    if is_short(secret):
        return [f"{what}: is shorter than {SECRET_LENGTH_MIN} characters; {remedy}"]
    return []
