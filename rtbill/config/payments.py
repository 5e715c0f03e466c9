"""The tables `[payments]` and `[[gateway]]`: how credit is sold, and by whom cards are charged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from rtbill.config.private_file import read_private
from rtbill.config.vat import VatConfig, VatKeys, vat_config
from rtbill.config.words import Amount, Text
from rtbill.domain.hosts import is_loopback
from rtbill.domain.money import parse_micros

GatewayKind = Literal["stripe", "cashless"]
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "stripe": ("live",),
    "cashless": ("url", "mapping_file"),
}
"""Keys without which a gateway of the kind is none."""
_ONLY: Mapping[str, tuple[str, ...]] = {
    "stripe": (
        *("live", "demo", "api_key", "webhook_secrets"),
        *("api_key_file", "webhook_secrets_file"),
    ),
    "cashless": (
        *("mapping_file", "ca_file", "server_name", "client_cert_file", "client_key_file"),
        *("user", "password_file", "password_digest"),
    ),
}
"""Keys that mean something to the kind alone."""
_SECRETS: Mapping[str, tuple[str, ...]] = {
    "stripe": ("api_key", "webhook_secrets"),
    "cashless": ("password",),
}


def _address(text: str) -> str:
    example = f"{text!r} is not an address such as https://pay.example"
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(example) from None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise ValueError(example)
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{text!r} shows links and cards to the network; use https")
    return text.rstrip("/")


Address = Annotated[StrictStr, AfterValidator(_address)]


class PaymentsTable(VatKeys):
    """As it stands in the file."""

    url: Address | None = None
    text_version: Annotated[StrictStr, Field(min_length=1, max_length=32)] = "1"
    grace_min: Annotated[StrictInt, Field(ge=0, le=1440)] = 15
    grace: Amount = "2.00"
    charge_min: Amount = "1.00"
    charge_max: Amount = "200.00"
    purchases_at_once: Annotated[StrictInt, Field(ge=1, le=100)] = 25
    purchases_per_minute: Annotated[StrictInt, Field(ge=1, le=6000)] = 120
    link_hours: Annotated[StrictInt, Field(ge=1, le=168)] = 24


class GatewayTable(BaseModel):
    """As it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    kind: GatewayKind
    url: Address | None = None
    timeout_s: Annotated[StrictInt, Field(ge=1, le=40)] = 20
    live: StrictBool | None = None
    demo: StrictBool = False
    api_key: Text | None = None
    webhook_secrets: Text | None = None
    api_key_file: Text | None = None
    webhook_secrets_file: Text | None = None
    mapping_file: Text | None = None
    ca_file: Text | None = None
    server_name: Text | None = None
    client_cert_file: Text | None = None
    client_key_file: Text | None = None
    user: Text | None = None
    password_file: Text | None = None
    password_digest: StrictBool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsConfig:
    """How credit is sold."""

    url: str = ""
    """Where holders find the pages; empty: there are none, and no links."""
    text_version: str = "1"
    """Of the text to which holders agree."""
    grace_min: int = 15
    grace_micros: int = 2_000_000
    """The lock waits for so long, or until so much is spent, while nobody knows."""
    charge_min_micros: int = 1_000_000
    charge_max_micros: int = 200_000_000
    purchases_at_once: int = 25
    """Automatic top-ups that are at their providers at the same time."""
    purchases_per_minute: int = 120
    """Automatic top-ups of the whole site."""
    link_hours: int = 24
    vat_point: Literal["topup", "use"] = "topup"
    vat: VatConfig | None = None
    """None: tax is not booked here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """A provider of payments, and how it is reached; what its kind does not use is empty."""

    name: str
    """Part of every key in the books."""
    kind: GatewayKind
    url: str
    """Empty: the provider's own."""
    timeout_s: int
    is_live: bool = False
    """Real money."""
    api_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    mapping_file: Path | None = None
    ca_file: Path | None = None
    server_name: str = ""
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    is_digest: bool = True
    """Of the password only a digest is sent."""


GatewaySecrets = Mapping[str, str]
"""By what they are: `api_key`, `webhook_secrets`, `password`."""


def find_gateway_secrets(
    tables: object, folder: Path, environ: Mapping[str, str]
) -> tuple[list[GatewaySecrets], list[str]]:
    """The secrets of each raw `[[gateway]]` table, and what is wrong with it on their account or
    between its keys, each as `gateway[0].key: text`.
    """
    found: list[GatewaySecrets] = []
    problems: list[str] = []
    raw = [each for each in tables if isinstance(each, dict)] if isinstance(tables, list) else []
    for place, table in enumerate(raw):
        secrets, missing = _secrets(table, folder, environ)
        found.append(secrets)
        texts = [*missing, *_key_problems(table)]
        problems += [f"gateway[{place}].{text}" for text in texts]
    names = Counter(str(table.get("name")) for table in raw)
    problems += [f"gateway: {name!r} stands there twice" for name, n in names.items() if n > 1]
    return found, problems


