"""The files of a `[pbx.tls]` table: read once to check them, once more to use them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from rtbill.config.private_file import read_private
from rtbill.config.values import TlsConfig
from rtbill.domain.errors import ConfigError


def client_context(tls: TlsConfig) -> ssl.SSLContext:
    """What an exchange is met with: TLS 1.2 or newer, this CA alone, the name checked, and our
    certificate if there is one. ConfigError when a file cannot be used.
    """
    context, problems = _load(tls.ca_file, tls.client_cert_file, tls.client_key_file)
    if problems:
        raise ConfigError([f"tls.{problem}" for problem in problems])
    return context


def tls_problems(table: Mapping[str, object], folder: Path) -> list[str]:
    """What is wrong with the files that the `tls` of one `[[pbx]]` table names, as `key: text`."""
    tls = table.get("tls")
    if not isinstance(tls, dict):
        return []
    names = ("ca_file", "client_cert_file", "client_key_file")
    ca, cert, key = (
        folder / written if isinstance(written := tls.get(name), str) and written else None
        for name in names
    )
    problems = [
        f"{missing}: is missing, but {given} is there; they go together"
        for given, missing, there in (
            ("client_cert_file", "client_key_file", (cert, key)),
            ("client_key_file", "client_cert_file", (key, cert)),
        )
        if there[0] is not None and there[1] is None
    ]
    if not problems and ca is not None:
        problems = _load(ca, cert, key)[1]
    return [f"tls.{problem}" for problem in problems]


def _load(ca: Path, cert: Path | None, key: Path | None) -> tuple[ssl.SSLContext, list[str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    problems = []
    try:
        context.load_verify_locations(cafile=ca)
    except ssl.SSLError:
        problems.append(f"ca_file: {ca} holds no certificate in PEM form")
    except OSError as error:
        problems.append(f"ca_file: {ca} cannot be read: {error.strerror}")
    if cert is not None and key is not None:
        problems += _load_own(context, cert, key)
    return context, problems


def _load_own(context: ssl.SSLContext, cert: Path, key: Path) -> list[str]:
    _, problem = read_private(key)
    if problem:
        return [f"client_key_file: {problem}"]
    try:
        context.load_cert_chain(cert, key, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return [f"client_key_file: {key} is not the key of {cert}"]
        text = f"{cert} and {key} are not a certificate and its key in PEM form, without passphrase"
        return [f"client_cert_file: {text}"]
    except OSError as error:
        return [f"client_cert_file: {cert} cannot be read: {error.strerror}"]
    return []
