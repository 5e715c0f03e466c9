"""`rtbill vat`, and what a statement says of tax, over books of a file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from balance import ledger
from rtbill.alarms import Alarms
from rtbill.cli import app
from rtbill.domain.changes import CreateAccount
from rtbill.domain.vat import VatPoint, VatTerms
from rtbill.domain.work import Operation
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.verify import verify
from rtbill.storage.writer import StoreSettings
from rtbill.vat import VatBook
from tests.fakes.books import a_call, an_account, credit, posting
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.unit.cli.test_commands import CONFIG

Run = Callable[..., Result]
DAYS = ("--from", f"{NOON.date()}", "--to", "2027-01-01")
TERMS = VatTerms(
    number=1,
    since=NOON,
    point=VatPoint.TOP_UP,
    percent_ppm=190_000,
    confirmed_by="A. Counter",
    confirmed_on=date(2026, 1, 5),
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "config.toml").write_text(CONFIG)

    def run_command(*arguments: str, fails: bool = False) -> Result:
        config = str(tmp_path / "config.toml")
        done = CliRunner().invoke(app, [*arguments, "--config", config])
        assert (done.exit_code != 0) == fails, done.output
        return done

    run_command("migrate")
    return run_command


@pytest.fixture
def booked(run: Run, tmp_path: Path) -> Run:
    """Room 1 bought 11.90 at the desk and called for 2.38; its next credit is not booked yet."""
    asyncio.run(sell(tmp_path / "rtbill.sqlite"))
    return run


async def sell(path: Path) -> None:
    clock = ManualClock()
    settings = StoreSettings(path=path)
    async with SqliteStore(settings, clock, CountingMeter()) as store, SqliteReader(path) as reader:
        book = VatBook(
            store=store,
            reader=reader,
            alarms=Alarms(clock),
            clock=clock,
            zone=ZoneInfo("Europe/Berlin"),
            wanted=TERMS,
        )
        await store.change(CreateAccount(an_account()))
        await book.close()
        await store.submit(credit("one", 11_900_000))
        call = a_call()
        assert call.price is not None
        await store.submit(posting(call._replace(price=call.price._replace(micros=2_380_000))))
        gift = Operation(
            "room-1",
            "credit:gift",
            lambda state, _: ledger.credit(state, 5, "gift", NOON, "", is_correction=True),
        )
        await store.submit(gift)
        await book.close()
        await store.submit(credit("two"))


def test_tax_that_is_not_booked_names_the_keys_that_make_it_so(run: Run) -> None:
    shown = run("vat", fails=True)
    assert shown.exit_code == 1
    assert "tax is not booked here: set vat_percent" in shown.output


def test_the_return_of_a_span(booked: Run, tmp_path: Path) -> None:
    shown = booked("vat", *DAYS).output
    assert "cash" in shown
    assert "1.90 EUR" in shown
    assert "VAT of credit that was used: 0.38 EUR" in shown
    assert "9.52 EUR taxed when bought, 1.52 EUR of it tax" in shown
    assert "confirmed by A. Counter on 2026-01-05" in shown
    assert "Not booked yet: 1 of the latest movements" in shown
    assert verify(tmp_path / "rtbill.sqlite") == []


def test_the_same_for_a_program(booked: Run) -> None:
    shown = json.loads(booked("vat", *DAYS, "--json").output)
    assert shown["due"] == [
        {
            "source": "cash",
            "rate": "19 %",
            "what": "due",
            "movements": 1,
            "gross": "11.90",
            "vat": "1.90",
            "currency": "EUR",
        }
    ]
    assert (shown["total"], shown["used"]) == ({"EUR": "1.90"}, {"EUR": "0.38"})
    assert (shown["point"], shown["not_booked_yet"]) == ("topup", 1)


def test_the_same_for_a_spreadsheet(booked: Run) -> None:
    [row] = csv.DictReader(io.StringIO(booked("vat", *DAYS, "--csv").output))
    assert (row["source"], row["vat"]) == ("cash", "1.90")


def test_a_span_without_tax_says_so(booked: Run) -> None:
    assert "No VAT became due" in booked("vat", "--from", "2020-01-01", "--to", "2020-02-01").output


def test_a_span_that_ends_before_it_begins_is_refused(booked: Run) -> None:
    shown = booked("vat", "--from", "2026-02-01", "--to", "2026-01-01", fails=True)
    assert "--to is not later than --from" in shown.output


def test_a_statement_says_that_calls_carry_no_second_tax(booked: Run) -> None:
    assert (
        "VAT (19 %) is paid with credit when it is bought" in booked("statement", "room-1").output
    )
    shown = json.loads(booked("statement", "room-1", "--json").output)
    assert shown["vat_paid_with_credit"] == "19 %"


def test_a_statement_of_before_tax_was_booked_stays_as_it_was(booked: Run) -> None:
    """LG-24."""
    shown = json.loads(booked("statement", "room-1", "--until", "2026-01-01", "--json").output)
    assert shown["vat_paid_with_credit"] is None


def test_a_span_that_is_not_over_reaches_to_this_day(booked: Run) -> None:
    """What became due on the last day is in it, also where it ends within the day."""
    day = NOON.date()
    shown = json.loads(booked("vat", "--from", f"{day}", "--to", f"{day}T18:00", "--json").output)
    assert shown["total"] == {"EUR": "1.90"}
    assert (shown["from"], shown["until"]) == (f"{day}", f"{day + timedelta(days=1)}")
