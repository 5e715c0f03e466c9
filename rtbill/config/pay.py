"""The `[pay]` table: where holders see the pay pages, and where providers call us."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr

from rtbill.config.api import ServerTlsTable
from rtbill.config.words import Port, Text
from rtbill.domain.hosts import is_loopback


def _ip_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address such as 127.0.0.1") from None


class PayTable(BaseModel):
    """As it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Text = "127.0.0.1"
    port: Port
    tls: ServerTlsTable | None = None
    trusted_proxy: Annotated[StrictStr, AfterValidator(_ip_address)] | None = None
    webhook_host: Text | None = None
    webhook_port: Port | None = None
    texts: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayConfig:
    """Where the pay pages and webhooks are served."""

    host: str
    port: int
    cert_file: Path | None = None
    """None: without TLS, for this machine alone."""
    key_file: Path | None = None
    trusted_proxy: str = ""
    """The address whose X-Forwarded-For is believed; empty: nobody's is."""
    webhook_host: str = "127.0.0.1"
    webhook_port: int = 0
    """A listener for webhooks alone; 0: they come where the pages are."""
    texts: Path | None = None
    """A folder with the site's own texts that holders agree to; None: those that come with us."""


def pay_problems(raw: Mapping[str, Any]) -> list[str]:
    """What is wrong with the raw `[pay]` table beside its shape, each as `key: text`."""
    table = raw.get("pay")
    if not isinstance(table, dict):
        return []
    payments = raw.get("payments")
    url = payments.get("url") if isinstance(payments, dict) else None
    problems = _listener_problems(table) + _url_problems(url, table)
    if not raw.get("gateway"):
        problems.append("pay: there is no [[gateway]], so nobody could pay; add one, or remove it")
    return problems


def _listener_problems(table: Mapping[str, Any]) -> list[str]:
    problems = []
    for key in ("host", "webhook_host"):
        host = table.get(key, "127.0.0.1")
        if isinstance(host, str) and not is_loopback(host) and "tls" not in table:
            problems.append(
                f"pay.{key}: {host} is not this machine alone, and links would cross the network "
                "in clear text; add a [pay.tls] table, or listen on 127.0.0.1 behind a proxy with "
                "TLS"
            )
    if "webhook_host" in table and "webhook_port" not in table:
        problems.append("pay.webhook_port: is missing; webhook_host goes together with it")
    if table.get("webhook_port") is not None and table.get("webhook_port") == table.get("port"):
        problems.append("pay.webhook_port: is that of the pages; leave it out to share them")
    return problems


def _url_problems(url: object, table: Mapping[str, Any]) -> list[str]:
    if not isinstance(url, str):
        return [
            "payments.url: is missing; write the address under which holders reach the pages, such "
            "as https://pay.example"
        ]
    try:
        parts = urlsplit(url)
    except ValueError:
        return []  # its shape is wrong, and that is told
    problems = []
    if parts.path.strip("/"):
        problems.append(
            f"payments.url: {url} has a path; the pages need a host name, or a port, of their own"
        )
    if parts.scheme == "http" and "tls" in table:
        problems.append(
            f"payments.url: {url} is without TLS, but [pay.tls] is there; write https, or cookies "
            "would be sent without it"
        )
    return problems


def pay_config(table: PayTable, folder: Path) -> PayConfig:
    """The values of a table that was found good."""
    tls = table.tls
    return PayConfig(
        host=table.host,
        port=table.port,
        cert_file=folder / tls.cert_file if tls else None,
        key_file=folder / tls.key_file if tls else None,
        trusted_proxy=table.trusted_proxy or "",
        webhook_host=table.webhook_host or table.host,
        webhook_port=table.webhook_port or 0,
        texts=folder / table.texts if table.texts else None,
    )
