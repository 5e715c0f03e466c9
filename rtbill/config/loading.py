"""From the file to the values: read, check everything, report every mistake with its key path."""

from __future__ import annotations

import os
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from rtbill.config.api import api_config, find_api_tokens
from rtbill.config.certificates import tls_problems
from rtbill.config.contradictions import contradictions, pbx_tables
from rtbill.config.document import (
    ClassTable,
    CreditTable,
    DialplanTable,
    Document,
    HolidaysTable,
    InlineTable,
    PbxTable,
    RatingTable,
    SiteTable,
    TlsTable,
)
from rtbill.config.holiday_calendars import country_problems, table_problems
from rtbill.config.links import (
    find_live_token,
    find_pin_secret,
    find_secret,
    find_token,
    inline_problems,
    link_problems,
)
from rtbill.config.mail import find_mail_password, mail_config
from rtbill.config.pay import pay_config, pay_problems
from rtbill.config.payments import (
    GatewaySecrets,
    find_gateway_secrets,
    gateway_configs,
    payments_config,
)
from rtbill.config.trunks import trunk_problems
from rtbill.config.values import (
    AccountClass,
    Config,
    ControlConfig,
    CreditConfig,
    DestinationClass,
    DialplanConfig,
    HolidaysConfig,
    HookConfig,
    HttpConfig,
    InlineConfig,
    LogConfig,
    PayersConfig,
    PbxConfig,
    RatingConfig,
    ServerTlsConfig,
    Site,
    StoreConfig,
    TlsConfig,
    TrunkConfig,
)
from rtbill.config.webhooks import find_webhook_secrets, webhook_configs
from rtbill.config.words import suggestion
from rtbill.domain.account import Incoming, Outgoing, Service
from rtbill.domain.adjustment import Bounds
from rtbill.domain.errors import ConfigError
from rtbill.domain.money import MICROS, parse_micros
from rtbill.domain.price_plan import PERCENT_PPM
from rtbill.domain.trunk_numbers import TrunkNumbers

Location = tuple[str | int, ...]


