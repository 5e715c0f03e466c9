"""The payment gateways that the configuration names, by kind: the one place that knows them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from rtbill.config import Config, GatewayConfig, GatewayKind
from rtbill.domain.errors import ConfigError
from rtbill.gateway import PaymentGateway
from rtbill.gateways import Gateways
from rtbill.ports import Clock, Meter

OpenGateway = Callable[[GatewayConfig, Clock], Awaitable[PaymentGateway]]
GATEWAY_KINDS: Mapping[GatewayKind, OpenGateway] = {}
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
