"""The shape of config.toml, one model per table. Private to this package: others see `values`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
)

from rtbill.config.api import ApiTable, ServerTlsTable
from rtbill.config.mail import MailTable
from rtbill.config.pay import PayTable
from rtbill.config.payments import GatewayTable, PaymentsTable
from rtbill.config.webhooks import WebhookTable
from rtbill.config.words import (
    Amount,
    Beginning,
    CalendarName,
    Country,
    CurrencyCode,
    Day,
    Dialled,
    DialOptions,
    DialplanName,
    DialString,
    Digits,
    DigitsOrNothing,
    ExtensionNumber,
    Group,
    Incoming,
    Matcher,
    Name,
    Network,
    Pattern,
    Percent,
    Port,
    Prefix,
    RemotePath,
    Text,
    Title,
    Url,
    Zone,
    matching,
)
from rtbill.domain.payer_key import PIN_DIGITS_MAX, WrongCode
from rtbill.domain.stance import Stance, Unaided
from rtbill.domain.trunk_numbers import NumberForm


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteTable(_Table):
    name: Text
    country: Country
    country_code: Annotated[StrictStr, matching(r"[1-9][0-9]{0,2}", "a code such as 49")]
    national_prefix: DigitsOrNothing = "0"
    international_prefixes: Annotated[list[Digits], Field(min_length=1)] = ["00"]
    area_code: DigitsOrNothing = ""
    national_length: Annotated[StrictInt, Field(ge=4, le=15)] | None = None
    outside_prefixes: list[Dialled] = []
    internal: Annotated[list[Pattern], Field(min_length=1)]
    zone: Zone
    currency: CurrencyCode
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
    percent: Percent = "0"
    per_minute: Amount = "0"
    per_call: Amount = "0"
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
            matching(
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


class InlineTable(_Table):
    host: Text = "127.0.0.1"
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = 0
    url: Url | None = None
    plain_text_accepted: bool = False
    tls: ServerTlsTable | None = None


class DestinationClassTable(_Table):
    name: Annotated[StrictStr, matching(r"[a-z][a-z0-9]{0,15}", "a short word such as europe")]
    prefixes: Annotated[list[Prefix], Field(min_length=1)]


class HolidaysTable(_Table):
    name: CalendarName
    country: Country | None = None
    subdivision: Text | None = None
    dates: list[Day] = []
    without: list[Day] = []


class ClassTable(_Table):
    exhausted_outgoing: Literal["open", "locked"] = "locked"
    exhausted_incoming: Literal["ring", "divert"] = "divert"
    exhausted_below: Amount = "0.01"
    low_balance: Amount = "0"
    enforcement: Stance = Stance.ENFORCE
    unaided: Unaided | None = None
    unaided_cap: Amount = "0"
    unaided_calls: Annotated[StrictInt, Field(ge=1, le=100)] = 2
    price_per_minute_max: Amount | None = None
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
    strip: list[Annotated[StrictStr, matching(r"[0-9*#+]{1,15}", "digits")]] = []
    access_digits: Annotated[StrictInt, Field(ge=0, le=10)] = 0
    numbers: NumberForm = NumberForm.DIALLED


class DialplanTable(_Table):
    flavour: Literal["plain", "freepbx16", "freepbx17"] = "plain"
    outside_prefix: Annotated[StrictStr, matching(r"[0-9*#]{0,4}", "digits, or empty")] = ""
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
    permit: list[Network] = []


class PbxTable(_Table):
    name: Name
    kind: Literal["asterisk"] = "asterisk"
    mode: Literal["reactive", "inline", "post"]
    host: Text
    port: Port = 5038
    user: Annotated[StrictStr, matching(r"[0-9A-Za-z_.@-]+", "an AMI user name")]
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
    api: ApiTable | None = None
    webhook: Annotated[list[WebhookTable], Field(max_length=10)] = []
    account_classes: dict[Name, ClassTable] = {}
    destination_class: Annotated[list[DestinationClassTable], Field(max_length=20)] = []
    holidays: list[HolidaysTable] = []
    payments: PaymentsTable = PaymentsTable()
    pay: PayTable | None = None
    gateway: Annotated[list[GatewayTable], Field(max_length=8)] = []
    pbx: Annotated[list[PbxTable], Field(min_length=1)]
