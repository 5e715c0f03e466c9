"""`rtbill usage`, and `rtbill group` about codes, PINs and trunks, without a running service."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.domain.rated import CallStatus
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_record, posting
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.unit.cli.test_commands import CONFIG

ACCOUNTS = """account,name,kind,currency,pbx,extension,person,from,code
room-1,Room 1,postpaid,EUR,hotel,1001,Lena,2026-01-01,4711
room-2,Room 2,postpaid,EUR,hotel,1002,,2026-01-01,
"""
PIN = "864297"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "pins").write_text("mixed-with-every-pin-here")
    (tmp_path / "pins").chmod(0o600)
    text = CONFIG.replace('"hall"', '"hotel"') + 'title = "Telco A, 30 lines"\n'
    text += '[payers]\npin_secret_file = "pins"\n'
    (tmp_path / "config.toml").write_text(text)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)

    def run_command(*arguments: str, fails: bool = False, typed: str = "") -> Result:
        config = str(tmp_path / "config.toml")
        done = CliRunner().invoke(app, [*arguments, "--config", config], input=typed)
        assert (done.exit_code != 0) == fails, done.output
        return done

    run_command("migrate")
    run_command("accounts", "import", str(tmp_path / "accounts.csv"), "--apply")
    asyncio.run(add_calls(tmp_path / "rtbill.sqlite"))
    return run_command


async def add_calls(path: Path) -> None:
    async with SqliteStore(StoreSettings(path=path), ManualClock(), CountingMeter()) as store:
        for days, account, status in (
            (0, "room-1", CallStatus.RATED),
            (1, "room-1", CallStatus.RATED),
            (31, "room-1", CallStatus.RATED),
            (32, "room-2", CallStatus.RATED),
            (33, "room-2", CallStatus.UNRATED),
        ):
            began = NOON + timedelta(days=days)
            record = a_record(str(days), began, ended_at=began + timedelta(seconds=90))
            await store.submit(posting(a_call(account=account, status=status, record=record)))


ALL = ("usage", "--from", "2026-10-01", "--to", "2026-12-01")


def test_usage_is_added_up_by_account_and_month(run: Run) -> None:
    shown = json.loads(run(*ALL, "--by", "month", "--by", "account", "--json").output)
    assert (shown["zone"], shown["waiting"]) == ("Europe/Berlin", 1)
    assert [
        (each["month"], each["account"], each["calls"], each["talk_s"], each["price"])
        for each in shown["usage"]
    ] == [
        ("2026-10", "room-1", 2, 180.0, "0.50"),
        ("2026-11", "room-1", 1, 90.0, "0.25"),
        ("2026-11", "room-2", 1, 90.0, "0.25"),
    ]
    assert shown["usage"][0]["margin"] is None


def test_usage_for_people_says_its_span_and_what_is_missing(run: Run) -> None:
    shown = run(*ALL).output
    assert "account  calls  minutes  billed min  price   tax  margin  currency" in shown
    assert "room-1       3      4.5         3.0   0.75  0.00          EUR" in shown
    assert "from 2026-10-01" in shown
    assert "1 calls wait for a price and are in no sum" in shown
    assert "room-2" not in run(*ALL, "--account", "room-1").output


def test_usage_as_csv_has_a_line_for_each_sum(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run(*ALL, "--by", "destination", "--csv").output)))
    assert [(row["destination"], row["calls"], row["price"]) for row in rows] == [
        ("Switzerland Bern", "4", "1.00")
    ]


def test_a_trunk_is_told_by_its_name_and_its_title(run: Run) -> None:
    assert "carrier (Telco A, 30 lines)" in run("calls").output
    [call, *_] = json.loads(run("calls", "--json").output)
    assert (call["trunk"], call["trunk_title"]) == ("carrier", "Telco A, 30 lines")
    assert "trunks carrier (Telco A, 30 lines)" in run("check-config").output
    run("rerate", "--since", "2026-10-01", "--until", "2026-12-01", "--trunk", "carrier")
    assert "trunk carrier (Telco A, 30 lines)" in run("rerate", "--list").output
    [listed] = json.loads(run("rerate", "--list", "--json").output)
    assert listed["selection"]["trunk"] == "carrier"


def test_usage_backwards_is_refused(run: Run) -> None:
    refused = run("usage", "--from", "2026-12-01", "--to", "2026-10-01", fails=True).output
    assert "--to is not later than --from" in refused


def test_keys_are_given_listed_and_taken_and_a_pin_is_never_shown(run: Run) -> None:
    said = run("group", "add-pin", "room-2", "--person", "Ash", typed=f"{PIN}\n").output
    assert said == "this PIN stands for room-2 from now\n"
    run("group", "add-code", "room-2", "4712", "--from", "2026-01-01")
    run("group", "add-trunk", "room-2", "hotel/carrier")
    listed = run("group", "list", "room-2").output
    for name in ("extension hotel/1002", "a PIN", "account code 4712", "trunk hotel/carrier"):
        assert name in listed
    written = json.loads(run("group", "list", "room-2", "--json").output)
    assert {(each.get("kind"), each.get("value")) for each in written} == {
        (None, None),
        ("code", "4712"),
        ("pin", None),
        ("trunk", "hotel/carrier"),
    }
    shown = run("accounts", "show", "room-2").output
    assert "found by  account code 4712" in shown
    exported = run("accounts", "export").output
    assert "room-2,Room 2,postpaid,EUR,0.00,standard,,,,,2026-01-01,,,4712,," in exported
    assert PIN not in said + listed + shown + exported
    assert run("group", "remove-pin", "room-2").output == (
        "1 PINs no longer stand for room-2 from now\n"
    )
    run("group", "remove-code", "room-2", "4712")
    run("group", "remove-trunk", "room-2", "carrier")
    refused = run("group", "remove-pin", "room-2", fails=True).output
    assert "account room-2 has no PIN" in refused


def test_a_pin_that_is_too_short_is_refused_without_being_shown(run: Run) -> None:
    refused = run("group", "add-pin", "room-2", typed="1234\n", fails=True).output
    assert "a PIN has 6 to 16 digits" in refused
    assert "1234" not in refused
