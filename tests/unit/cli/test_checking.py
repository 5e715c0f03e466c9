"""`rtbill check-pbx` as an operator meets it, without a running service."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from tests.unit.adapters.exchange import FakeExchange
from tests.unit.cli.test_commands import CONFIG

Run = Callable[..., Result]


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    """A scripted exchange in a thread of its own: the command has its own event loop."""
    fake = FakeExchange()
    fake.replies |= {
        "GetConfig": lambda action: fake.error(action, "Config file not found"),
        "Getvar": lambda action: fake.ok(action, "Value: 1"),
    }
    is_there, is_over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with fake:
            is_there.set()
            await asyncio.to_thread(is_over.wait, 30)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert is_there.wait(5)
    yield fake
    is_over.set()
    thread.join(10)


@pytest.fixture
def run(tmp_path: Path, exchange: FakeExchange) -> Run:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.replace("port = 5038", f"port = {exchange.port}"))

    def run_command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["check-pbx", *arguments, "--config", str(config)])

    return run_command


def clock_as_ours(exchange: FakeExchange) -> None:
    """Without a Timestamp the exchange's clock is taken for ours."""
    exchange.replies["Ping"] = lambda action: exchange.ok(action, "Ping: Pong")


def test_warnings_alone_are_said_and_exit_0(run: Run, exchange: FakeExchange) -> None:
    clock_as_ours(exchange)
    exchange.replies["CoreSettings"] = lambda action: exchange.ok(
        action, "AsteriskVersion: 18.26.4"
    )
    exchange.replies["Getvar"] = lambda action: exchange.ok(
        action, "Value: " + ("0" if "macro" in _asked(action) or "exten" in _asked(action) else "1")
    )
    exchange.replies["GetConfig"] = lambda action: exchange.error(action, "Permission denied")
    done = run("hall")
    assert done.exit_code == 0, done.output
    assert "pbx hall: 1 warning" in done.output
    assert "WARNING end-of-life: Asterisk 18 has had no security fixes" in done.output
    assert "do: plan the move to Asterisk 22" in done.output


def _asked(action: object) -> str:
    return action.get("Variable")  # type: ignore[attr-defined, no-any-return]  # a wire.Message


def test_a_problem_exits_1_and_names_what_to_do(run: Run, exchange: FakeExchange) -> None:
    clock_as_ours(exchange)
    exchange.replies["Getvar"] = lambda action: exchange.ok(action, "Value: 0")
    done = run()
    assert done.exit_code == 1
    assert "PROBLEM files-missing: the exchange has no extensions_rtbill.conf" in done.output
    assert "do: run rtbill pbx-config" in done.output


def test_json_holds_every_finding(run: Run, exchange: FakeExchange) -> None:
    clock_as_ours(exchange)
    exchange.replies["Getvar"] = lambda action: exchange.ok(action, "Value: 0")
    [report] = json.loads(run("--json").output)["pbxs"]
    assert report["name"] == "hall"
    assert {"files-missing"} == {each["code"] for each in report["findings"]}
    assert all(set(each) == {"code", "severity", "text", "remedy"} for each in report["findings"])


def test_an_exchange_that_is_not_there_exits_1(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.replace("port = 5038", "port = 1"))
    done = CliRunner().invoke(app, ["check-pbx", "--config", str(config)])
    assert done.exit_code == 1
    assert "PROBLEM unreachable: cannot reach hall at 127.0.0.1:1" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lobby",), "there is no exchange 'lobby'; known are hall"),
        (("--call", "nobody"), "'nobody' is not a telephone number"),
        (("--call", "112", "--seconds", "0"), "--seconds"),
    ],
)
def test_wrong_usage_exits_2(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_a_wrong_configuration_exits_2(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check-pbx", "--config", str(tmp_path / "none.toml")])
    assert done.exit_code == 2


def test_a_call_that_never_comes_is_a_problem(run: Run, exchange: FakeExchange) -> None:
    clock_as_ours(exchange)
    done = run("--call", "0301234567", "--seconds", "1")
    assert done.exit_code == 1
    assert "dial 0301234567 from a telephone of hall now" in done.output
    assert "PROBLEM call-not-seen" in done.output


def test_the_sign_of_life_is_never_written(run: Run, exchange: FakeExchange) -> None:
    clock_as_ours(exchange)
    run()
    assert exchange.asked("DBPut") == []
