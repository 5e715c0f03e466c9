"""The command `python -m simulator asterisk`.

Clock, exchange, server, script and state file put together.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulator.ami_server import AmiServer
from simulator.clock import SpeedClock
from simulator.director import Director
from simulator.exchange import Exchange
from simulator.faults import FaultPlan
from simulator.scenario import load_scenario
from simulator.state_file import load_state, save_state

SAVE_PAUSE_S = 0.05
"""Changes within this time are written together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What the command line says."""

    scenario: Path
    seed: int
    speed: float
    port: int
    port_file: Path | None
    state: Path | None
    user: str
    secret: str
    version: int
    fault_rates: Mapping[str, float] = field(default_factory=dict)


async def run_asterisk(settings: RunSettings) -> None:
    """Serve until the scenario is over or a signal says stop.

    Then end all calls and keep the state.
    """
    scenario = load_scenario(settings.scenario)
    clock = SpeedClock(settings.speed)
    exchange = Exchange(
        clock.now_us,
        extensions=scenario.extensions,
        trunks=scenario.trunks,
        version=settings.version,
        outside_prefix=scenario.outside_prefix,
    )
    if settings.state is not None:
        load_state(settings.state, exchange)
    server = AmiServer(
        exchange,
        clock,
        user=settings.user,
        secret=settings.secret,
        port=settings.port,
        faults=FaultPlan(settings.seed, {**scenario.fault_rates, **settings.fault_rates}),
    )
    director = Director(server, scenario, settings.seed)
    changed = asyncio.Event()
    exchange.database.on_change = changed.set
    stopped = _stop_on_signal()
    try:
        async with server:
            _tell_port(server.port, settings.port_file)
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(director.play(), name="scenario")
                playing.add_done_callback(lambda _task: stopped.set())
                saving = tasks.create_task(_save_changes(settings.state, exchange, changed))
                await stopped.wait()
                playing.cancel()
                saving.cancel()
    finally:
        exchange.shut_down()
        if settings.state is not None:
            save_state(settings.state, exchange)


def _stop_on_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _save_changes(path: Path | None, exchange: Exchange, changed: asyncio.Event) -> None:
    """Write the state soon after each change.

    So that even a killed simulator remembers its locks and calls.
    """
    while path is not None:
        await changed.wait()
        changed.clear()
        save_state(path, exchange)
        await asyncio.sleep(SAVE_PAUSE_S)


def _tell_port(port: int, port_file: Path | None) -> None:
    print(f"AMI on 127.0.0.1:{port}", file=sys.stderr, flush=True)  # noqa: T201 -- output
    if port_file is not None:
        beside = port_file.with_name(f".{port_file.name}.{os.getpid()}")
        beside.write_text(f"{port}\n", "utf-8")
        beside.replace(port_file)
