"""The shape of config.toml, one model per table. Private to this package: others see `values`."""

from __future__ import annotations

import contextlib
import difflib
import importlib.resources
import ipaddress
import re
import zoneinfo
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
)

from rtbill.config.mail import MailTable
from rtbill.config.payments import GatewayTable, PaymentsTable
from rtbill.domain.errors import BadRecord
from rtbill.domain.money import EXPONENTS, MICROS, known_currency, parse_micros
from rtbill.domain.payer_key import PIN_DIGITS_MAX, WrongCode
from rtbill.domain.price_plan import PERCENT_PPM
from rtbill.domain.stance import Stance, Unaided
from rtbill.domain.trunk_numbers import NumberForm

PERCENT_MAX = 1_000


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the nearest known word, or nothing."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _matching(pattern: str, wanted: str) -> AfterValidator:
    """A check that a text has a form, with the form in words."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{text!r} is not {wanted}")
        return text

    return AfterValidator(check)


def _country(code: str) -> str:
    table = importlib.resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab")
    lines = table.read_text(encoding="utf-8").splitlines()
    if code not in {line.split("\t")[0] for line in lines if not line.startswith("#")}:
        raise ValueError(f"unknown country {code!r}; use an ISO 3166 code such as DE")
    return code


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = suggestion(name, zoneinfo.available_timezones())
        text = f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin{near}"
        raise ValueError(text) from None
    return name


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"{error}; write an address or a network such as 192.0.2.7/32") from None


def _currency(code: str) -> str:
    try:
        return known_currency(code)
    except BadRecord as bad:
        raise ValueError(f"{bad}{suggestion(code, EXPONENTS)}") from None


def _amount(text: str) -> str:
    try:
        micros = parse_micros(text)
    except BadRecord as bad:
        raise ValueError(str(bad)) from None
    if micros < 0:
        raise ValueError(f"{text!r} is below zero")
    return text


def _percent(text: str) -> str:
    micros = parse_micros(_amount(text))
    if micros > PERCENT_MAX * MICROS or micros * PERCENT_PPM % MICROS:
        raise ValueError(f"{text!r} is not per cent up to {PERCENT_MAX} with four decimals at most")
    return text


def _day(written: object) -> date:
    """A date, as text or as TOML's own; other numbers would be taken for seconds since 1970."""
    if type(written) is date:
        return written
    if isinstance(written, str) and len(written) == len("2026-12-24"):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(written)
    raise ValueError(f"{written!r} is not a date; write it like 2026-12-24")


Digits = Annotated[StrictStr, _matching(r"[0-9]+", "a row of digits")]
DigitsOrNothing = Annotated[StrictStr, _matching(r"[0-9]*", "a row of digits or empty")]
Dialled = Annotated[StrictStr, _matching(r"[0-9*#]+", "something a telephone can dial")]
Beginning = Annotated[StrictStr, _matching(r"\+?[0-9]+", "digits, with or without a plus")]
Pattern = Annotated[
    StrictStr, _matching(r"[0-9x]+", "a pattern of digits and x (any digit), such as 1xxx")
]
Name = Annotated[
    StrictStr,
    _matching(r"[a-z0-9][a-z0-9_-]{0,31}", "a name of small letters, digits, - and _ (32 at most)"),
]
Matcher = Annotated[
    StrictStr,
    _matching(
        r"(?!Local/)[A-Za-z0-9]+/[0-9A-Za-z_.@:/+-]*\*?",
        "a channel name such as PJSIP/carrier-* or DAHDI/; behind a Local channel, name the real "
        "one: every forward inside the house is a Local channel too",
    ),
]
Prefix = Annotated[
    StrictStr, _matching(r"\+[1-9][0-9]{0,14}", "a beginning in international form, such as +4930")
]
DialString = Annotated[
    StrictStr,
    _matching(
        r"[A-Za-z0-9]+/[0-9A-Za-z_.@:/+-]*%s[0-9A-Za-z_.@:/+-]*",
        "a dial string with %s in place of the number, such as PJSIP/%s@carrier",
    ),
]
DialOptions = Annotated[
    StrictStr,
    _matching(
        r"([A-Za-z](\([A-Za-z0-9^_:/-]*\))?)*",
        "a row of Dial's options: letters, each with its argument in brackets that are closed, "
        "such as tTm(default)",
    ),
    _matching(
        r"([^UbBMGLS(]|\([^()]*\))*",
        "free of U, b, B, M, G, L and S: Dial keeps one U only, which is rtbill's, and the others "
        "run steps or set limits of which rtbill does not know",
    ),
]
DialplanName = Annotated[
    StrictStr, _matching(r"[A-Za-z0-9_-]{1,64}", "the name of a context or device")
]
ExtensionNumber = Annotated[
    StrictStr, _matching(r"[0-9A-Za-z*#+._-]{1,32}", "the number of an extension")
]
Group = Annotated[
    StrictStr,
    _matching(
        r"[0-9A-Za-z*#+._-]{1,32}", "`group`, `refuse`, or the number of the extension that pays"
    ),
]
Incoming = Annotated[
    StrictStr,
    _matching(
        r"[0-9A-Za-z*#+._-]{1,32}",
        "`refuse`, `trunk`, or the number of the extension that pays",
    ),
]
RemotePath = Annotated[StrictStr, _matching(r"/[0-9A-Za-z_./-]+", "a path on the exchange")]
Url = Annotated[
    StrictStr,
    _matching(r"https?://[0-9A-Za-z.:\[\]-]+", "an address such as https://rtbill.example:9465"),
]
CalendarName = Annotated[
    StrictStr,
    _matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", "a name of letters, digits, dots, - and _ (32 at most)"
    ),
]
Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[StrictStr, Field(min_length=1)]
Title = Annotated[
    StrictStr,
    _matching(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,64}", "a title of one line (64 at most)"),
]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteTable(_Table):
    name: Text
    country: Annotated[StrictStr, AfterValidator(_country)]
    country_code: Annotated[StrictStr, _matching(r"[1-9][0-9]{0,2}", "a code such as 49")]
    national_prefix: DigitsOrNothing = "0"
    international_prefixes: Annotated[list[Digits], Field(min_length=1)] = ["00"]
    area_code: DigitsOrNothing = ""
    national_length: Annotated[StrictInt, Field(ge=4, le=15)] | None = None
    outside_prefixes: list[Dialled] = []
    internal: Annotated[list[Pattern], Field(min_length=1)]
    zone: Annotated[StrictStr, AfterValidator(_zone)]
    currency: Annotated[StrictStr, AfterValidator(_currency)]
    emergency: list[Dialled] = []
    freephone: list[Beginning] = []
    short_codes: dict[Dialled, Beginning] = {}


