"""Price plans on the command line: import, list, what a call costs by them, and calls in print."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_price, posting
from tests.fakes.environment import CountingMeter, ManualClock
from tests.unit.cli.test_commands import CONFIG, TARIFF

EXAMPLE = (Path(__file__).parents[3] / "examples" / "price-plan.toml").read_text()
PLAN = EXAMPLE.replace("germany", "retail")
TRUNK = 'match = ["PJSIP/carrier-*"]\n'
ACCOUNTS = """account,name,kind,currency,tariff,pbx,extension,person,opening_balance
room-1,Room 1,prepaid,EUR,hall-plan,hall,1001,Lena,10.00
"""
SINCE = ("--from", "2026-01-01")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on books with a tariff, the carrier's list and an account."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.replace(TRUNK, TRUNK + 'carrier = "wholesale"\n'))
    for name, text in (
        ("retail.csv", TARIFF),
        ("wholesale.csv", TARIFF.replace("0.06", "0.03")),
        ("accounts.csv", ACCOUNTS),
        ("plan.toml", PLAN),
        ("bad.toml", 'tariffs = ["lost"]\nminimum = 5\n'),
    ):
        (tmp_path / name).write_text(text)

    def run_command(*arguments: str) -> Result:
        words = [
            str(tmp_path / word) if (tmp_path / word).suffix in (".csv", ".toml") else word
            for word in arguments
        ]
        return CliRunner().invoke(app, [*words, "--config", str(config)])

    for step in (
        ("migrate",),
        ("tariff", "import", "retail.csv", "--name", "retail", *SINCE, "--apply"),
        ("tariff", "import", "wholesale.csv", "--name", "wholesale", *SINCE, "--apply"),
        ("accounts", "import", "accounts.csv", "--apply"),
    ):
        done = run_command(*step)
        assert done.exit_code == 0, done.output
    return run_command


def imported(run: Run, *options: str) -> Result:
    return run("plan", "import", "plan.toml", "--name", "hall-plan", *options)


@pytest.fixture
def with_plan(run: Run) -> Run:
    assert imported(run, *SINCE, "--apply").exit_code == 0
    return run


def test_an_import_is_a_dry_run_then_a_version_then_nothing_to_do(run: Run) -> None:
    dry = imported(run)
    assert dry.exit_code == 0
    assert "+ markup: 20 % + 0.01 a call" in dry.output
    assert "this was a dry run, add --apply to do it" in dry.output
    assert "there is no price plan" in run("plan", "list").output

    assert "this is version 1 now" in imported(run, "--apply").output
    again = imported(run, "--apply").output
    assert "nothing to do: version 1 says the same" in again
    assert not [line for line in again.splitlines() if line.startswith(("+", "-"))]


def test_the_next_version_shows_what_changes(with_plan: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.replace('percent = "19"', 'percent = "7"'))

    lines = imported(with_plan).output.splitlines()

    assert "- tax: VAT 19 %" in lines
    assert "+ tax: VAT 7 %" in lines
    assert "  currency: EUR" in lines


def test_another_currency_alone_is_a_change(with_plan: Run) -> None:
    refused = imported(with_plan, "--currency", "CHF", "--apply")

    assert refused.exit_code == 1
    assert "tariffs: retail is in EUR, the plan in CHF" in refused.output


def test_all_problems_are_told_with_the_file_and_nothing_is_done(run: Run, tmp_path: Path) -> None:
    refused = run("plan", "import", "bad.toml", "--name", "hall-plan", "--apply")

    assert refused.exit_code == 1
    assert f"{tmp_path / 'bad.toml'}: minimum: 5 is no text" in refused.output
    assert "nothing was imported" in refused.output
    told = json.loads(run("plan", "import", "bad.toml", "--name", "x", "--json").output)
    assert [each.partition(":")[0] for each in told["problems"]] == ["minimum"]
    assert json.loads(run("plan", "list", "--json").output) == []


def test_a_name_that_the_configuration_could_not_write_is_refused(run: Run) -> None:
    refused = run("plan", "import", "plan.toml", "--name", "Hall Plan")

    assert refused.exit_code == 1
    assert "'Hall Plan' is no name: write small letters" in refused.output


def test_plans_are_listed_in_words(with_plan: Run) -> None:
    told = with_plan("plan", "list").output.splitlines()
    assert told[0] == "hall-plan version 1, EUR, in force from 2026-01-01 00:00:00"
    assert "  tax: VAT 19 %" in told

    [listed] = json.loads(with_plan("plan", "list", "--json").output)
    assert (listed["name"], listed["version"], listed["currency"]) == ("hall-plan", 1, "EUR")
    assert listed["valid_from"] == "2025-12-31T23:00:00.000000Z"
    assert "rates: retail" in listed["terms"]


CALL = ("rate", "03012345678", "--seconds", "90", "--account", "room-1", "--trunk", "hall/carrier")


def test_a_call_is_explained_line_by_line_by_the_accounts_plan(with_plan: Run) -> None:
    told = with_plan(*CALL, "--at", "2026-12-24T12:00").output

    # 60 s and 30 s at 0.06 a minute, a fifth more and a cent, a tenth less: 0.1062; tax 0.020178.
    assert told.splitlines() == [
        "03012345678: +493012345678, chargeable (national)",
        "Germany: prefix 49 of tariff retail version 1, plan hall-plan version 1",
        "90 s of talk are billed as 90 s",
        "  from 0 s (Thu 12:00:00): 1 x 60 s at 0.06/min             0.06",
        "  from 60 s (Thu 12:01:00): 30 x 1 s at 0.06/min            0.03",
        "  markup 20 % + 0.01 a call                                0.028",
        "  discount Christmas 10 %                                -0.0118",
        "  tax VAT 19 %                                            0.0202",
        "price 0.1264 EUR",
        "the carrier takes 0.045 EUR, margin 0.0612 EUR",
    ]


def test_the_same_as_json_with_lines_that_add_up(with_plan: Run) -> None:
    told = json.loads(with_plan(*CALL, "--at", "2026-12-23", "--json").output)

    wanted = ("price", "tax", "carrier", "margin", "plan", "plan_version", "tariff")
    assert [told[key] for key in wanted] == [
        *("0.1404", "0.0224", "0.045", "0.073", "hall-plan", 1, "retail"),
    ]
    assert sum(Fraction(each["exact"]) for each in told["explanation"]) == Fraction("0.1404")


def test_without_a_plan_there_is_neither_tax_nor_plan(with_plan: Run) -> None:
    told = json.loads(with_plan(*CALL[:4], "--at", "2026-12-23", "--json").output)

    assert [told[key] for key in ("price", "tax", "carrier", "margin", "plan", "plan_version")] == [
        *("0.09", "0.00", "0.045", "0.045", None, None),
    ]


def test_a_list_that_is_named_comes_before_the_accounts(with_plan: Run) -> None:
    for name, price in (("retail", "0.09"), ("wholesale", "0.045"), ("hall-plan", "0.1404")):
        told = with_plan(*CALL, "--at", "2026-12-23", "--tariff", name)
        assert f"price {price} EUR" in told.output


def test_a_carriers_list_that_is_not_there_is_told(with_plan: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace('"wholesale"', '"wholesael"'))

    told = with_plan(*CALL, "--at", "2026-12-23").output

    assert "what the carrier takes is not known: there is no tariff 'wholesael'" in told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--account", "room-9"), "there is no account room-9"),
        (("--trunk", "attic"), "there is no exchange 'attic'"),
        (("--trunk", "hall/gsm"), "hall has no trunk 'gsm'"),
        (("--tariff", "nobody"), "there is no tariff or price plan 'nobody'"),
        (("--at", "2025-12-31"), "is not yet in force"),
    ],
)
def test_a_question_without_an_answer_says_why(
    with_plan: Run, options: tuple[str, str], why: str
) -> None:
    refused = with_plan("rate", "03012345678", *options)

    assert refused.exit_code == 1
    assert why in refused.output


def test_calls_are_printed_with_plan_tax_and_what_the_carrier_takes(
    with_plan: Run, tmp_path: Path
) -> None:
    price = a_price(297_500)._replace(
        plan="hall-plan", plan_version=1, tax_micros=47_500, cost_micros=120_000
    )

    async def bill() -> None:
        settings = StoreSettings(path=tmp_path / "rtbill.sqlite")
        async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
            await store.submit(posting(a_call("1")._replace(price=price)))
            await store.submit(posting(a_call("2")))

    asyncio.run(bill())

    by_leg = {call["leg"]: call for call in json.loads(with_plan("calls", "--json").output)}
    wanted = ("price", "tax", "carrier", "plan", "plan_version", "tariff")
    assert [by_leg["1"][key] for key in wanted] == [
        *("0.2975", "0.0475", "0.12", "hall-plan", 1, "retail"),
    ]
    assert [by_leg["2"][key] for key in wanted] == ["0.25", "0.00", None, None, None, "retail"]
    rows = {
        row["call"]: row for row in csv.DictReader(io.StringIO(with_plan("calls", "--csv").output))
    }
    assert [rows["hotel/1"][key] for key in wanted[:5]] == [
        *("0.2975", "0.0475", "0.12", "hall-plan", "1"),
    ]
    assert [rows["hotel/2"][key] for key in wanted[2:5]] == ["", "", ""]
    entries = json.loads(with_plan("statement", "room-1", "--json").output)["entries"]
    assert [each.get("tax") for each in entries] == [None, "0.0475", "0.00"]
    assert "carrier" not in entries[1]
    assert "proven" in with_plan("verify").output
