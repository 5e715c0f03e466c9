"""The `[mail]` table: the server that takes our mails, who writes them, who hears of trouble."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr

from rtbill.config.private_file import read_private
from rtbill.config.words import Port, Text
from rtbill.domain.contact import Language, checked_address
from rtbill.domain.errors import BadRecord
from rtbill.domain.hosts import is_loopback
from rtbill.domain.notice import OPERATOR_KINDS

PASSWORD_VARIABLE = "RTBILL_MAIL_PASSWORD"  # noqa: S105 - a name, no secret
PORTS = {"starttls": 587, "tls": 465, "none": 25}
Security = Literal["starttls", "tls", "none"]


def _address(text: str) -> str:
    try:
        return checked_address(text)
    except BadRecord as bad:
        raise ValueError(str(bad)) from None


def _kind(text: str) -> str:
    if text not in OPERATOR_KINDS:
        known = ", ".join(OPERATOR_KINDS)
        raise ValueError(f"{text!r} is no kind of notice for the operator; they are {known}")
    return text


Address = Annotated[StrictStr, AfterValidator(_address)]


class MailTable(BaseModel):
    """As it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Text
    port: Port | None = None
    security: Security = "starttls"
    plain_text_accepted: bool = False
    ca_file: Text | None = None
    username: Text | None = None
    password_file: Text | None = None
    sender: Address
    bounces_to: Address | None = None
    operators: list[Address] = []
    operator_kinds: list[Annotated[StrictStr, AfterValidator(_kind)]] = list(OPERATOR_KINDS)
    language: Language = Language.EN
    connect_timeout_s: Annotated[StrictInt, Field(ge=1, le=60)] = 10
    send_timeout_s: Annotated[StrictInt, Field(ge=5, le=600)] = 60
    give_up_h: Annotated[StrictInt, Field(ge=1, le=168)] = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class MailConfig:
    """How mails leave."""

    host: str
    port: int
    security: Security
    ca_file: Path | None
    """Whom to believe; None: the authorities that the system believes."""
    username: str
    """Empty: without signing in."""
    password: str = field(repr=False)
    sender: str
    bounces_to: str
    """Envelope sender, to which servers return what they cannot deliver after all."""
    operators: tuple[str, ...]
    operator_kinds: frozenset[str]
    """Of notices that the operator is mailed."""
    language: Language
    """Of the operator, and of holders for whom none is known."""
    connect_timeout_s: int
    """For reaching the server, TLS and signing in together."""
    send_timeout_s: int
    """For one mail."""
    give_up_h: int
    """How long a mailbox may put a mail off before it counts as refused."""


def find_mail_password(
    table: object, folder: Path, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The password for the mail server, from file, systemd credential or environment, and what is
    wrong between the keys of the raw `[mail]` table; empty where the server asks for none.
    """
    if not isinstance(table, dict):
        return "", []
    password, problem = _password(table, folder, environ)
    if problem:
        return "", [f"mail.password_file: {problem}"]
    problems = [*_sign_in_problems(table, password), *_transport_problems(table, folder)]
    return password, [f"mail.{text}" for text in problems]


def _password(
    table: Mapping[str, Any], folder: Path, environ: Mapping[str, str]
) -> tuple[str, str]:
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "mail-password"
    if isinstance(written := table.get("password_file"), str):
        password, problem = read_private(folder / written)
        if not problem and not password:
            problem = f"{folder / written} is empty"
        if problem:
            return "", problem
    elif credential.is_file():
        password = credential.read_text(encoding="utf-8").strip()
    else:
        password = environ.get(PASSWORD_VARIABLE, "").strip()
    if any(ord(character) < 0x20 for character in password):
        return "", "the password holds a control character; it is one line of text"
    return password, ""


def _sign_in_problems(table: Mapping[str, Any], password: str) -> list[str]:
    username = table.get("username")
    if username and not password:
        return [
            "password_file: no password found; name a file of mode 0400 here, give systemd the "
            f"credential mail-password, or set {PASSWORD_VARIABLE}"
        ]
    if password and not username:
        return ["username: is missing, but a password is there; they go together"]
    if password and table.get("security") == "none":
        return [
            'security: "none" would show the password to the network; use "starttls" or '
            '"tls", or leave username and password out'
        ]
    return []


def _transport_problems(table: Mapping[str, Any], folder: Path) -> list[str]:
    host, ca_file = table.get("host"), table.get("ca_file")
    if table.get("security") == "none":
        if isinstance(ca_file, str):
            return ['ca_file: is given, but security is "none", and nobody shows a certificate']
        if (
            isinstance(host, str)
            and not is_loopback(host)
            and table.get("plain_text_accepted") is not True
        ):
            return [
                f"security: {host} is not this machine, and mails with links that open accounts "
                'would cross the network in clear text; use "starttls" or "tls", or set '
                "plain_text_accepted = true inside a VPN"
            ]
        return []
    return _ca_problems(folder / ca_file) if isinstance(ca_file, str) else []


def _ca_problems(ca_file: Path) -> list[str]:
    try:
        ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        return [f"ca_file: {ca_file} holds no certificate in PEM form"]
    except OSError as error:
        return [f"ca_file: {ca_file} cannot be read: {error.strerror}"]
    return []


def mail_config(table: MailTable, folder: Path, password: str) -> MailConfig:
    """The values of a table that was found good."""
    return MailConfig(
        host=table.host,
        port=table.port or PORTS[table.security],
        security=table.security,
        ca_file=folder / table.ca_file if table.ca_file else None,
        username=table.username or "",
        password=password,
        sender=table.sender,
        bounces_to=table.bounces_to or table.sender,
        operators=tuple(table.operators),
        operator_kinds=frozenset(table.operator_kinds),
        language=table.language,
        connect_timeout_s=table.connect_timeout_s,
        send_timeout_s=table.send_timeout_s,
        give_up_h=table.give_up_h,
    )
