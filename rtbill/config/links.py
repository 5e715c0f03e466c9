"""What one mistake in the account of an exchange would cost: secrets and clear-text links are
checked here, on the raw table, so that they are reported together with every other mistake.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

SECRET_LENGTH_MIN = 16
KNOWN_SECRETS = frozenset(
    {
        "cluecon",
        "amp111",
        "admin",
        "admin123",
        "asterisk",
        "changeme",
        "change_me",
        "default",
        "elastix",
        "freepbx",
        "letmein",
        "mysecret",
        "passw0rd",
        "password",
        "pbx",
        "rtbill",
        "secret",
        "secret5",
        "test",
        "trixbox",
        "1234",
        "12345",
        "123456",
    }
)
"""Secrets that exchanges are shipped with or that every scanner tries first (SE-13)."""
_TOKEN = re.compile(r"[0-9A-Za-z._-]{1,200}")
"""It stands in a dialplan and in a form: nothing that either would read as syntax."""
_NOT_HERE = (
    "{what}: a {what} does not belong in this file; use {what}_file, a systemd credential "
    "or the environment (a demonstration on this machine may set demo = true)"
)


def is_loopback(host: str) -> bool:
    """Whether bytes sent to this host never leave the machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


def inline_problems(inline: Mapping[str, object], *, is_asked: bool) -> list[str]:
    """What is wrong with the `[inline]` table; `is_asked` when an exchange has mode inline."""
    host, port = inline.get("host", "127.0.0.1"), inline.get("port", 0)
    problems = []
    if is_asked and port == 0:
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


def read_private(path: Path) -> tuple[str, str]:
    """Content of a file that only we may read, or the reason why it is not used."""
    try:
        with path.open(encoding="utf-8") as file:
            # The opened file is judged, not the name: it cannot be exchanged in between.
            status = os.fstat(file.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if mode not in (0o400, 0o600):
                return "", f"{path} has mode {mode:04o}; run: chmod 0400 {path}"
            if status.st_uid != os.geteuid():
                return "", f"{path} belongs to user {status.st_uid}, not to the service"
            return file.read(4096).strip(), ""
    except OSError as error:
        return "", f"{path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return "", f"{path} is not UTF-8 text"


def _weakness(secret: str, what: str, *, accepted: bool) -> list[str]:
    if any(ord(character) < 0x20 for character in secret):
        return [f"{what}: holds a control character; a {what} is one line of text"]
    if not secret:
        return [f"{what}: is empty"]
    remedy = "make a new one with: openssl rand -hex 24 (or set weak_secret_accepted = true)"
    if accepted:
        return []
    if secret.lower() in KNOWN_SECRETS:
        return [f"{what}: is one that everybody knows; {remedy}"]
    if len(secret) < SECRET_LENGTH_MIN:
        return [f"{what}: is shorter than {SECRET_LENGTH_MIN} characters; {remedy}"]
    return []
