"""Inspecting exchanges without a running service, and watching a test call with or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

from adapters.asterisk.inspection.call_seen import CallSeen, call_findings
from adapters.asterisk.inspection.call_watch import watch_call
from rtbill.app.books import assignment, number_plan
from rtbill.app.exchanges import asterisk_settings, expected_files, make_pbx
from rtbill.app.offline import open_reader
from rtbill.clock import SystemClock
from rtbill.config import Config, PbxConfig
from rtbill.domain.finding import Finding, note, problem
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.domain.rated import RatedCall
from rtbill.exchanges import inspections
from rtbill.ports import Clock
from rtbill.pricing.assignment import Place
from rtbill.serving.control_client import ControlClient

_BOOKED_TRIES = 6
_BOOKED_PAUSE_S = 0.5


def check(config: Config, wanted: Sequence[PbxConfig]) -> dict[str, Any]:
    """The findings at these exchanges, as the order `check` of a running service answers them."""
    return asyncio.run(_check(config, wanted))


async def _check(config: Config, wanted: Sequence[PbxConfig]) -> dict[str, Any]:
    clock = SystemClock()
    pbxs = [make_pbx(config, each, clock) for each in wanted]
    async with AsyncExitStack() as stack:
        reader = None
        if config.store.path.exists():
            reader = await stack.enter_async_context(open_reader(config))
        return inspections.as_answer(await inspections.inspect_all(pbxs, reader, clock))


def watch(
    config: Config,
    pbx: PbxConfig,
    number: str,
    seconds: float,
    ready: Callable[[], None],
) -> dict[str, Any]:
    """What was seen of the operator's call, what was missing, and what the running service made of
    it.
    """
    return asyncio.run(_watch(config, pbx, number, seconds, ready))


async def _watch(
    config: Config,
    pbx: PbxConfig,
    number: str,
    seconds: float,
    ready: Callable[[], None],
) -> dict[str, Any]:
    clock = SystemClock()
    settings = asterisk_settings(pbx, expected_files(config, pbx))
    seen = await watch_call(settings, clock, number, seconds, ready)
    found = call_findings(seen)
    is_running = ControlClient(config.control.socket).is_running()
    booked = None
    if is_running and seen.leg and seen.is_ended:
        booked = await _booked(config, f"{pbx.name}/{seen.leg}", clock)
    return {
        "pbx": pbx.name,
        "call": asdict(seen),
        "read": _read(config, pbx.name, seen),
        "booked": None if booked is None else _money(booked),
        "findings": [
            asdict(finding) for finding in [*found, *_record(seen, booked, is_running=is_running)]
        ],
    }


async def _booked(config: Config, key: str, clock: Clock) -> RatedCall | None:
    """The call as the service entered it into the books; it may take a moment."""
    async with open_reader(config) as reader:
        for _ in range(_BOOKED_TRIES):
            call = await reader.call(key)
            if call is not None:
                return call
            await clock.sleep(_BOOKED_PAUSE_S)
    return None


def _read(config: Config, pbx: str, seen: CallSeen) -> dict[str, str] | None:
    """How the dialled digits are read for pricing."""
    if not seen.dialled:
        return None
    on_trunk = assignment(config).numbers.get(Place(pbx, seen.trunk or ""))
    called = number_plan(config.site).classify(seen.dialled, on_trunk)
    return {"kind": str(called.kind), "number": called.number or "", "reason": called.reason}


def _money(call: RatedCall) -> dict[str, str]:
    price = call.price
    amount = None if price is None else decimal_text(price.micros, EXPONENTS[price.currency])
    return {
        "account": call.account,
        "status": str(call.status),
        "destination": "" if price is None else price.destination,
        "price": "" if amount is None or price is None else f"{amount} {price.currency}",
    }


def _record(seen: CallSeen, booked: RatedCall | None, *, is_running: bool) -> list[Finding]:
    """Whether the end of an answered call was kept, by the exchange or already in the books."""
    if not (seen.is_answered and seen.is_ended) or seen.trunk is None:
        return []
    if booked is None and is_running:
        return [
            problem(
                "call-record",
                f"the call {seen.leg} did not reach the books of the running service",
                "look at rtbill status for a lost link and for alarms",
            )
        ]
    if booked is None and not seen.done_row:
        return [
            problem(
                "call-record",
                "the exchange kept no record of the call's end, so it would be lost while rtbill "
                "is away",
                "rtbill-hup must run at the hang-up and may write Asterisk's database",
            )
        ]
    if not is_running:
        return [note("call-record", "rtbill does not run; it bills this call when it starts")]
    return []
