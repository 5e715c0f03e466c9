"""Does the configuration ask more of an exchange than it can do? Found before anything starts."""

from __future__ import annotations

from rtbill.config import Config, PbxConfig
from rtbill.credit.stances import stances_of
from rtbill.domain.account import OPEN_SERVICE
from rtbill.ports import Capabilities


def lacking(config: Config, pbx: PbxConfig, able: Capabilities) -> list[str]:
    """What is wanted and cannot be had, each as `key: text` with the name of the capability."""
    place = f"pbx[{config.pbxs.index(pbx)}]"
    stances = stances_of(config)
    enforcing = [
        each
        for each in config.account_classes.values()
        if stances.of(pbx.name, each.name).is_enforcing
    ]
    problems: list[tuple[str, str, str, str]] = []
    if pbx.mode == "inline" and not able.ask_before_dialling:
        problems.append(("mode", "ask_before_dialling", "mode 'inline'", "use 'reactive'"))
    if pbx.mode != "post" and not able.live_events:
        problems.append(("mode", "live_events", f"mode {pbx.mode!r}", "use 'post'"))
    if pbx.mode != "post" and enforcing:
        wanted = "keeping prepaid calls within their money"
        remedy = "use enforcement = 'observe' or 'warn' here"
        for name in ("limit_call", "hang_up"):
            if not getattr(able, name):
                problems.append(("enforcement", name, wanted, remedy))
    locking = sorted(each.name for each in enforcing if each.exhausted != OPEN_SERVICE)
    if locking and not able.set_service:
        wanted = f"locking and diverting, as class {locking[0]} wants,"
        remedy = (
            f"use exhausted_outgoing = 'open' and exhausted_incoming = 'ring' in "
            f"{', '.join(f'account_classes.{name}' for name in locking)}, or enforcement = "
            "'observe' here"
        )
        problems.append(("enforcement", "set_service", wanted, remedy))
    return [
        f"{place}.{key}: {wanted} needs the capability {name}, which exchange {pbx.name} of kind "
        f"{pbx.kind!r} does not have; {remedy}"
        for key, name, wanted, remedy in problems
    ]
