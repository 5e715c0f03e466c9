"""The worked examples of docs/tariffs.md, priced; the sample of a calendar, read."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rtbill.cli.tariff_import import import_
from rtbill.config import holiday_calendars
from rtbill.domain.money import parse_micros
from rtbill.domain.tariff import Counting, Tariff
from rtbill.formats.rate_sheet import read_rate_sheet
from rtbill.formats.sheet_mapping import KEYS, read_sheet_mapping
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import price
from rtbill.rating.tariff_file import OPTIONAL, REQUIRED, export, read_tariff
from tests.fakes.config_file import GOOD, load
from tests.unit.rating.builders import a_tariff

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "tariffs.md").read_text()
SAMPLE = DOCUMENT.partition("```toml\n")[2].partition("```")[0]
FILE = (ROOT / "examples" / "tariff-columns.csv").read_text()
ZONE = "Europe/Berlin"
SHEET = """\
Rates of a carrier

Country code;Code;Country;Network;Rate;Increment;Effective;Status
+49;0151, 0160;Germany;T-Mobile;8,9;60/1;01.11.2026;
44;170-179;UK;Mobile;12;1/1;01.11.2026;
44;9;UK;Premium;120;1/1;01.11.2026;blocked
"""


def rows(heading: str) -> list[list[str]]:
    """The cells of every table below a heading."""
    text = DOCUMENT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in cells]


WORKED = [row for row in rows("Examples") if len(row) == 6 and row[0] != "what"]


@pytest.fixture(scope="module")
def tariff() -> Tariff:
    read = read_tariff(FILE, {"berlin"})
    assert read.problems == ()
    return a_tariff(*read.rates, zone=ZONE)


@pytest.mark.parametrize("row", WORKED, ids=lambda row: f"{row[0]} {row[3]}")
def test_a_worked_example_costs_what_it_says(
    row: list[str], tariff: Tariff, tmp_path: Path
) -> None:
    what, number, answered, talk, _, told = row
    calendars = holiday_calendars(load(tmp_path, GOOD + SAMPLE).holidays)
    at = datetime.fromisoformat(answered).replace(tzinfo=ZoneInfo(ZONE))
    table = RateTable(replace(tariff, splits_increments=what == "split increments"), calendars)
    seconds = int(talk.removesuffix(" s"))
    assert price(table, number, at, seconds * 1_000_000).micros == parse_micros(told)


def test_every_feature_has_an_example() -> None:
    assert {row[0] for row in WORKED} == {
        "steps",
        "`after_first`",
        "`from_zero`",
        "free seconds",
        "minimal seconds",
        "grace",
        "least charge",
        "greatest charge",
        "greatest charge that ends",
        "recurring fee",
        "added seconds",
        "disconnect fee",
        "a price a second",
        "working day",
        "weekend",
        "date and priority",
        "holiday and priority",
        "whole increments",
        "split increments",
    }


@pytest.mark.parametrize("column", [*REQUIRED, *OPTIONAL])
def test_every_column_is_documented(column: str) -> None:
    assert [row for row in rows("Tariff") if f"`{column}`" in row[0]]


def test_every_option_of_the_version_is_documented() -> None:
    documented = rows("Import") + rows("Rate sheets of others")
    named = re.findall(r"--[a-z-]+", "".join(row[0] for row in documented))
    parameters = [name for name in import_.__annotations__ if name not in ("file", "return")]
    options = {f"--{name.replace('_', '-')}" for name in parameters}
    assert set(named) - options == {"--whole-increments"}
    assert options - set(named) == {"--name", "--valid-from", "--apply", "--as-json", "--config"}


def test_the_example_uses_every_column_but_years(tariff: Tariff) -> None:
    written = export(tariff.rates).partition("\n")[0].split(",")
    assert set(OPTIONAL) - set(written) == {"years"}
    assert any(rate.terms.counting is Counting.FROM_ZERO for rate in tariff.rates)
    assert read_tariff(export(tariff.rates)).rates == tariff.rates


@pytest.mark.parametrize("file", ["docs", "config.toml"])
def test_the_sample_of_a_calendar_can_be_used(file: str, tmp_path: Path) -> None:
    sample = SAMPLE
    if file == "config.toml":
        text = (ROOT / "config.toml").read_text().partition("\n# [[holidays]]\n")[2]
        lines = text.partition("\n\n")[0].splitlines()
        sample = "\n".join(["[[holidays]]", *(line.removeprefix("# ") for line in lines)])
    berlin = holiday_calendars(load(tmp_path, GOOD + sample).holidays)["berlin"]
    assert date(2026, 12, 25) in berlin
    assert date(2026, 12, 31) in berlin
    assert date(2026, 3, 8) not in berlin
    assert date(2027, 3, 8) in berlin


def test_every_key_of_a_mapping_is_documented() -> None:
    named = " ".join(row[0] for row in rows("Rate sheets of others"))
    keys = {f"{table}.{key}" if table else key for table, each in KEYS.items() for key in each}
    keys -= set(KEYS)
    assert {key for key in keys if f"`{key}`" not in named} == set()


def test_the_example_of_a_mapping_reads_a_sheet() -> None:
    mapping = read_sheet_mapping(
        tomllib.loads((ROOT / "examples" / "rate-sheet.toml").read_text()), OPTIONAL
    )
    sheet = read_rate_sheet([line.split(";") for line in SHEET.splitlines()], mapping)
    assert sheet.problems == ()
    assert sheet.text.splitlines()[1:] == [
        "49151,Germany T-Mobile,0,0.089,60,1,7200",
        "49160,Germany T-Mobile,0,0.089,60,1,7200",
        "4417,UK Mobile,0,0.12,1,1,7200",
    ]
