"""The `[api]` table: where an outside billing package asks, and who may ask for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from rtbill.config.private_file import read_private
from rtbill.config.words import Port, Text
from rtbill.domain.hosts import is_loopback
from rtbill.domain.weak_secrets import SECRET_LENGTH_MIN, is_known, is_short

TOKEN_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"  # noqa: S105 - a pattern of names
_ANEW = "make a new one with: rtbill api token new {name}"


class Right(StrEnum):
    """What a token may be used for."""

    READ = "read"
    """Accounts, calls, usage."""
    CREDIT = "credit"
    """Money in, corrections, reports of balances."""
    TERMS = "terms"
    """Accounts, their extensions, locks by hand."""


class ServerTlsTable(BaseModel):
    """The certificate of a listener of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cert_file: Text
    key_file: Text


class ApiTokenTable(BaseModel):
    """One `[[api.token]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=f"^{TOKEN_NAME}$")]
    token_file: Text
    rights: Annotated[list[Right], Field(min_length=1)]


class ApiTable(BaseModel):
    """As it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Text = "127.0.0.1"
    port: Port
    tls: ServerTlsTable | None = None
    requests_per_s: Annotated[StrictInt, Field(ge=1, le=10_000)] = 50
    token: Annotated[list[ApiTokenTable], Field(min_length=1, max_length=50)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """Somebody who may ask."""

    name: str
    rights: frozenset[Right]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Where the billing API is served."""

    host: str
    port: int
    cert_file: Path | None
    """None: without TLS, for this machine alone."""
    key_file: Path | None
    requests_per_s: int
    """Of each token, with twice as many at once."""
    tokens: tuple[ApiToken, ...]


def find_api_tokens(table: object, folder: Path) -> tuple[list[str], list[str]]:
    """The secret of each token in order, and what is wrong with the raw `[api]` table beside its
    shape. No secret is part of a message.
    """
    if not isinstance(table, dict):
        return [], []
    problems = []
    host = table.get("host", "127.0.0.1")
    if isinstance(host, str) and not is_loopback(host) and "tls" not in table:
        problems.append(
            f"api.tls: {host} is not this machine alone, and tokens would cross the network in "
            "clear text; add an [api.tls] table, or set host to 127.0.0.1 and let a proxy with TLS "
            "pass requests on"
        )
    secrets = []
    for index, token in enumerate(_tables(table.get("token"))):
        secret, problem = _secret(token, folder)
        if problem:
            problems.append(f"api.token[{index}].{problem}")
        secrets.append(secret)
    names = [each.get("name") for each in _tables(table.get("token"))]
    if len(set(map(str, names))) < len(names):
        problems.append("api.token: two have the same name; the log could not tell them apart")
    if len({each for each in secrets if each}) < len([each for each in secrets if each]):
        problems.append("api.token: two have the same secret; make a new one for each")
    return secrets, problems


def _tables(written: object) -> list[Mapping[str, Any]]:
    return [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []


def _secret(token: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    written = token.get("token_file")
    if not isinstance(written, str):
        return "", ""  # its shape is wrong, and that is told
    secret, problem = read_private(folder / written)
    if not problem:
        problem = weakness(secret)
    anew = _ANEW.format(name=token.get("name", "NAME"))
    return secret, f"token_file: {problem}; {anew}" if problem else ""


def weakness(secret: str) -> str:
    """Why nobody should rely on this secret; empty when one may."""
    if not secret:
        return "is empty"
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        return "holds what cannot stand in a header: it is letters, digits and signs, in one line"
    if is_known(secret):
        return "is one that everybody knows"
    if is_short(secret):
        return f"is shorter than {SECRET_LENGTH_MIN} characters"
    return ""


def api_config(table: ApiTable, folder: Path, secrets: Sequence[str]) -> ApiConfig:
    """The values of a table that was found good."""
    tls = table.tls
    return ApiConfig(
        host=table.host,
        port=table.port,
        cert_file=folder / tls.cert_file if tls else None,
        key_file=folder / tls.key_file if tls else None,
        requests_per_s=table.requests_per_s,
        tokens=tuple(
            ApiToken(name=each.name, rights=frozenset(each.rights), secret=secret)
            for each, secret in zip(table.token, secrets, strict=True)
        ),
    )
