"""The demonstration: a simulated exchange, a simulated card provider and people who pay, beside the
real biller, on one terminal.

    python -m simulator demo --config config.toml

The biller is a child process like any other: its configuration file, its command line and its pages
are all that is known of it here. Ctrl-C stops the biller first, then the others.
"""

from __future__ import annotations

import ctypes
import hashlib
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
EXAMPLES = Path(__file__).parents[1] / "examples"
_PR_SET_PDEATHSIG = 1


class DemoFailed(Exception):
    """The demonstration cannot be shown; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the configuration file says about the demonstration."""

    config: Path
    folder: Path
    """Where the books are; the exchange keeps its own state beside them."""
    port: int
    user: str
    secret: str
    provider: Provider | None
    """Of cards; None: nobody pays by card."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The simulated card provider, as the biller knows it."""

    port: int
    api_key: str
    webhook_secret: str
    webhook: str
    """Where it tells the biller what happened."""


def run_demo(config: Path, seed: int, speed: float) -> int:
    """Show calls being billed until Ctrl-C; the biller's exit status."""
    stage = read_stage(config)
    stage.folder.mkdir(parents=True, exist_ok=True)
    prepare(stage)
    with ExitStack() as others:
        others.enter_context(_exchange(stage, seed, speed))
        if stage.provider is not None:
            others.enter_context(_provider(stage, stage.provider))
            others.enter_context(_holders(stage))
        return _biller(stage)


def read_stage(config: Path) -> Stage:
    """The first exchange of the file that is marked `demo = true`."""
    try:
        content: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DemoFailed(f"{config} cannot be read: {error}") from error
    for pbx in content.get("pbx", []):
        if pbx.get("demo") is True and "secret" in pbx:
            books = config.resolve().parent / content["store"]["path"]
            provider = _read_provider(content)
            return Stage(config, books.parent, pbx["port"], pbx["user"], pbx["secret"], provider)
    raise DemoFailed(f"{config} has no [[pbx]] with demo = true and a secret")


def _read_provider(content: dict[str, Any]) -> Provider | None:
    """The first gateway of the file that is marked `demo = true`."""
    for gateway in content.get("gateway", []):
        if gateway.get("demo") is True and "pay" in content:
            pay = content["pay"]
            port = pay.get("webhook_port", pay["port"])
            return Provider(
                port=int(gateway["url"].rpartition(":")[2]),
                api_key=gateway["api_key"],
                webhook_secret=gateway["webhook_secrets"],
                webhook=f"http://127.0.0.1:{port}/webhooks/{gateway['name']}",
            )
    return None


def prepare(stage: Stage) -> None:
    """Books with a tariff and accounts, on the first run and when these are others than then.
    Repeating any step changes nothing.
    """
    files = [EXAMPLES / "tariff-germany.csv", EXAMPLES / "accounts-hall.csv"]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()
    prepared = stage.folder / "demo-prepared"
    steps: list[tuple[str, ...]] = [("migrate",)]
    if not prepared.exists() or prepared.read_text() != digest:
        steps += [("tariff", "import", str(files[0]), "--apply")]
        steps += [("accounts", "import", str(files[1]), "--apply")]
    for step in steps:
        done = subprocess.run(
            _command("rtbill", *step, "--config", str(stage.config)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise DemoFailed(f"rtbill {step[0]} failed:\n{done.stdout}{done.stderr}".rstrip())
    prepared.write_text(digest)


@contextmanager
def _exchange(stage: Stage, seed: int, speed: float) -> Iterator[None]:
    """The simulated exchange as a child that answers on its port, stopped at the end."""
    command = _command(
        "simulator",
        *("asterisk", "--seed", str(seed), "--speed", str(speed), "--port", str(stage.port)),
        *("--user", stage.user, "--secret", stage.secret),
        *("--state", str(stage.folder / "demo-exchange.json")),
    )
    with _listening(stage, "exchange", command, stage.port):
        yield


@contextmanager
def _provider(stage: Stage, provider: Provider) -> Iterator[None]:
    """The simulated card provider, in the same way."""
    command = _command(
        "simulator.card_gateway",
        *("--port", str(provider.port), "--api-key", provider.api_key),
        *("--webhook", provider.webhook, "--secret", provider.webhook_secret),
        *("--state", str(stage.folder / "demo-cards.json")),
    )
    with _listening(stage, "cards", command, provider.port):
        yield


@contextmanager
def _holders(stage: Stage) -> Iterator[None]:
    """The people who pay; what hinders them stands in their log."""
    with _child(stage, "holders", _command("simulator.holders", "--config", str(stage.config))):
        yield


@contextmanager
def _listening(stage: Stage, name: str, command: list[str], port: int) -> Iterator[None]:
    """A child that answers on its port."""
    if _answers(port):
        raise DemoFailed(
            f"port {port} is taken; is another demonstration running? "
            f"Stop it, or change the port in {stage.config}"
        )
    with _child(stage, name, command) as child:
        _wait_for_port(child, port, stage.folder / f"demo-{name}.log")
        yield


@contextmanager
def _child(stage: Stage, name: str, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the demonstration with a log of its own, stopped at the end."""
    with (stage.folder / f"demo-{name}.log").open("a", encoding="utf-8") as log:
        # A process group of its own: Ctrl-C in the terminal must reach the biller first.
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            # Safe with one thread. Without it a killed demonstration would leave its port taken.
            preexec_fn=_die_with_parent,
        )
    try:
        yield child
    finally:
        _stop(child)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_for_port(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while not _answers(port):
        if child.poll() is not None or time.monotonic() > until:
            raise DemoFailed(f"a part of the demonstration does not start; {log} says why")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _biller(stage: Stage) -> int:
    """Run the biller on our terminal until it ends; a signal to us is one to it."""
    children: list[subprocess.Popen[bytes]] = []

    def pass_on(_number: int, _frame: object) -> None:
        # On Ctrl-C the terminal tells the child too; told twice it stops once.
        for child in children:
            child.terminate()

    before = {each: signal.signal(each, pass_on) for each in (signal.SIGINT, signal.SIGTERM)}
    child = subprocess.Popen(_command("rtbill", "run", "--config", str(stage.config)))
    children.append(child)
    try:
        return child.wait()
    finally:
        _stop(child)
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
