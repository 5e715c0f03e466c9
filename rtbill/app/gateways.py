"""The payment gateways that the configuration names, by kind: the one place that knows them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping

from rtbill.config import Config, GatewayConfig, GatewayKind, TlsConfig, client_context
from rtbill.domain.errors import ConfigError
from rtbill.gateway import PaymentGateway
from rtbill.ports import Clock, Meter
from rtbill.replenishment.gateways import Gateways

OpenGateway = Callable[[GatewayConfig, Clock], Awaitable[PaymentGateway]]


async def _stripe(config: GatewayConfig, clock: Clock) -> PaymentGateway:
    from payments.stripe_card import StripeGateway
    from payments.stripe_settings import API_BASE, StripeSettings

    settings = StripeSettings(
        name=config.name,
        api_key=config.api_key,
        webhook_secrets=config.webhook_secrets,
        is_live=config.is_live,
        api_base=config.url or API_BASE,
        timeout_s=config.timeout_s,
    )
    return StripeGateway(settings, clock)


async def _cashless(config: GatewayConfig, clock: Clock) -> PaymentGateway:
    from payments.cashless_soap import CashlessGateway
    from payments.cashless_table import read_mapping_file
    from payments.soap_address import SoapAddress, UserToken

    assert config.mapping_file is not None, "the configuration demands one"
    mapping = await asyncio.to_thread(read_mapping_file, config.mapping_file)
    address = SoapAddress(
        url=config.url,
        tls=_tls(config),
        server_name=config.server_name,
        token=UserToken(config.user, config.password, config.is_digest) if config.user else None,
        timeout_s=config.timeout_s,
    )
    return await CashlessGateway.open(config.name, mapping, address, clock)


def _tls(config: GatewayConfig) -> ssl.SSLContext | None:
    if config.ca_file is None:
        return None
    return client_context(
        TlsConfig(
            ca_file=config.ca_file,
            server_name=config.server_name,
            client_cert_file=config.client_cert_file,
            client_key_file=config.client_key_file,
        )
    )


GATEWAY_KINDS: Mapping[GatewayKind, OpenGateway] = {"stripe": _stripe, "cashless": _cashless}
"""How a gateway of each kind is opened; ConfigError when its settings do not fit together."""


async def open_gateways(config: Config, clock: Clock, meter: Meter) -> Gateways:
    """Every gateway of the configuration; nothing is asked of any yet."""
    opened: list[PaymentGateway] = []
    problems: list[str] = []
    for each in config.gateways:
        make = GATEWAY_KINDS.get(each.kind)
        if make is None:
            problems.append(f"gateway {each.name}: this build has no gateway of kind {each.kind}")
            continue
        try:
            opened.append(await make(each, clock))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return Gateways(opened, clock, meter)