def _key_problems(table: Mapping[str, Any]) -> Iterator[str]:
    kind = str(table.get("kind"))
    if kind not in _NEEDED:
        return
    for key in _NEEDED[kind]:
        if key not in table:
            yield f"{key}: is missing, which a {kind} gateway needs"
    others = [key for other, keys in _ONLY.items() if other != kind for key in keys]
    for key in others:
        if key in table:
            yield f"{key}: means nothing to a {kind} gateway"
    yield from _certificate_problems(table)
    yield from _demo_problems(table)


def _demo_problems(table: Mapping[str, Any]) -> Iterator[str]:
    """Secrets that anybody may read are for the simulated provider alone."""
    if table.get("demo") is not True:
        for key in ("api_key", "webhook_secrets"):
            if key in table:
                yield f"{key}: secrets are not written here; use {key}_file, a file of mode 0400"
        return
    if table.get("live") is not False:
        yield "demo: a demonstration takes no real money; set live = false"
    url = table.get("url")
    if not isinstance(url, str) or not is_loopback(urlsplit(url).hostname or ""):
        yield "demo: only for a simulated provider on this machine; set url to http://127.0.0.1:..."


def _certificate_problems(table: Mapping[str, Any]) -> Iterator[str]:
    if ("client_cert_file" in table) != ("client_key_file" in table):
        yield "client_key_file: goes together with client_cert_file"
    url = table.get("url")
    is_tls = table.get("kind") == "cashless" and isinstance(url, str) and url.startswith("https:")
    if is_tls and "ca_file" not in table:
        yield "ca_file: is missing; name the authority that signs the provider's certificate"


def _secrets(
    table: Mapping[str, Any], folder: Path, environ: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    name, kind = str(table.get("name", "")), table.get("kind")
    found, problems = {}, []
    for what in _SECRETS.get(str(kind), ()):
        if what == "password" and "user" not in table:
            continue
        secret, problem = _secret(table, name, what, folder, environ)
        found[what] = secret
        if problem:
            problems.append(f"{what}_file: {problem}")
    return found, problems


def _secret(
    table: Mapping[str, Any], name: str, what: str, folder: Path, environ: Mapping[str, str]
) -> tuple[str, str]:
    words = what.replace("_", "-")
    directory = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
    credential = directory / f"gateway-{name}-{words}"
    variable = f"RTBILL_GATEWAY_{re.sub('[^A-Z0-9]', '_', name.upper())}_{what.upper()}"
    shown = table.get(what)
    if table.get("demo") is True and isinstance(shown, str):
        secret = shown
    elif isinstance(written := table.get(f"{what}_file"), str):
        secret, problem = read_private(folder / written)
        if problem:
            return "", problem
    elif re.fullmatch("[a-z0-9_-]+", name) and credential.is_file():
        secret = credential.read_text(encoding="utf-8").strip()
    else:
        secret = environ.get(variable, "").strip()
    if not secret:
        return "", (
            f"no {words} found; name a file of mode 0400 here, give systemd the credential "
            f"gateway-{name}-{words}, or set {variable}"
        )
    if any(ord(character) < 0x20 and character != "\n" for character in secret):
        return "", f"the {words} holds a control character"
    return secret, ""


def payments_config(table: PaymentsTable) -> PaymentsConfig:
    """The values of a table that was found good."""
    return PaymentsConfig(
        url=table.url or "",
        text_version=table.text_version,
        grace_min=table.grace_min,
        grace_micros=parse_micros(table.grace),
        charge_min_micros=parse_micros(table.charge_min),
        charge_max_micros=parse_micros(table.charge_max),
        purchases_at_once=table.purchases_at_once,
        purchases_per_minute=table.purchases_per_minute,
        link_hours=table.link_hours,
        vat_point=table.vat_point,
        vat=vat_config(table),
    )


def gateway_configs(
    tables: Sequence[GatewayTable], secrets: Sequence[GatewaySecrets], folder: Path
) -> tuple[GatewayConfig, ...]:
    """The values of tables that were found good."""

    def path(name: str | None) -> Path | None:
        return folder / name if name else None

    return tuple(
        GatewayConfig(
            name=table.name,
            kind=table.kind,
            url=table.url or "",
            timeout_s=table.timeout_s,
            is_live=bool(table.live),
            api_key=own.get("api_key", ""),
            webhook_secrets=tuple(own.get("webhook_secrets", "").split()),
            mapping_file=path(table.mapping_file),
            ca_file=path(table.ca_file),
            server_name=table.server_name or "",
            client_cert_file=path(table.client_cert_file),
            client_key_file=path(table.client_key_file),
            user=table.user or "",
            password=own.get("password", ""),
            is_digest=table.password_digest,
        )
        for table, own in zip(tables, secrets, strict=True)
    )
