"""Secrets that do not keep anybody out."""

from __future__ import annotations

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


def is_known(secret: str) -> bool:
    """Whether everybody knows this secret."""
    return secret.lower() in KNOWN_SECRETS


def is_short(secret: str) -> bool:
    """Whether trying all of them is within reach."""
    return len(secret) < SECRET_LENGTH_MIN
