"""The `[[webhook]]` tables: who is told of what, and how it knows that it was us."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr

from rtbill.config.api import TOKEN_NAME, weakness
from rtbill.config.private_file import read_private
from rtbill.config.words import Text
from rtbill.domain.hosts import is_loopback
from rtbill.domain.told import WEBHOOK_EVENTS

SECRETS_MAX = 2


def _event(text: str) -> str:
    if text not in WEBHOOK_EVENTS:
        known = ", ".join(WEBHOOK_EVENTS)
        raise ValueError(f"{text!r} is no event; they are {known}")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address: {error}") from None
    if parts.scheme not in ("https", "http") or not host or not text.isascii():
        raise ValueError(f"{text!r} is not an address such as https://billing.example/rtbill")
    if parts.username is not None or parts.fragment:
        raise ValueError("an address of a webhook holds neither user and password nor a fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{host} is not this machine, so its address begins with https://")
    return text


class WebhookTable(BaseModel):
    """As it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=f"^{TOKEN_NAME}$")]
    url: Annotated[StrictStr, AfterValidator(_url)]
    events: Annotated[list[Annotated[StrictStr, AfterValidator(_event)]], Field(min_length=1)]
    secret_files: Annotated[
        list[Text],
        Field(min_length=1, max_length=SECRETS_MAX),
    ]
    ca_file: Text | None = None
    private_address_accepted: bool = False
    timeout_s: Annotated[StrictInt, Field(ge=1, le=60)] = 10
    give_up_h: Annotated[StrictInt, Field(ge=1, le=336)] = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """An address that is told of events."""

    name: str
    url: str
    events: frozenset[str]
    secrets: tuple[str, ...] = field(repr=False)
    """Each signs: the receiver may know the old one or the new one."""
    ca_file: Path | None
    is_private_accepted: bool
    """It may be an address that is not of the internet."""
    timeout_s: int
    give_up_h: int


def find_webhook_secrets(written: object, folder: Path) -> tuple[list[tuple[str, ...]], list[str]]:
    """The secrets of each webhook in order, and what is wrong with the raw tables beside their
    shape.
    """
    tables = (
        [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []
    )
    found, problems = [], []
    for index, table in enumerate(tables):
        secrets, wrong = _secrets(table, folder)
        problems += [f"webhook[{index}].{text}" for text in wrong + _ca_problems(table, folder)]
        found.append(secrets)
    names = [str(each.get("name")) for each in tables]
    problems += [f"webhook: two are named {name!r}" for name in set(names) if names.count(name) > 1]
    return found, problems


def _secrets(table: Mapping[str, Any], folder: Path) -> tuple[tuple[str, ...], list[str]]:
    written = table.get("secret_files")
    secrets, problems = [], []
    for name in written if isinstance(written, list) else []:
        if not isinstance(name, str):
            continue
        secret, problem = read_private(folder / name)
        problem = problem or weakness(secret)
        if problem:
            problems.append(f"secret_files: {name}: {problem}; make one with: openssl rand -hex 24")
        secrets.append(secret)
    return tuple(secrets), problems


def _ca_problems(table: Mapping[str, Any], folder: Path) -> list[str]:
    if not isinstance(written := table.get("ca_file"), str):
        return []
    try:
        ssl.create_default_context(cafile=folder / written)
    except ssl.SSLError:
        return [f"ca_file: {folder / written} holds no certificate in PEM form"]
    except OSError as error:
        return [f"ca_file: {folder / written} cannot be read: {error.strerror}"]
    return []


def webhook_configs(
    tables: Sequence[WebhookTable], folder: Path, secrets: Sequence[tuple[str, ...]]
) -> tuple[WebhookConfig, ...]:
    """The values of tables that were found good."""
    return tuple(
        WebhookConfig(
            name=each.name,
            url=each.url,
            events=frozenset(each.events),
            secrets=own,
            ca_file=folder / each.ca_file if each.ca_file else None,
            is_private_accepted=each.private_address_accepted,
            timeout_s=each.timeout_s,
            give_up_h=each.give_up_h,
        )
        for each, own in zip(tables, secrets, strict=True)
    )