class StoreTable(_Table):
    path: Text
    queue_max: Annotated[StrictInt, Field(ge=100, le=1_000_000)] = 20_000


class ControlTable(_Table):
    socket: Text


class HttpTable(_Table):
    host: Text = "127.0.0.1"
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = 0
    live_token_file: Text | None = None


class LogTable(_Table):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"
    mask_digits: Annotated[StrictInt, Field(ge=0, le=6)] = 4


class HookBoundsTable(_Table):
    percent: Annotated[StrictStr, AfterValidator(_percent)] = "0"
    per_minute: Annotated[StrictStr, AfterValidator(_amount)] = "0"
    per_call: Annotated[StrictStr, AfterValidator(_amount)] = "0"
    price_lists: list[Name] = []


class RatingTable(_Table):
    default_tariff: Name
    guard_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    call_max_s: Annotated[StrictInt, Field(ge=60, le=86_400)] = 14_400
    unrated_talk_max_s: Annotated[StrictInt, Field(ge=1, le=86_400)] = 60
    unrated_prepaid: Literal["refuse", "limit"] = "refuse"
    hook: (
        Annotated[
            StrictStr,
            _matching(
                r"[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*",
                "a module and a function in it, such as mysite:adjust",
            ),
        ]
        | None
    ) = None
    hook_path: Text = "."
    hook_slow_ms: Annotated[StrictInt, Field(ge=1, le=1000)] = 10
    hook_bounds: HookBoundsTable = HookBoundsTable()


class CreditTable(_Table):
    slice_min_s: Annotated[StrictInt, Field(ge=5, le=300)] = 10
    slice_max_s: Annotated[StrictInt, Field(ge=10, le=300)] = 60
    call_min_s: Annotated[StrictInt, Field(ge=0, le=600)] = 20
    ring_max_s: Annotated[StrictInt, Field(ge=30, le=3600)] = 130
    commit_max_s: Annotated[float, Field(ge=0.5, le=10)] = 2.0
    warn_s: Annotated[list[Annotated[StrictInt, Field(ge=1, le=600)]], Field(max_length=5)] = [
        60,
        20,
    ]
    absorb_overspend: StrictBool = True


class PayersTable(_Table):
    wrong_code: WrongCode = WrongCode.DENY
    pin_secret_file: Text | None = None
    pin_digits_min: Annotated[StrictInt, Field(ge=4, le=PIN_DIGITS_MAX)] = 6


class ServerTlsTable(_Table):
    cert_file: Text
    key_file: Text


class InlineTable(_Table):
    host: Text = "127.0.0.1"
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = 0
    url: Url | None = None
    plain_text_accepted: bool = False
    tls: ServerTlsTable | None = None


