"""Where a SOAP service is, and how each side proves who it is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rtbill.domain.errors import ConfigError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class UserToken:
    """Who asks, by WS-Security."""

    user: str
    password: str = field(repr=False)
    is_digest: bool = True
    """Only a digest of the password is sent; its plain text otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapAddress:
    """Where a service is, and what is shown there."""

    url: str
    tls: ssl.SSLContext | None = None
    """With the one CA that is trusted, and our certificate where one is asked for."""
    server_name: str = ""
    """What its certificate must be for; empty for the host of the address."""
    token: UserToken | None = None
    timeout_s: float = 15.0
    """For one question, from its turn to its answer; and for its turn."""


def check_address(address: SoapAddress) -> None:
    """ConfigError for an address at which secrets or money would travel unprotected."""
    parts = urlsplit(address.url)
    if parts.username or parts.password:
        raise ConfigError(["url: holds a password, which would be logged; use a user token"])
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return
    if parts.scheme != "https" or not parts.hostname:
        text = "write https://host/path; plain http only to 127.0.0.1"
        raise ConfigError([f"url: {address.url!r} is not protected; {text}"])
    tls = address.tls
    if tls is None:
        raise ConfigError(["tls: is missing; name the CA of the provider (ca_file)"])
    is_strict = tls.verify_mode is ssl.CERT_REQUIRED and tls.check_hostname
    if not is_strict or tls.minimum_version < ssl.TLSVersion.TLSv1_2:
        raise ConfigError(["tls: must check the certificate and its name, with TLS 1.2 or newer"])
