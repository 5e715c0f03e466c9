"""`rtbill tariff what-if`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.cli.spans import last_month
from rtbill.domain.call import CallId
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_price, a_record, posting
from tests.fakes.builders import at
from tests.fakes.environment import CountingMeter, ManualClock
from tests.unit.cli.test_commands import ACCOUNTS, CONFIG, TARIFF

ANSWERED_AT = at("2026-11-22T12:00:00")
CHEAP = TARIFF.replace("0.06", "0.03").replace("Germany", "DE")


class Site:
    """A folder with a configuration, two tariffs and one call of a minute that cost 0.06."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "config.toml"
        self._config.write_text(CONFIG)
        (folder / "accounts.csv").write_text(ACCOUNTS)
        self.run("migrate")
        for name, text in (("retail", TARIFF), ("cheap", CHEAP)):
            path = folder / f"{name}.csv"
            path.write_text(text)
            self.run(
                "tariff", "import", str(path), "--name", name, "--from", "2026-01-01", "--apply"
            )
        self.run("accounts", "import", str(folder / "accounts.csv"), "--apply")
        asyncio.run(self._call())

    async def _call(self) -> None:
        record = a_record(answered_at=ANSWERED_AT, id=CallId("hall", "1"))
        price = a_price(60_000)._replace(destination="Germany", prefix="49")
        call = a_call(record=record, number="+4930123456", price=price)
        settings = StoreSettings(path=self._folder / "rtbill.sqlite")
        async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
            await store.submit(posting(call))

    def run(self, *arguments: str, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(app, [*arguments, "--config", str(self._config)])
        assert done.exit_code == exit_code, done.output
        return done


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


SPAN = ("--since", "2026-11-01", "--until", "2026-12-01")


def test_people_read_a_table_for_accounts_and_one_for_destinations(site: Site) -> None:
    lines = site.run("tariff", "what-if", "cheap", *SPAN).stdout.splitlines()
    assert lines == [
        "calls from 2026-11-01 00:00:00 to 2026-12-01 00:00:00 by cheap, in EUR",
        "account  calls  before  after  difference",
        "room-1       1    0.06   0.03       -0.03",
        "destination  calls  before  after  difference",
        "Germany          1    0.06   0.03       -0.03",
        "in all 1: 0.06 would be 0.03, a difference of -0.03",
    ]


def test_programs_read_json(site: Site) -> None:
    found = json.loads(site.run("tariff", "what-if", "cheap", *SPAN, "--json").stdout)
    difference = {"calls": 1, "before": "0.06", "after": "0.03", "difference": "-0.03"}
    assert found["accounts"] == [{"account": "room-1"} | difference]
    assert found["destinations"] == [{"destination": "Germany"} | difference]
    assert found["total"] == difference
    assert found["unrated_then"] == {"calls": 0, "amount": "0.00"}
    assert (found["currency"], found["since"]) == ("EUR", "2026-10-31T23:00:00.000000Z")


def test_nothing_is_changed(site: Site) -> None:
    before = site.run("calls", "--json").stdout
    site.run("tariff", "what-if", "cheap", *SPAN)
    assert site.run("calls", "--json").stdout == before
    site.run("verify")


def test_an_unknown_list_is_refused_with_those_that_there_are(site: Site) -> None:
    done = site.run("tariff", "what-if", "dear", *SPAN, exit_code=1)
    assert "no tariff or price plan 'dear'; there are: cheap, retail" in done.output


def test_a_carriers_list_is_not_compared_with_what_accounts_pay(site: Site) -> None:
    done = site.run(
        "tariff", "what-if", "cheap", "--carrier", "--instead-of", "retail", exit_code=2
    )
    assert "with --carrier use --trunk" in done.output


def test_a_span_that_ends_before_it_begins_is_refused(site: Site) -> None:
    done = site.run(
        "tariff", "what-if", "cheap", "--since", "2026-12-01", "--until", "2026-11-01", exit_code=1
    )
    assert "--until is not later than --since" in done.output


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        ("2026-11-30T22:59:59", "2026-09-30T22:00:00", "2026-10-31T23:00:00"),
        ("2026-11-30T23:00:00", "2026-10-31T23:00:00", "2026-11-30T23:00:00"),
        ("2027-01-15T12:00:00", "2026-11-30T23:00:00", "2026-12-31T23:00:00"),
    ],
)
def test_the_last_month_is_that_of_the_sites_calendar(now: str, begins: str, ends: str) -> None:
    assert last_month("Europe/Berlin", at(now)) == (at(begins), at(ends))
