"""`rtbill compare` as an operator meets it: what is printed, and how it exits."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from tests.unit.cli.test_commands import ACCOUNTS, CONFIG, TARIFF

ROW = (
    '"","1001","0301234567","from-internal","""L"" <1001>","PJSIP/1001-0000000{leg}",'
    '"PJSIP/carrier-0000000{leg}","Dial","PJSIP/0301234567@carrier,60","2026-11-22 13:00:0{leg}",'
    '"2026-11-22 13:00:1{leg}","2026-11-22 13:02:1{leg}",130,120,"ANSWERED","DOCUMENTATION",'
    '"179534880{leg}.{leg}",""\n'
)
"""13:00 in Berlin is 12:00 UTC, as the id says."""
MAPPING = """
[number]
column = "to"
[start]
columns = ["at"]
format = "%Y-%m-%d %H:%M:%S"
[duration]
column = "s"
[price]
column = "eur"
currency = "EUR"
"""


class Desk:
    """A command line with books that hold a tariff and accounts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config.toml").write_text(CONFIG)
        (folder / "tariff.csv").write_text(TARIFF)
        (folder / "accounts.csv").write_text(ACCOUNTS)
        self.must("migrate")
        self.must("tariff", "import", str(folder / "tariff.csv"), "--from", "2026-01-01", "--apply")
        self.must("accounts", "import", str(folder / "accounts.csv"), "--apply")

    def run(self, *arguments: str, given: str | None = None) -> Result:
        config = str(self.folder / "config.toml")
        return CliRunner().invoke(app, [*arguments, "--config", config], input=given)

    def must(self, *arguments: str) -> None:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def compare(self, *arguments: str, given: str | None = None) -> Result:
        """`given` is what stands on standard input."""
        return self.run("compare", *arguments, given=given)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def lost(desk: Desk) -> str:
    """A record with two calls that we do not have."""
    return desk.file("Master.csv", ROW.format(leg=1) + ROW.format(leg=2))


def test_records_without_a_difference_exit_with_0(desk: Desk) -> None:
    done = desk.compare("--cdr", desk.file("empty.csv", ""))
    assert done.exit_code == 0, done.output
    assert "Matched: 0 calls" in done.output


def test_a_difference_exits_with_1_and_is_listed_with_its_money(desk: Desk, lost: str) -> None:
    done = desk.compare("--cdr", lost)
    assert done.exit_code == 1
    told = " ".join(done.output.split())
    assert "exchange hall" in told
    assert "missing 2 0 s 240 s 0.24 EUR" in told
    assert "missing room-1 2 0.24 EUR" in told
    assert "missing carrier 2 0.24 EUR" in told
    assert "missing 2026-11-22 13:00:11 +49301234567 room-1 carrier 120.0 s 0.12 EUR" in told
    assert "1795348801.1 PJSIP/carrier-00000001" in told


def test_json_holds_totals_and_every_difference(desk: Desk, lost: str) -> None:
    done = desk.compare("--cdr", lost, "--json")
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert told["totals"]["missing"]["money"] == {"EUR": "0.24"}
    assert told["totals"]["extra"]["calls"] == 0
    assert told["since"] == "2026-11-22T12:00:11.000000Z"
    first = told["findings"][0]
    assert (first["kind"], first["money"], first["currency"]) == ("missing", "0.12", "EUR")
    assert (first["their_talk_s"], first["their_payer"]) == (120.0, "1001")
    assert first["our_call"] is None


def test_csv_is_the_list_alone_and_safe_in_a_spreadsheet(desk: Desk, lost: str) -> None:
    done = desk.compare("--cdr", lost, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert [(row["kind"], row["number"], row["money"]) for row in rows] == [
        ("missing", "'+49301234567", "0.12")
    ] * 2
    raw = desk.compare("--cdr", lost, "--csv", "--raw").output
    assert next(csv.DictReader(io.StringIO(raw)))["number"] == "+49301234567"


def test_a_span_leaves_out_what_lies_outside(desk: Desk, lost: str) -> None:
    done = desk.compare("--cdr", lost, "--since", "2026-11-23", "--until", "2026-11-24")
    assert done.exit_code == 0, done.output
    assert "from 2026-11-23 00:00:00 to 2026-11-24 00:00:00, Europe/Berlin" in done.output


def test_a_record_in_another_zone_is_refused_until_the_zone_is_named(desk: Desk) -> None:
    in_utc = desk.file("utc.csv", ROW.format(leg=1).replace(" 13:0", " 12:0"))
    refused = desk.compare("--cdr", in_utc)
    assert refused.exit_code == 1
    assert "--cdr-zone" in refused.output
    assert "missing" in desk.compare("--cdr", in_utc, "--cdr-zone", "UTC").output


def test_a_row_that_cannot_be_read_exits_with_1_and_is_named(desk: Desk) -> None:
    done = desk.compare("--cdr", desk.file("broken.csv", '"a","b"\n'))
    assert done.exit_code == 1
    assert "Rows that could not be read: 1" in done.output
    assert "broken.csv, line 1: has 2 columns" in done.output


def test_a_bill_shows_what_the_carrier_charges(desk: Desk) -> None:
    bill = desk.file("bill.csv", "to,at,s,eur\n0301234567,2026-11-22 13:00:11,60,0.02\n")
    done = desk.compare("--bill", bill, "--mapping", desk.file("mapping.toml", MAPPING), "--json")
    assert done.exit_code == 1
    [found] = json.loads(done.output)["findings"]
    assert (found["their_call"], found["their_price"], found["money"]) == (
        "bill.csv:2",
        "0.02",
        "0.06",
    )


def test_the_exchanges_record_may_be_standard_input(desk: Desk) -> None:
    rows = ROW.format(leg=1) + '"a","b"\n' + ROW.format(leg=2)
    done = desk.compare("--cdr", "-", "--json", given=rows)
    assert done.exit_code == 1, done.output
    told = json.loads(done.output)
    assert told["totals"]["missing"]["calls"] == 2
    assert told["problems"][0].startswith("standard input, line 2: has 2 columns")


def test_a_bill_may_be_standard_input(desk: Desk) -> None:
    bill = "to,at,s,eur\n0301234567,2026-11-22 13:00:11,60,0.02\n"
    mapping = desk.file("mapping.toml", MAPPING)
    done = desk.compare("--bill", "-", "--mapping", mapping, "--json", given=bill)
    assert done.exit_code == 1, done.output
    [found] = json.loads(done.output)["findings"]
    assert found["their_call"] == "standard input:2"


def test_a_mapping_may_be_standard_input(desk: Desk) -> None:
    bill = desk.file("bill.csv", "to,at,s,eur\n")
    done = desk.compare("--bill", bill, "--mapping", "-", given=MAPPING)
    assert done.exit_code == 0, done.output
    wrong = desk.compare("--bill", bill, "--mapping", "-", given="encoding = 1\n" + MAPPING)
    assert "standard input: encoding: 1 is not a text" in wrong.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cdr", "-", "--cdr", "-"),
        ("--bill", "-", "--bill", "-", "--mapping", "{mapping}"),
        ("--bill", "-", "--mapping", "-"),
    ],
)
def test_standard_input_is_one_file(desk: Desk, arguments: tuple[str, ...]) -> None:
    mapping = desk.file("mapping.toml", MAPPING)
    words = [mapping if word == "{mapping}" else word for word in arguments]
    refused = desk.compare(*words, given=ROW.format(leg=1))
    assert refused.exit_code == 2, refused.output
    assert "standard input can be read once: give - for one file only" in refused.output


def test_a_standard_input_that_is_closed_is_said(desk: Desk) -> None:
    config = str(desk.folder / "config.toml")
    words = [sys.executable, "-m", "rtbill", "compare", "--cdr", "-", "--config", config]
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(words)} <&-"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "rtbill: standard input cannot be read: it is closed\n"


def test_files_that_only_others_can_read_are_said_with_the_remedy(
    desk: Desk, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the system's answers are played."""
    open_it, access = Path.open, os.access
    closed = {"Master.csv", "password", "bill.csv", "mapping.toml"}

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name in closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_it(path, *arguments, **named)

    bill, mapping = desk.file("bill.csv", ""), desk.file("mapping.toml", MAPPING)
    password = desk.file("password", "secret")
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name not in closed and access(path, mode)
    )
    for arguments in (("--cdr", lost), ("--bill", bill, "--mapping", mapping)):
        refused = desk.compare(*arguments)
        assert refused.exit_code == 1, refused.output
        assert "Permission denied; pipe what this command's user cannot read" in refused.stderr
    refused = desk.compare("--cdr", "mysql://u@127.0.0.1/d", "--password-file", password)
    assert refused.exit_code == 2, refused.output
    assert "Permission denied; it has to be a file of mode 0400 that belongs" in refused.stderr


