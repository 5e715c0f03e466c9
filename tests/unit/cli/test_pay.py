"""`rtbill pay` as an operator meets it, on books without a gateway and with a scripted one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.app import gateways
from rtbill.cli import app
from rtbill.clock import SystemClock
from rtbill.config import GatewayConfig
from rtbill.gateway import PaymentGateway
from rtbill.ports import Clock
from tests.fakes.fake_gateway import FakeGateway, Loss, Provider
from tests.unit.cli.test_commands import ACCOUNTS, CONFIG, TARIFF

Run = Callable[..., Result]
GATEWAY = '[[gateway]]\nname = "canteen"\nkind = "cashless"\nurl = "http://127.0.0.1:1/"\n'
AGREED = ("--agreed", "1", "--by", "Ms Keller")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The provider behind the gateway `canteen`, which outlives every command."""
    made = Provider(SystemClock())

    async def open_gateway(config: GatewayConfig, _clock: Clock) -> PaymentGateway:
        return FakeGateway(made, config.name, tells=False, pages=False)

    monkeypatch.setattr(gateways, "GATEWAY_KINDS", {"cashless": open_gateway})
    return made


@pytest.fixture
def pay(tmp_path: Path, provider: Provider) -> Run:
    """Runs a command on books with room-1, which has 10.00."""
    config = tmp_path / "config.toml"
    with_gateway = CONFIG + GATEWAY + 'mapping_file = "canteen.toml"\n'
    config.write_text(with_gateway + '[payments]\nurl = "https://pay.example"\n')
    (tmp_path / "tariff.csv").write_text(TARIFF)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(config)])

    assert run("migrate").exit_code == 0
    for what in ("tariff", "accounts"):
        assert run(what, "import", str(tmp_path / f"{what}.csv"), "--apply").exit_code == 0
    assert not asyncio.iscoroutine(provider)
    return run


def ready(pay: Run) -> None:
    """room-1 pays from a card of the canteen."""
    added = pay("pay", "method", "add", "room-1", "C-4711", *AGREED)
    assert added.output == "room-1 may pay from card …4711 (canteen)\n"
    setting = ("--below", "5.00", "--buy", "10.00", "--on", *AGREED)
    set_ = pay("pay", "threshold", "room-1", *setting)
    assert set_.exit_code == 0, set_.output


def test_a_link_is_printed_once_with_its_end(pay: Run) -> None:
    shown = pay("pay", "link", "room-1")

    assert shown.output.startswith("https://pay.example/pay/")
    assert "good once, until " in shown.output


def test_settings_are_told_back_with_what_was_agreed(pay: Run) -> None:
    ready(pay)
    shown = pay("pay", "status", "room-1")

    assert "buys by itself: on" in shown.output
    assert "below 5.00 EUR it buys 10.00 EUR, up to 10.00 at a time" in shown.output
    assert "from Ms Keller" in shown.output


def test_a_top_up_is_charged_and_given_back(pay: Run, provider: Provider) -> None:
    ready(pay)
    bought = pay("pay", "topup", "room-1", "10.00", "--json")
    assert bought.exit_code == 0, bought.output
    row = json.loads(bought.output)["top_up"]
    assert row["state"] == "approved"
    assert "20.00" in pay("accounts", "list").output

    back = pay("pay", "refund", row["reference"], "--amount", "4.00", "--reason", "moved out")
    assert "of 4.00 EUR: done" in back.output
    assert provider.moved == {"room-1": 6_000_000}


def test_more_than_was_agreed_is_refused_in_one_sentence(pay: Run) -> None:
    ready(pay)
    refused = pay("pay", "topup", "room-1", "50.00")

    assert refused.exit_code == 1
    assert refused.stderr == (
        "rtbill: nothing is bought for room-1: the holder has not agreed to be charged 50.00 EUR "
        "without being there\n"
    )


def test_what_is_unknown_is_shown_and_settled_by_a_person(pay: Run, provider: Provider) -> None:
    ready(pay)
    provider.losses["confirm"] = [Loss.BEFORE]
    pay("pay", "topup", "room-1", "10.00")
    shown = pay("pay", "status")
    assert "under way: 1 unknown" in shown.output
    reference = json.loads(pay("pay", "status", "--json").output)["in_doubt"][0]["reference"]

    settled = pay("pay", "resolve", reference, "paid", "--reason", "in their list")
    assert settled.output.endswith("approved\n")
    assert "20.00" in pay("accounts", "list").output


def test_a_comparison_that_differs_ends_with_status_1(pay: Run, provider: Provider) -> None:
    ready(pay)
    pay("pay", "topup", "room-1", "10.00")
    agreeing = pay("pay", "reconcile", "--from", "2026-01-01")
    assert agreeing.exit_code == 0, agreeing.output
    assert "1 payments agree, 0 have to be looked at" in agreeing.output

    assert "holds for us" not in agreeing.output
    provider.keeps_balance = True
    held = pay("pay", "reconcile", "--from", "2026-01-01")
    assert "what it holds for us:" in held.output
    assert held.output.split()[-9:] == [
        *("EUR", "10.00", "0.00", "0.00", "-0.40", "0.00", "0.00", "9.60", "0.00")
    ]

    [paid] = provider.payments.values()
    paid.charge = replace(paid.charge, money=replace(paid.charge.money, micros=9_000_000))
    differing = pay("pay", "reconcile", "--from", "2026-01-01")
    assert differing.exit_code == 1
    assert "amount differs" in differing.output


def test_a_method_is_taken_away(pay: Run, provider: Provider) -> None:
    ready(pay)
    taken = pay("pay", "method", "remove", "room-1", "C-4711")

    assert taken.output == "room-1 does not pay from C-4711 any more\n"
    assert provider.forgotten == ["C-4711"]
    assert "buys by itself: off" in pay("pay", "status", "room-1").output


def test_resume_wants_an_account_or_a_gateway(pay: Run) -> None:
    assert pay("pay", "resume").exit_code == 2
    refused = pay("pay", "resume", "room-1")
    assert (refused.exit_code, refused.stderr) == (1, "rtbill: account room-1 is not stopped\n")


def test_a_kind_that_this_build_does_not_have_is_one_sentence(
    pay: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "GATEWAY_KINDS", {})
    refused = pay("pay", "status")

    assert refused.exit_code == 2
    assert refused.stderr == "rtbill: gateway canteen: this build has no gateway of kind cashless\n"