def load_config(
    path: Path, environ: Mapping[str, str] = os.environ, *, opens_calendars: bool = True
) -> Config:
    """The checked configuration; relative paths in it start at the file's folder.

    Raises ConfigError holding every problem found, each as `key.path: what is wrong`. What takes a
    while, the holidays of countries, may be left to those who need them.
    """
    raw = _read(path)
    folder = path.resolve().parent
    problems: list[str] = []
    document = None
    try:
        document = Document.model_validate(raw)
    except ValidationError as error:
        problems += [_sentence(each["type"], each["loc"], each["msg"]) for each in error.errors()]
    keys = []
    for place, table in pbx_tables(raw):
        secret, found = find_secret(table, folder, environ)
        token, missing = find_token(table, folder, environ)
        keys.append((secret, token))
        found += missing + link_problems(table) + tls_problems(table, folder)
        found += trunk_problems(table, raw.get("site"))
        problems += [f"{place}.{text}" for text in found]
    secrets, found = _secrets(raw, folder, environ, keys)
    problems += found
    problems += _inline_problems(raw) + contradictions(raw) + table_problems(raw)
    problems += pay_problems(raw)
    if opens_calendars:
        problems += country_problems(raw)
    if document is None or problems:
        raise ConfigError(sorted(set(problems)))
    return _config(document, folder, secrets)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        text = f"{path}: cannot be read: {error.strerror}; name another file with --config"
        raise ConfigError([text]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: {error}"]) from error


def _inline_problems(raw: Mapping[str, Any]) -> list[str]:
    inline = raw.get("inline", {})
    asking = [table for _, table in pbx_tables(raw) if table.get("mode") == "inline"]
    return inline_problems(inline, asking) if isinstance(inline, dict) else []


def key_path(location: Location) -> str:
    """`pbx[0].port` for ("pbx", 0, "port")."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text


def _sentence(kind: str, location: Location, message: str) -> str:
    path = key_path(location)
    if kind == "missing":
        return f"{path}: is missing"
    if kind == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = suggestion(str(location[-1]), known)
        return f"{path}: unknown key{near or '; known here: ' + ', '.join(known)}"
    return f"{path}: {message.removeprefix('Value error, ')}"


def _known_keys(location: Location) -> list[str]:
    """Keys that the table at this place may hold."""
    model: type[BaseModel] = Document
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_within(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_within(annotation: object) -> type[BaseModel] | None:
    """The table type inside `list[...]`, `dict[..., ...]` or `... | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_within(argument) for argument in typing.get_args(annotation))
    return next((model for model in inner if model is not None), None)


class _Secrets(NamedTuple):
    """Each secret that was found beside the document."""

    keys: list[tuple[str, str]]
    pin: str
    live_token: str
    mail_password: str
    api_tokens: list[str]
    webhooks: list[tuple[str, ...]]
    gateways: list[GatewaySecrets]


def _secrets(
    raw: Mapping[str, Any],
    folder: Path,
    environ: Mapping[str, str],
    keys: list[tuple[str, str]],
) -> tuple[_Secrets, list[str]]:
    """Those of the exchanges, `keys`, with all others, and what is wrong with the others."""
    http = raw.get("http")
    pin, found = find_pin_secret(raw.get("payers"), folder, environ)
    problems = [f"payers.{text}" for text in found]
    mail_password, found = find_mail_password(raw.get("mail"), folder, environ)
    problems += found
    api_tokens, found = find_api_tokens(raw.get("api"), folder)
    problems += found
    webhooks, found = find_webhook_secrets(raw.get("webhook"), folder)
    problems += found
    live, found = find_live_token(http if isinstance(http, dict) else {}, folder, environ)
    problems += found
    gateways, found = find_gateway_secrets(raw.get("gateway"), folder, environ)
    secrets = _Secrets(keys, pin, live, mail_password, api_tokens, webhooks, gateways)
    return secrets, problems + found


def _config(document: Document, folder: Path, secrets: _Secrets) -> Config:
    classes = {"standard": ClassTable()} | document.account_classes
    return Config(
        site=_site(document),
        store=StoreConfig(path=folder / document.store.path, queue_max=document.store.queue_max),
        control=ControlConfig(socket=folder / document.control.socket),
        http=HttpConfig(
            host=document.http.host, port=document.http.port, live_token=secrets.live_token
        ),
        inline=_inline(document.inline, folder),
        log=LogConfig(**document.log.model_dump()),
        rating=_rating(document.rating, folder),
        credit=_credit(document.credit),
        payers=PayersConfig(
            wrong_code=document.payers.wrong_code,
            pin_secret=secrets.pin,
            pin_digits_min=document.payers.pin_digits_min,
        ),
        mail=mail_config(document.mail, folder, secrets.mail_password) if document.mail else None,
        api=api_config(document.api, folder, secrets.api_tokens) if document.api else None,
        webhooks=webhook_configs(document.webhook, folder, secrets.webhooks),
        account_classes=MappingProxyType(
            {name: _account_class(name, table) for name, table in classes.items()}
        ),
        pbxs=tuple(
            _pbx(table, own, document.site, folder)
            for table, own in zip(document.pbx, secrets.keys, strict=True)
        ),
        destination_classes=tuple(
            DestinationClass(name=each.name, prefixes=tuple(each.prefixes))
            for each in document.destination_class
        ),
        holidays=tuple(map(_holidays, document.holidays)),
        payments=payments_config(document.payments),
        gateways=gateway_configs(document.gateway, secrets.gateways, folder),
        pay=pay_config(document.pay, folder) if document.pay else None,
    )


def _rating(table: RatingTable, folder: Path) -> RatingConfig:
    return RatingConfig(
        default_tariff=table.default_tariff,
        guard_s=table.guard_s,
        call_max_s=table.call_max_s,
        unrated_talk_max_s=table.unrated_talk_max_s,
        unrated_prepaid=table.unrated_prepaid,
        hook=_hook(table, table.hook, folder) if table.hook else None,
    )


def _hook(table: RatingTable, name: str, folder: Path) -> HookConfig:
    module, _, function = name.partition(":")
    bounds = table.hook_bounds
    return HookConfig(
        module=module,
        function=function,
        folder=folder / table.hook_path,
        slow_s=table.hook_slow_ms / 1000,
        bounds=Bounds(
            percent_ppm=parse_micros(bounds.percent) * PERCENT_PPM // MICROS,
            per_minute_micros=parse_micros(bounds.per_minute),
            per_call_micros=parse_micros(bounds.per_call),
            price_lists=tuple(bounds.price_lists),
        ),
    )


def _inline(table: InlineTable, folder: Path) -> InlineConfig:
    tls = table.tls
    return InlineConfig(
        host=table.host,
        port=table.port,
        url=table.url,
        tls=ServerTlsConfig(cert_file=folder / tls.cert_file, key_file=folder / tls.key_file)
        if tls
        else None,
    )


def _site(document: Document) -> Site:
    site = document.site
    return Site(
        name=site.name,
        country=site.country,
        country_code=site.country_code,
        national_prefix=site.national_prefix,
        international_prefixes=tuple(site.international_prefixes),
        area_code=site.area_code,
        national_length=site.national_length,
        outside_prefixes=tuple(site.outside_prefixes),
        internal=tuple(site.internal),
        zone=site.zone,
        currency=site.currency,
        emergency=tuple(site.emergency),
        freephone=tuple(site.freephone),
        short_codes=MappingProxyType(dict(site.short_codes)),
    )


def _credit(table: CreditTable) -> CreditConfig:
    return CreditConfig(**{**table.model_dump(), "warn_s": tuple(table.warn_s)})


def _holidays(table: HolidaysTable) -> HolidaysConfig:
    return HolidaysConfig(
        name=table.name,
        country=table.country or "",
        subdivision=table.subdivision or "",
        dates=frozenset(table.dates),
        without=frozenset(table.without),
    )


def _account_class(name: str, table: ClassTable) -> AccountClass:
    return AccountClass(
        name=name,
        exhausted=Service(Outgoing(table.exhausted_outgoing), Incoming(table.exhausted_incoming)),
        exhausted_below_micros=parse_micros(table.exhausted_below),
        low_balance_micros=parse_micros(table.low_balance),
        enforcement=table.enforcement,
        unaided=table.unaided,
        unaided_cap_micros=parse_micros(table.unaided_cap),
        unaided_calls=table.unaided_calls,
        price_per_minute_max_micros=(
            None if table.price_per_minute_max is None else parse_micros(table.price_per_minute_max)
        ),
        tariff=table.tariff or "",
        calls_max=table.calls_max,
    )


def _pbx(table: PbxTable, keys: tuple[str, str], site: SiteTable, folder: Path) -> PbxConfig:
    secret, token = keys
    return PbxConfig(
        name=table.name,
        kind=table.kind,
        mode=table.mode,
        host=table.host,
        port=table.port,
        user=table.user,
        secret=secret,
        tls=_tls(table.tls, folder) if table.tls else None,
        trunks=tuple(
            TrunkConfig(
                name=each.name,
                matchers=tuple(each.match),
                title=each.title,
                dial=each.dial,
                tariff=each.tariff or "",
                carrier=each.carrier or "",
                numbers=TrunkNumbers(
                    strip=tuple(each.strip), access_digits=each.access_digits, form=each.numbers
                ),
            )
            for each in table.trunk
        ),
        enforcement=table.enforcement,
        tariff=table.tariff or "",
        token=token,
        dialplan=_dialplan(table.dialplan, site),
    )


def _tls(table: TlsTable, folder: Path) -> TlsConfig:
    cert, key = table.client_cert_file, table.client_key_file
    return TlsConfig(
        ca_file=folder / table.ca_file,
        server_name=table.server_name,
        client_cert_file=folder / cert if cert else None,
        client_key_file=folder / key if key else None,
    )


def _dialplan(table: DialplanTable, site: SiteTable) -> DialplanConfig:
    values = table.model_dump()
    values["extensions"] = tuple(table.extensions or site.internal)
    values["permit"] = tuple(table.permit)
    values["devices"] = MappingProxyType(dict(table.devices))
    return DialplanConfig(**values)
