"""The configuration as the rest of the program sees it: frozen, checked, paths absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from rtbill.config.api import ApiConfig
from rtbill.config.mail import MailConfig
from rtbill.config.pay import PayConfig
from rtbill.config.payments import GatewayConfig, PaymentsConfig
from rtbill.config.webhooks import WebhookConfig
from rtbill.domain.account import Service
from rtbill.domain.adjustment import Bounds
from rtbill.domain.extension_pattern import as_expression
from rtbill.domain.hosts import is_wildcard
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.stance import Stance, Unaided
from rtbill.domain.trunk_numbers import AS_DIALLED, TrunkNumbers


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
        return tuple(as_expression(pattern) for pattern in self.internal)


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
    """Where health, metrics and the live stream are served."""

    host: str
    port: int
    """0 serves nothing."""
    live_token: str = field(default="", repr=False)
    """Who has it may read the live stream; empty: nobody may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTlsConfig:
    """The certificate that we show to exchanges which ask us."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineConfig:
    """Where exchanges of mode `inline` ask before they dial."""

    host: str
    port: int
    """0: nobody asks."""
    url: str | None
    """As the exchanges reach it; None: made of host and port, which then only exchanges on this
    machine ask where the host is a wildcard.
    """
    tls: ServerTlsConfig | None

    @property
    def address(self) -> str:
        """Beginning of the address that exchanges ask: `http://127.0.0.1:9465`."""
        if self.url is not None:
            return self.url
        host = self.host
        if is_wildcard(host):
            host = "::1" if ":" in host else "127.0.0.1"
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationClass:
    """Destinations that an exchange on its own treats alike; anything else is class `other`."""

    name: str
    prefixes: tuple[str, ...]
    """Beginnings in international form with plus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """How the service speaks of itself."""

    level: str
    format: Literal["json", "text"]
    mask_digits: int
    """Last digits of telephone numbers that are hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookConfig:
    """A Python function of the site that may change the price of a call."""

    module: str
    function: str
    folder: Path
    """Where the module's file is."""
    slow_s: float
    bounds: Bounds

    @property
    def name(self) -> str:
        """As configured: `mysite:adjust`."""
        return f"{self.module}:{self.function}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingConfig:
    """Prices, and limits on talk time that hold whatever the balance."""

    default_tariff: str
    guard_s: float
    """A timer fires this much before the money ends."""
    call_max_s: int
    unrated_talk_max_s: int
    """How long a prepaid call to a number without a rate may last."""
    unrated_prepaid: Literal["refuse", "limit"] = "refuse"
    """What an exchange that asks before dialling is told about such a call."""
    hook: HookConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditConfig:
    """How prepaid calls are granted talk: slice by slice, each held before it is granted."""

    slice_min_s: int
    slice_max_s: int
    call_min_s: int
    """Money for less talk lets no call out."""
    ring_max_s: int
    """A hold whose call nobody sees is given up after so long."""
    commit_max_s: float
    """A new call for which nothing is held by then goes by the policy for a silent rtbill."""
    warn_s: tuple[int, ...]
    """Seconds before the end of a call at which who pays hears a tone."""
    absorb_overspend: bool
    """Nobody pays for talk after the instant at which the exchange should have ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayersConfig:
    """Account codes and PINs."""

    wrong_code: WrongCode = WrongCode.DENY
    """What becomes of a call with a code that belongs to nobody."""
    pin_secret: str = field(default="", repr=False)
    """With which PINs are kept, so that stolen books are no list of PINs; empty: no PINs."""
    pin_digits_min: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidaysConfig:
    """Which dates are holidays, for the bands of tariffs that name this calendar."""

    name: str
    country: str
    """ISO 3166 code of two letters; empty where only its own dates are holidays."""
    subdivision: str
    """Part of the country, such as BE for Berlin; empty for what the whole country keeps."""
    dates: frozenset[date]
    """Holidays beyond the country's."""
    without: frozenset[date]
    """Dates that are none here, whatever the country keeps."""


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
    enforcement: Stance = Stance.ENFORCE
    """How far rtbill goes with these accounts; the milder of this and the exchange's holds."""
    unaided: Unaided | None = None
    """What the exchange does when rtbill is silent; None: closed for prepaid, open for others."""
    unaided_cap_micros: int = 0
    """Money that one account may spend unaided; 0: all that is available to it."""
    unaided_calls: int = 2
    """At so many calls at once, each may spend its share of the cap (CC-51)."""
    price_per_minute_max_micros: int | None = None
    """Calls are not let out, nor on, where a minute costs more; None: at any price."""
    tariff: str = ""
    """Tariff or price plan of accounts that name none; empty: as trunk, exchange or site say."""
    calls_max: int = 0
    """Prepaid calls that one account may have out at once; 0: as many as it has extensions, and two
    at least.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How the exchange's certificate is checked, and ours, if it asks for one."""

    ca_file: Path
    server_name: str
    """The name or address in its certificate; the host may be called otherwise."""
    client_cert_file: Path | None = None
    client_key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkConfig:
    """Lines to the outside: calls that leave by them are billed."""

    name: str
    matchers: tuple[str, ...]
    """Channel names: `PJSIP/carrier-*` or a technology such as `DAHDI/`."""
    title: str = ""
    """For people, such as "Telco A, 30 lines"; empty: its name."""
    dial: str | None = None
    """How a plain dialplan reaches it, `%s` for the number; None: made of the first matcher that
    tells. FreePBX dials its trunks itself."""
    tariff: str = ""
    """Tariff or price plan of calls that leave here, where account and class name none."""
    carrier: str = ""
    """The tariff by which its carrier bills us; empty: nobody knows."""
    numbers: TrunkNumbers = AS_DIALLED
    """How called numbers stand on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialplanConfig:
    """What the generated dialplan must know about the exchange, and who pays in it."""

    flavour: Literal["plain", "freepbx16", "freepbx17"] = "plain"
    outside_prefix: str = ""
    """What callers dial before an outside number."""
    extensions: tuple[str, ...] = ()
    """Patterns of its telephones, `x` for any digit."""
    devices: Mapping[str, str] = field(default_factory=dict)
    """Endpoints that are not named after their extension, and the extension of each."""
    phone_dial: str = "PJSIP/%s"
    ring_s: int = 25
    trunk_ring_s: int = 120
    ring_options: str = ""
    trunk_options: str = ""
    voicemail_context: str = "default"
    forwarded: Literal["forwarder", "refuse"] = "forwarder"
    """Who pays a call that an extension forwarded outside."""
    transferred: Literal["transferor", "refuse"] = "transferor"
    """Who pays a call that begins with a blind transfer to the outside."""
    groups: str = "group"
    """Who pays an outside member of a ring group: `group` (its number), `refuse`, an extension."""
    incoming: str = "refuse"
    """Who pays an incoming call that the dialplan sends outside again: `refuse`, `trunk` (the
    account of the trunk group by which it came) or an extension."""
    unaided: Unaided = Unaided.OPEN
    """For extensions about which nothing was pushed."""
    unaided_cap_s: int = 600
    """Seconds of talk that such a call may last; 0 for no bound."""
    ca_file: str | None = None
    """On the exchange: the certificate authority of our certificate."""
    permit: tuple[str, ...] = ()
    """Networks from which rtbill signs in; empty: loopback, where the exchange is on this host."""


EXPOSURES: Mapping[str, str] = {
    "reactive": (
        "money is held for each call as it is dialled, and the exchange ends it there; at risk are "
        "connect fee and first increment of calls that are answered before they can be hung up"
    ),
    "inline": (
        "the exchange asks before it dials, and lets a call talk only for what is held for it; at "
        "risk is nothing while cuts are no later than the guard"
    ),
    "post": "calls are billed afterwards and cannot be stopped: there is no bound",
}
"""By mode: what can be spent beyond what there is."""


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
    enforcement: Stance = Stance.ENFORCE
    """How far rtbill goes at this exchange."""
    tariff: str = ""
    """Tariff or price plan of its calls, where account, class and trunk name none."""
    token: str = field(default="", repr=False)
    """With which it asks before dialling; empty unless its mode is `inline`."""
    dialplan: DialplanConfig = field(default_factory=DialplanConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything an operator decides."""

    site: Site
    store: StoreConfig
    control: ControlConfig
    http: HttpConfig
    inline: InlineConfig
    log: LogConfig
    rating: RatingConfig
    credit: CreditConfig
    payers: PayersConfig
    mail: MailConfig | None
    """None: nothing is mailed."""
    api: ApiConfig | None
    """None: no outside billing package asks."""
    webhooks: tuple[WebhookConfig, ...]
    account_classes: Mapping[str, AccountClass]
    """Always holds `standard`."""
    destination_classes: tuple[DestinationClass, ...]
    holidays: tuple[HolidaysConfig, ...]
    payments: PaymentsConfig
    gateways: tuple[GatewayConfig, ...]
    pay: PayConfig | None
    """None: no pages are served, and nobody can tell us by webhook."""
    pbxs: tuple[PbxConfig, ...]

    def trunk_title(self, pbx: str | None, trunk: str) -> str | None:
        """What people call the trunk, at this exchange or any; None where it has no title."""
        for each in self.pbxs:
            if pbx in (None, each.name):
                for one in each.trunks:
                    if one.name == trunk and one.title:
                        return one.title
        return None

    def trunk_text(self, pbx: str | None, trunk: str) -> str:
        """Its name, with its title beside it: `carrier (Telco A, 30 lines)`."""
        title = self.trunk_title(pbx, trunk)
        return f"{trunk} ({title})" if title else trunk