class DestinationClassTable(_Table):
    name: Annotated[StrictStr, _matching(r"[a-z][a-z0-9]{0,15}", "a short word such as europe")]
    prefixes: Annotated[list[Prefix], Field(min_length=1)]


class HolidaysTable(_Table):
    name: CalendarName
    country: Annotated[StrictStr, AfterValidator(_country)] | None = None
    subdivision: Text | None = None
    dates: list[Day] = []
    without: list[Day] = []


class ClassTable(_Table):
    exhausted_outgoing: Literal["open", "locked"] = "locked"
    exhausted_incoming: Literal["ring", "divert"] = "divert"
    exhausted_below: Annotated[StrictStr, AfterValidator(_amount)] = "0.01"
    low_balance: Annotated[StrictStr, AfterValidator(_amount)] = "0"
    enforcement: Stance = Stance.ENFORCE
    unaided: Unaided | None = None
    unaided_cap: Annotated[StrictStr, AfterValidator(_amount)] = "0"
    unaided_calls: Annotated[StrictInt, Field(ge=1, le=100)] = 2
    price_per_minute_max: Annotated[StrictStr, AfterValidator(_amount)] | None = None
    tariff: Name | None = None
    calls_max: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0


class TlsTable(_Table):
    ca_file: Text
    server_name: Text
    client_cert_file: Text | None = None
    client_key_file: Text | None = None


class TrunkTable(_Table):
    name: Name
    title: Title = ""
    match: Annotated[list[Matcher], Field(min_length=1)]
    dial: DialString | None = None
    tariff: Name | None = None
    carrier: Name | None = None
    strip: list[Annotated[StrictStr, _matching(r"[0-9*#+]{1,15}", "digits")]] = []
    access_digits: Annotated[StrictInt, Field(ge=0, le=10)] = 0
    numbers: NumberForm = NumberForm.DIALLED


class DialplanTable(_Table):
    flavour: Literal["plain", "freepbx16", "freepbx17"] = "plain"
    outside_prefix: Annotated[StrictStr, _matching(r"[0-9*#]{0,4}", "digits, or empty")] = ""
    extensions: list[Pattern] = []
    devices: dict[DialplanName, ExtensionNumber] = {}
    phone_dial: DialString = "PJSIP/%s"
    ring_s: Annotated[StrictInt, Field(ge=1, le=600)] = 25
    trunk_ring_s: Annotated[StrictInt, Field(ge=1, le=600)] = 120
    ring_options: DialOptions = ""
    trunk_options: DialOptions = ""
    voicemail_context: DialplanName = "default"
    forwarded: Literal["forwarder", "refuse"] = "forwarder"
    transferred: Literal["transferor", "refuse"] = "transferor"
    groups: Group = "group"
    incoming: Incoming = "refuse"
    unaided: Unaided = Unaided.OPEN
    unaided_cap_s: Annotated[StrictInt, Field(ge=0, le=86_400)] = 600
    ca_file: RemotePath | None = None
    permit: list[Annotated[StrictStr, AfterValidator(_network)]] = []


class PbxTable(_Table):
    name: Name
    kind: Literal["asterisk"] = "asterisk"
    mode: Literal["reactive", "inline", "post"]
    host: Text
    port: Port = 5038
    user: Annotated[StrictStr, _matching(r"[0-9A-Za-z_.@-]+", "an AMI user name")]
    secret: StrictStr | None = None
    secret_file: Text | None = None
    demo: bool = False
    weak_secret_accepted: bool = False
    plain_text_accepted: bool = False
    enforcement: Stance = Stance.ENFORCE
    tariff: Name | None = None
    token: StrictStr | None = None
    token_file: Text | None = None
    tls: TlsTable | None = None
    dialplan: DialplanTable = DialplanTable()
    trunk: Annotated[list[TrunkTable], Field(min_length=1)]


class Document(_Table):
    """The whole file."""

    site: SiteTable
    store: StoreTable
    control: ControlTable
    http: HttpTable = HttpTable()
    inline: InlineTable = InlineTable()
    log: LogTable = LogTable()
    rating: RatingTable
    credit: CreditTable = CreditTable()
    payers: PayersTable = PayersTable()
    mail: MailTable | None = None
    account_classes: dict[Name, ClassTable] = {}
    destination_class: Annotated[list[DestinationClassTable], Field(max_length=20)] = []
    holidays: list[HolidaysTable] = []
    payments: PaymentsTable = PaymentsTable()
    gateway: Annotated[list[GatewayTable], Field(max_length=8)] = []
    pbx: Annotated[list[PbxTable], Field(min_length=1)]
