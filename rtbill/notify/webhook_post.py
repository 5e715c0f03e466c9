"""Events over HTTPS to an address that somebody configured: signed, and only where it is allowed.

    POST /rtbill HTTP/1.1
    Rtbill-Event-Id: evt_5f0c…
    Rtbill-Signature: t=1764583200,v1=9a1f…,v1=03bc…

`v1` is the HMAC-SHA256 of `t`, a full stop and the raw body, in hexadecimal; one for each secret,
so that a secret can be changed without a gap. Whoever checks `t` against the clock is safe from
repetitions. Redirects are not followed, and the name is looked up here, so that what was checked is
what is connected to.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from rtbill.domain.errors import Unavailable
from rtbill.domain.hosts import is_loopback

ANSWER_BYTES_MAX = 64 * 1024
SIGNATURE = "Rtbill-Signature"
EVENT_ID = "Rtbill-Event-Id"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NEVER = "it is no address of the internet; set private_address_accepted = true if it is meant"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTerms:
    """What the operator decided about one address."""

    name: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    ca_file: Path | None
    is_private_accepted: bool
    timeout_s: float


class WebhookPost:
    """Sends one event at a time; keeps nothing but its TLS."""

    def __init__(self, terms: WebhookTerms) -> None:
        self._terms = terms
        self._url = httpx.URL(terms.url)
        self._tls = ssl.create_default_context(cafile=terms.ca_file)

    async def send(self, identity: str, body: bytes, at_s: int) -> int:
        """The status of the answer; Unavailable when there was none in time."""
        try:
            async with asyncio.timeout(self._terms.timeout_s):
                return await self._sent(identity, body, at_s)
        except TimeoutError:
            raise Unavailable(f"no answer within {self._terms.timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise Unavailable(_reason(error)) from error

    async def _sent(self, identity: str, body: bytes, at_s: int) -> int:
        host = self._url.host
        address = await self._address(host)
        headers = {
            "Host": self._url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "rtbill",
            EVENT_ID: identity,
            SIGNATURE: signature(self._terms.secrets, body, at_s),
        }
        async with (
            httpx.AsyncClient(
                verify=self._tls,
                trust_env=False,
                follow_redirects=False,
                timeout=self._terms.timeout_s,
            ) as client,
            client.stream(
                "POST",
                self._url.copy_with(host=str(address)),
                content=body,
                headers=headers,
                extensions={"sni_hostname": host},
            ) as response,
        ):
            size = 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > ANSWER_BYTES_MAX:
                    break  # closing the connection is all that the rest is good for
            return response.status_code

    async def _address(self, host: str) -> Address:
        """Where the host is; Unavailable when it is nowhere, or where it must not be."""
        loop = asyncio.get_running_loop()
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unavailable(f"{host} is not found: {error.strerror or error}") from error
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        for address in addresses:
            if self._is_allowed(address, host):
                return address
        raise Unavailable(f"{host} is {addresses[0]}: {_NEVER}")

    def _is_allowed(self, address: Address, host: str) -> bool:
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_multicast or address.is_unspecified:
            return False
        if self._terms.is_private_accepted:
            return True
        if is_loopback(host):
            return address.is_loopback
        return address.is_global and not _hides_another(address)


def _hides_another(address: Address) -> bool:
    """Whether it stands for an IPv4 address, which may be any."""
    if not isinstance(address, ipaddress.IPv6Address):
        return False
    return address in _NAT64 or address.sixtofour is not None or address.teredo is not None


def signature(secrets: Sequence[str], body: bytes, at_s: int) -> str:
    """The header's value: the instant, and a signature for each secret."""
    signed = str(at_s).encode() + b"." + body
    marks = [hmac.new(each.encode(), signed, hashlib.sha256).hexdigest() for each in secrets]
    return ",".join([f"t={at_s}", *(f"v1={mark}" for mark in marks)])


def _reason(error: httpx.HTTPError) -> str:
    """Why there was no answer, in words; the certificate first, which is mended otherwise."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not believed: {cause.verify_message}; see ca_file"
        cause = cause.__cause__ or cause.__context__
    return f"it cannot be reached: {error}"
