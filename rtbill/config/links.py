"""What one mistake in the account of an exchange would cost: secrets and clear-text links are
checked here, on the raw table, so that they are reported together with every other mistake.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from rtbill.config.private_file import read_private

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


def is_loopback(host: str) -> bool:
    """Whether bytes sent to this host never leave the machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secret_variable(name: str) -> str:
    """Name of the environment variable that may hold this exchange's secret."""
    return f"RTBILL_PBX_{re.sub('[^A-Z0-9]', '_', name.upper())}_SECRET"


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
    if table.get("mode") in ("inline", "post"):
        problems.append(
            f"mode: an asterisk exchange cannot be billed in mode {table['mode']!r} yet; "
            "use 'reactive'"
        )
    if "secret" in table and table.get("demo") is not True:
        problems.append(
            "secret: a secret does not belong in this file; use secret_file, a systemd credential "
            "or the environment (a demonstration on this machine may set demo = true)"
        )
    elif table.get("demo") is True and not loopback:
        problems.append("demo: only for an exchange on this machine; set host to 127.0.0.1")
    return problems


def find_secret(
    table: Mapping[str, object], folder: Path, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The exchange's secret from file, systemd credential, environment or demonstration, and what
    is wrong with it. Never part of a message.
    """
    name = str(table.get("name", ""))
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / f"pbx-{name}"
    literal = table.get("secret")
    if isinstance(written := table.get("secret_file"), str):
        secret, problem = read_private(folder / written)
        if problem:
            return "", [f"secret_file: {problem}"]
    elif re.fullmatch("[a-z0-9_-]+", name) and credential.is_file():
        secret = credential.read_text(encoding="utf-8").strip()
    elif secret_variable(name) in environ:
        secret = environ[secret_variable(name)].strip()
    elif isinstance(literal, str):
        secret = literal
    else:
        return "", [
            f"secret_file: no secret found; name a file of mode 0400 here, give systemd the "
            f"credential pbx-{name}, or set {secret_variable(name)}"
        ]
    return secret, _weakness(secret, accepted=table.get("weak_secret_accepted") is True)


def _weakness(secret: str, *, accepted: bool) -> list[str]:
    if any(ord(character) < 0x20 for character in secret):
        return ["secret: holds a control character; a secret is one line of text"]
    if not secret:
        return ["secret: is empty"]
    remedy = "make a new one with: openssl rand -hex 24 (or set weak_secret_accepted = true)"
    if accepted:
        return []
    if secret.lower() in KNOWN_SECRETS:
        return [f"secret: is one that everybody knows; {remedy}"]
    if len(secret) < SECRET_LENGTH_MIN:
        return [f"secret: is shorter than {SECRET_LENGTH_MIN} characters; {remedy}"]
    return []
