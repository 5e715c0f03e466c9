"""`rtbill rerate`, `recycle` and `unrated` as an operator meets them, without a running service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.domain.rated import CallStatus
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_record, posting
from tests.fakes.environment import CountingMeter, ManualClock
from tests.unit.cli.test_commands import ACCOUNTS, CONFIG

TARIFF = """prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
41,Switzerland,0,0.10,60,1
"""
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Books with two calls to Switzerland at 0.25 where the tariff says 0.10, and two to France
    without a rate.
    """
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    (tmp_path / "tariff.csv").write_text(TARIFF)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)

    def run_command(*arguments: str, fails: bool = False) -> Result:
        done = CliRunner().invoke(app, [*arguments, "--config", str(config)])
        assert (done.exit_code != 0) == fails, done.output
        return done

    run_command("migrate")
    run_command("tariff", "import", str(tmp_path / "tariff.csv"), "--from", "2026-01-01", "--apply")
    run_command("accounts", "import", str(tmp_path / "accounts.csv"), "--apply")
    asyncio.run(add_calls(tmp_path / "rtbill.sqlite"))
    return run_command


async def add_calls(path: Path) -> None:
    async with SqliteStore(StoreSettings(path=path), ManualClock(), CountingMeter()) as store:
        for leg in ("1", "2"):
            await store.submit(posting(a_call(leg, record=a_record(leg, NOON))))
        for leg, dialled in (("3", "0033155501000"), ("4", "0033155501001")):
            record = a_record(leg, NOON, dialled=dialled)
            number = f"+{dialled[2:]}"
            call = a_call(leg, CallStatus.UNRATED, record=record, number=number, note="no rate")
            await store.submit(posting(call))


ALL = ("--since", "2026-10-01", "--until", "2026-11-01")
"""What a dry run has to be told at least."""


def test_a_dry_run_needs_both_ends_of_its_span(run: Run) -> None:
    for order in (("rerate",), ("recycle", *ALL[:2]), ("rerate", *ALL[2:])):
        assert "--since and --until are needed" in run(*order, fails=True).output


def test_a_dry_run_shows_the_difference_and_how_to_do_it(run: Run) -> None:
    shown = run("rerate", *ALL).output

    assert "room-1         2    0.50   0.20       -0.30  EUR" in shown
    assert "all            2    0.50   0.20       -0.30  EUR" in shown
    assert "2 calls looked at, 2 change, 0 have no rate now and stay as they are" in shown
    assert "do it with: rtbill rerate --apply 1" in shown


def test_a_run_is_carried_out_once_and_the_books_are_proven(run: Run, tmp_path: Path) -> None:
    run("rerate", *ALL, "--destination", "+41")

    assert "run 1: 2 of 2 calls are done" in run("rerate", "--apply", "1").output
    again = run("rerate", "--apply", "1", fails=True).output
    assert "run 1 is done: nothing is left to do" in again

    calls = json.loads(run("calls", "--json", "--status", "rated").output)
    assert {call["price"] for call in calls} == {"0.10"}
    assert {call["tariff_version"] for call in calls} == {1}
    assert verify(tmp_path / "rtbill.sqlite") == []
    assert "by" in run("rerate", "--list").output
    [listed] = json.loads(run("rerate", "--list", "--json").output)
    assert (listed["state"], listed["done"]) == ("done", 2)
    assert listed["selection"]["number_prefix"] == "+41"
    assert listed["selection"]["since"].startswith("2026-09-30 22:00")
    assert "9.80" in run("statement", "room-1").output


def test_a_tariff_imported_after_the_dry_run_asks_for_another(run: Run, tmp_path: Path) -> None:
    run("rerate", *ALL)
    (tmp_path / "tariff.csv").write_text(TARIFF.replace("0.10", "0.20"))
    run("tariff", "import", str(tmp_path / "tariff.csv"), "--from", "2026-01-02", "--apply")

    refused = run("rerate", "--apply", "1", fails=True).output
    assert "prices changed since the dry run of run 1; make a new dry run" in refused


def test_a_dropped_run_says_what_stays(run: Run) -> None:
    run("rerate", *ALL)
    assert "run 1 is dropped; 0 calls were carried out" in run("rerate", "--drop", "1").output
    assert "is dropped" in run("rerate", "--apply", "1", fails=True).output


@pytest.mark.parametrize(
    "wrong",
    [
        ("rerate", "--apply", "1", "--since", "2026-10-01"),
        ("rerate", "--apply", "1", "--drop", "1"),
        ("rerate", "--list", "--account", "room-1"),
        ("recycle", "--apply", "1", "--pbx", "hall"),
    ],
)
def test_what_a_run_knows_is_not_said_again(run: Run, wrong: tuple[str, ...]) -> None:
    refused = run(*wrong, fails=True).output
    assert "alone: a run knows what was chosen" in refused


def test_numbers_without_a_rate_are_shown_by_range_and_masked(run: Run) -> None:
    shown = run("unrated").output

    assert "331     FR       fixed  retail      2      120  +331******00" in shown
    assert "55501000" not in shown
    [group] = json.loads(run("unrated", "--json").output)
    assert (group["prefix"], group["calls"], group["nearest_prefix"]) == ("331", 2, None)


def test_adding_a_range_bills_what_waits_for_it(run: Run, tmp_path: Path) -> None:
    order = ("unrated", "add", "+33", "--destination", "France", "--price", "0.30")
    assert "this was a dry run, add --apply to do it" in run(*order).output
    assert len(json.loads(run("unrated", "--json").output)) == 1

    done = run(*order, "--apply").output

    assert "run 1: 2 of 2 calls are done" in done
    assert "version 2 of retail is in force from 2026-10-01T12:00:00+00:00" in done
    assert run("unrated").output == "none\n"
    assert verify(tmp_path / "rtbill.sqlite") == []
    assert "8.90" in run("statement", "room-1").output


def test_recycling_bills_what_a_new_tariff_covers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tariff.csv").write_text(f"{TARIFF}33,France,0,0.20,60,60\n")
    run("tariff", "import", str(tmp_path / "tariff.csv"), "--from", "2026-01-01", "--apply")
    assert "do it with: rtbill recycle --apply 1" in run("recycle", *ALL).output

    assert "run 1: 2 of 2 calls are done" in run("recycle", "--apply", "1").output
    assert "0 calls looked at" in run("recycle", *ALL).output
