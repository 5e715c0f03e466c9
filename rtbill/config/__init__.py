"""`config.toml` as frozen values: `load_config(path)` gives a Config or reports every mistake."""

from rtbill.config.api import TOKEN_NAME, ApiConfig, ApiToken, Right
from rtbill.config.certificates import client_context
from rtbill.config.holiday_calendars import HolidayCalendar, holiday_calendars
from rtbill.config.loading import load_config
from rtbill.config.mail import MailConfig
from rtbill.config.pay import PayConfig
from rtbill.config.payments import GatewayConfig, GatewayKind, PaymentsConfig
from rtbill.config.trunks import dial_problem, prefix_problem
from rtbill.config.values import (
    EXPOSURES,
    AccountClass,
    Config,
    ControlConfig,
    DestinationClass,
    DialplanConfig,
    HolidaysConfig,
    HookConfig,
    HttpConfig,
    InlineConfig,
    LogConfig,
    PbxConfig,
    RatingConfig,
    ServerTlsConfig,
    Site,
    StoreConfig,
    TlsConfig,
    TrunkConfig,
)
from rtbill.config.webhooks import WebhookConfig

__all__ = [
    "EXPOSURES",
    "TOKEN_NAME",
    "AccountClass",
    "ApiConfig",
    "ApiToken",
    "Config",
    "ControlConfig",
    "DestinationClass",
    "DialplanConfig",
    "GatewayConfig",
    "GatewayKind",
    "HolidayCalendar",
    "HolidaysConfig",
    "HookConfig",
    "HttpConfig",
    "InlineConfig",
    "LogConfig",
    "MailConfig",
    "PayConfig",
    "PaymentsConfig",
    "PbxConfig",
    "RatingConfig",
    "Right",
    "ServerTlsConfig",
    "Site",
    "StoreConfig",
    "TlsConfig",
    "TrunkConfig",
    "WebhookConfig",
    "client_context",
    "dial_problem",
    "holiday_calendars",
    "load_config",
    "prefix_problem",
]
