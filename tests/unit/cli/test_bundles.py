"""Bundles on the command line: import, list, give, end, show, and where else they are seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.domain.bundle import Unit
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_record, posting
from tests.fakes.bundles import pool, taking
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.unit.cli.test_commands import ACCOUNTS, CONFIG, TARIFF

EXAMPLE = (Path(__file__).parents[3] / "examples" / "bundles.toml").read_text()
SINCE = ("--from", "2026-01-01")
GIVEN = ("bundle", "give", "national-300", "--to", "room-1", "--key", "gift", *SINCE)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on books with a tariff, two accounts and the bundles of the example."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    for name, text in (
        ("retail.csv", TARIFF),
        ("accounts.csv", ACCOUNTS),
        ("bundles.toml", EXAMPLE),
        ("more.toml", EXAMPLE.replace("minutes = 300", "minutes = 400")),
        ("bad.toml", '[[bundle]]\nname = "x"\n'),
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
        ("accounts", "import", "accounts.csv", "--apply"),
        ("bundle", "import", "bundles.toml", "--apply"),
    ):
        assert run_command(*step).exit_code == 0, step
    return run_command


def test_an_import_is_a_dry_run_unless_it_is_applied(run: Run) -> None:
    shown = run("bundle", "import", "more.toml")

    assert shown.exit_code == 0
    assert "national-300 version 2:" in shown.output
    assert "- holds: 300 min each month" in shown.output
    assert "+ holds: 400 min each month" in shown.output
    assert "weekend-100: version 1 says the same" in shown.output
    assert "this was a dry run" in shown.output
    assert "version 2" not in run("bundle", "list").output


def test_the_same_file_again_does_nothing(run: Run) -> None:
    assert "nothing to do" in run("bundle", "import", "bundles.toml", "--apply").output


def test_mistakes_are_told_with_their_place(run: Run) -> None:
    shown = run("bundle", "import", "bad.toml", "--apply")
    assert shown.exit_code == 1
    assert "bundle[0]" in shown.output
    assert "nothing was imported" in shown.output


def test_what_is_given_is_listed_and_shown(run: Run) -> None:
    given = run(*GIVEN)
    assert "300 min of national-300 each month is given to room-1" in given.output
    assert "key gift" in given.output
    assert "had been given" in run(*GIVEN).output

    assert "national-300 version 1, 1 in force" in run("bundle", "list").output
    assert "welcome version 1, 0 in force" in run("bundle", "list").output
    shown = run("bundle", "show", "room-1").output
    assert "300 national minutes: 300 min of 300 min left until " in shown
    assert "then full again" in shown
    assert "key gift" in shown
    assert "bundle    300 national minutes: 300 min" in run("accounts", "show", "room-1").output


def test_what_is_shared_names_the_others(run: Run) -> None:
    run("bundle", "give", "welcome", "--to", "room-1,office", "--key", "both", "--days", "30")
    assert "shared with office" in run("bundle", "show", "room-1").output
    [found] = json.loads(run("bundle", "show", "office", "--json").output)
    assert (found["left"], found["holds"], found["accounts"]) == (
        "5.00",
        "5.00",
        ["office", "room-1"],
    )


def test_what_is_ended_is_shown_no_more(run: Run) -> None:
    run(*GIVEN)
    ended = run("bundle", "end", "gift", "--at", "2026-02-01")
    assert "gift of room-1 pays no calls from 2026-01-31T23:00:00+00:00 on" in ended.output
    assert "room-1 holds no bundle" in run("bundle", "show", "room-1").output


def test_an_unknown_account_or_allowance_is_refused(run: Run) -> None:
    assert run("bundle", "show", "nobody").exit_code == 1
    assert run("bundle", "end", "nothing").exit_code == 1
    assert run("bundle", "give", "nothing", "--to", "room-1").exit_code == 1


def test_rate_uses_what_the_account_holds_unless_told_otherwise(run: Run) -> None:
    asking = ("rate", "004915112345678", "--seconds", "90", "--account", "room-1")
    run(*GIVEN)

    with_bundles = run(*asking).output
    assert "120 s of national-300 (17880 s left)" in with_bundles
    assert "price 0.00 EUR" in with_bundles
    assert "price 0.09 EUR" in run(*asking, "--no-bundles").output


def test_rate_tells_what_money_of_a_bundle_pays(run: Run) -> None:
    run("bundle", "give", "welcome", "--to", "room-1", "--key", "w", *SINCE)
    asking = ("rate", "004915112345678", "--seconds", "90", "--account", "room-1")

    shown = run(*asking)

    assert "welcome pays 0.09 and has 4.91 left" in shown.output
    assert "the account owes 0.00 EUR" in shown.output
    answer = json.loads(run(*asking, "--json").output)
    assert (answer["price"], answer["debit"]) == ("0.09", "0.00")
    assert answer["paid_by"] == [{"bundle": "welcome", "amount": "0.09", "left": "4.91"}]


def test_calls_and_statements_tell_what_bundles_paid(run: Run, tmp_path: Path) -> None:
    run(*GIVEN[:-2], "--from", NOON.isoformat())
    run("bundle", "give", "welcome", "--to", "room-1", "--key", "w", "--from", NOON.isoformat())
    asyncio.run(_post(tmp_path))

    found = {each["leg"]: each for each in json.loads(run("calls", "--json").output)}
    assert found["money"]["debit"] == "0.05"
    assert found["money"]["bundles"] == [{"allowance": "w", "unit": "money", "amount": "0.20"}]
    assert found["plain"]["bundles"] == []
    statement = run("statement", "room-1").output
    assert "Bundle Welcome credit: 0.20 EUR for 1 calls" in statement
    written = json.loads(run("statement", "room-1", "--json").output)
    assert written["bundles"] == [
        {
            "allowance": "w",
            "bundle": "welcome",
            "title": "Welcome credit",
            "unit": "money",
            "amount": "0.20",
            "calls": 1,
        }
    ]
    [left] = [
        each["left"]
        for each in json.loads(run("bundle", "show", "room-1", "--json").output)
        if each["key"] == "w"
    ]
    assert left == "4.80"
    assert run("verify").exit_code == 0


async def _post(folder: Path) -> None:
    settings = StoreSettings(path=folder / "rtbill.sqlite")
    async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
        money = a_call(record=a_record("money"))
        amount = {"amount": 5_000_000, "needs": 200_000, "unit": Unit.MONEY}
        await store.submit(taking(money, pool("w"), **amount))  # type: ignore[arg-type]
        await store.submit(posting(a_call(record=a_record("plain"))))