def test_a_span_that_ends_before_it_begins_is_refused(desk: Desk, lost: str) -> None:
    refused = desk.compare("--cdr", lost, "--since", "2026-11-24", "--until", "2026-11-23")
    assert refused.exit_code == 1
    assert "--until must be later than --since" in refused.output


@pytest.mark.parametrize(
    ("option", "date"),
    [
        ("--since", "0001-01-01"),
        ("--since", "0001-01-01T12:00Z"),
        ("--until", "9999-12-31T23:00"),
        ("--until", "9999-12-31T23:00-12:00"),
    ],
)
def test_a_span_at_the_end_of_the_calendar_is_refused(
    desk: Desk, lost: str, option: str, date: str
) -> None:
    refused = desk.compare("--cdr", lost, option, date)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"rtbill: {date!r} is too near the end of the calendar; ")
    assert refused.stderr.count("\n") == 1


def test_a_span_may_reach_far(desk: Desk, lost: str) -> None:
    done = desk.compare("--cdr", lost, "--since", "1900-01-01", "--until", "9999-12-31", "--json")
    assert json.loads(done.output)["totals"]["missing"]["calls"] == 2, done.output


@pytest.mark.parametrize("word", ["inf", "-inf", "nan", "1e300", "86401"])
@pytest.mark.parametrize("option", ["--duration-seconds", "--duration-percent", "--tolerance"])
def test_what_may_differ_has_bounds(desk: Desk, lost: str, option: str, word: str) -> None:
    refused = desk.compare("--cdr", lost, option, word)
    assert refused.exit_code == 2, refused.output
    assert option in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give either --cdr or --bill"),
        (("--cdr", "a", "--bill", "b", "--mapping", "c"), "give either --cdr or --bill"),
        (("--bill", "b"), "--bill needs --mapping"),
        (("--cdr", "a", "--mapping", "c"), "--mapping is for --bill"),
        (("--cdr", "mysql://u:hunter2@127.0.0.1/d"), "--password-file"),
        (("--cdr", "mysql://u@127.0.0.1/d"), "no password for the database"),
        (("--cdr", "a", "--cdr-zone", "Berlin"), "unknown time zone"),
        (("--cdr", "a", "--tolerance", "0"), "--tolerance"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_to_do(
    desk: Desk, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = desk.compare(*arguments)
    assert refused.exit_code == 2, refused.output
    assert complaint in refused.output
    assert "hunter2" not in refused.output
    assert "Traceback" not in refused.output


def test_a_mapping_names_all_its_mistakes_and_exits_with_2(desk: Desk) -> None:
    wrong = desk.file("wrong.toml", MAPPING.replace("column = ", "colum = "))
    refused = desk.compare("--bill", "b", "--mapping", wrong)
    assert refused.exit_code == 2
    for place in ("number.colum", "number.column", "duration.column", "price.column"):
        assert place in refused.output


def test_a_database_that_does_not_answer_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTBILL_CDR_PASSWORD", "secret-of-the-test")
    refused = desk.compare("--cdr", "mysql://rtbill@127.0.0.1:1/asteriskcdrdb")
    assert refused.exit_code == 1
    assert "mysql://rtbill@127.0.0.1:1/asteriskcdrdb" in refused.output
    assert "secret-of-the-test" not in refused.output
    assert "Traceback" not in refused.output
