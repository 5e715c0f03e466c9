"""The configuration as the rest of the program sees it: frozen, checked, paths absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rtbill.domain.account import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the exchanges stand: how numbers are dialled there, its zone and its money."""

    name: str
    country: str
    """ISO 3166 code of two letters, such as DE."""
    country_code: str
    """Telephone code without plus: 49."""
    national_prefix: str
    """Dialled before an area code inside the country; empty where there is none."""
    international_prefixes: tuple[str, ...]
    area_code: str
    """Added to numbers dialled without one; empty where every number is dialled in full."""
    national_length: int | None
    """Digits of a number that is complete without the national prefix: 10 in North America."""
    outside_prefixes: tuple[str, ...]
    """Digits dialled to get an outside line, in case the exchange leaves them on."""
    internal: tuple[str, ...]
    """Patterns of the site's own extensions; `x` is any digit: 1xxx."""
    zone: str
    """IANA name; decides what a date without a time means."""
    currency: str
    emergency: tuple[str, ...]
    """Emergency numbers beyond the country's: never priced, never refused, never cut."""
    freephone: tuple[str, ...]
    """Free numbers beyond the country's: `+4918030` is a beginning, `7700` a whole number."""
    short_codes: Mapping[str, str]
    """Code as dialled to the number it stands for."""

    @property
    def internal_expressions(self) -> tuple[str, ...]:
        """The patterns of `internal` as regular expressions: `1[0-9][0-9][0-9]` for 1xxx."""
        return tuple(pattern.replace("x", "[0-9]") for pattern in self.internal)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """The database file, and how many operations may wait for it."""

    path: Path
    queue_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConfig:
    """Where the command line reaches a running service."""

    socket: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """Where health and metrics are served."""

    host: str
    port: int
    """0 serves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """How the service speaks of itself."""

    level: str
    format: Literal["json", "text"]
    mask_digits: int
    """Last digits of telephone numbers that are hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingConfig:
    """Prices, and limits on talk time that hold whatever the balance."""

    default_tariff: str
    guard_s: float
    """A timer fires this much before the money ends."""
    call_max_s: int
    unrated_talk_max_s: int
    """How long a prepaid call to a number without a rate may last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClass:
    """What happens to accounts of this class when money is low or gone."""

    name: str
    exhausted: Service
    """What its extensions have while the money is gone."""
    exhausted_below_micros: int
    """With less than this available the account counts as exhausted."""
    low_balance_micros: int
    """A notice leaves when the available money falls below this; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How the exchange's certificate is checked."""

    ca_file: Path
    server_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkConfig:
    """Lines to the outside: calls that leave by them are billed."""

    name: str
    matchers: tuple[str, ...]
    """Channel names: `PJSIP/carrier-*` or a technology such as `DAHDI/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxConfig:
    """One exchange and how to reach it."""

    name: str
    kind: Literal["asterisk"]
    mode: Literal["reactive", "inline", "post"]
    """How a call can be stopped: while it runs, before it is dialled, or never (CC-10)."""
    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    tls: TlsConfig | None
    trunks: tuple[TrunkConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything an operator decides."""

    site: Site
    store: StoreConfig
    control: ControlConfig
    http: HttpConfig
    log: LogConfig
    rating: RatingConfig
    account_classes: Mapping[str, AccountClass]
    """Always holds `standard`."""
    pbxs: tuple[PbxConfig, ...]
