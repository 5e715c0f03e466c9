"""`rtbill observed`, `check-config` and `status` about stances."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.cli.service import _say_status
from rtbill.domain.changes import AddObservations
from rtbill.domain.observation import Observation
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import an_observation
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.unit.cli.test_commands import CONFIG, TARIFF

ACCOUNTS = """account,name,kind,currency,class,pbx,extension,opening_balance
room-1,Room 1,prepaid,EUR,student,hall,1001,10.00
room-2,Room 2,prepaid,EUR,student,hall,1002,
room-3,Room 3,prepaid,EUR,student,hall,1003,
lodger,Lodger,prepaid,EUR,lodger,hall,1004,
"""
CLASSES = """[account_classes.student]
exhausted_incoming = "ring"
[account_classes.lodger]
enforcement = "warn"
unaided = "open"
unaided_cap = "5.00"
unaided_calls = 3
price_per_minute_max = "0.50"
"""
Run = Callable[..., Result]


class Site:
    """A folder with a configuration and books."""

    def __init__(self, folder: Path, stance: str) -> None:
        self._folder = folder
        self._config = folder / "config.toml"
        self.set_stance(stance)

    def set_stance(self, stance: str) -> None:
        text = CONFIG.replace("[[pbx]]\n", f'{CLASSES}[[pbx]]\nenforcement = "{stance}"\n', 1)
        self._config.write_text(text)

    def run(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--config", str(self._config)])
        assert done.exit_code == 0, done.output
        return done.output

    def fill(self) -> None:
        (self._folder / "tariff.csv").write_text(TARIFF)
        (self._folder / "accounts.csv").write_text(ACCOUNTS)
        self.run("migrate")
        self.run("tariff", "import", str(self._folder / "tariff.csv"), "--apply")
        self.run("accounts", "import", str(self._folder / "accounts.csv"), "--apply")

    def observe(self, observations: Sequence[Observation]) -> None:
        async def add() -> None:
            settings = StoreSettings(path=self._folder / "rtbill.sqlite")
            async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
                await store.change(AddObservations(tuple(observations), NOON))

        asyncio.run(add())

    def observed(self, *arguments: str) -> Any:
        return json.loads(self.run("observed", "--json", *arguments))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An observed exchange; two students and a lodger without money."""
    found = Site(tmp_path, "observe")
    found.fill()
    return found


def test_switching_would_lock_whoever_has_no_money(site: Site) -> None:
    locked = {"outgoing": "locked", "incoming": "ring"}
    diverted = {"outgoing": "locked", "incoming": "divert"}

    assert site.observed()["switching"] == {
        "hall/1002": locked,
        "hall/1003": locked,
        "hall/1004": diverted,
    }
    assert "switching now would lock 3 extensions: hall/1002, hall/1003, hall/1004\n" in site.run(
        "observed"
    )


def test_what_is_locked_by_hand_already_is_no_change(site: Site) -> None:
    site.run("lock", "hall/1002")
    site.run("lock", "hall/1004")

    assert site.observed()["switching"] == {
        "hall/1003": {"outgoing": "locked", "incoming": "ring"},
        "hall/1004": {"outgoing": "locked", "incoming": "divert"},
    }


def test_where_the_exchange_enforces_only_the_milder_classes_are_left(site: Site) -> None:
    site.set_stance("enforce")

    assert list(site.observed()["switching"]) == ["hall/1004"]


def test_one_account_may_be_asked_about(site: Site) -> None:
    assert list(site.observed("--account", "room-2")["switching"]) == ["hall/1002"]
    assert {each["account"] for each in site.observed("--account", "room-2")["observations"]} == {
        "room-2"
    }


def test_crediting_in_an_observed_site_tells_what_would_open(site: Site) -> None:
    site.run("credit", "room-2", "5.00", "--key", "receipt-1")
    answer = site.observed("--account", "room-2")

    assert [each["kind"] for each in answer["observations"]] == ["open", "lock"]
    assert answer["observations"][0]["text"] == (
        "hall/1002 would be opened: outgoing open, incoming ring; 5.00 EUR left"
    )
    assert answer["switching"] == {}


def test_totals_and_list_in_words(site: Site) -> None:
    call: dict[str, Any] = {"pbx": "hall", "account": "room-1"}
    site.observe(
        [
            an_observation("refuse:hall/1", call="hall/1", text="first", **call),
            an_observation(
                "cut:hall/2",
                call="hall/2",
                at=NOON + timedelta(days=1),
                beyond_us=90_000_000,
                beyond_micros=1_234_500,
                currency="EUR",
                text="second",
                **call,
            ),
        ]
    )
    text = site.run("observed", "--account", "room-1", "--limit", "1")

    assert "stances: hall observe\n" in text
    assert (
        "observed: accounts locked 0 times and opened 0 times, 1 calls refused, 1 calls cut\n"
        in text
    )
    assert "beyond the money: 1.5 minutes of talk for 1.2345 EUR\n" in text
    assert "second" in text
    assert "first" not in text
    since = (NOON + timedelta(days=1)).isoformat()
    assert site.observed("--account", "room-1", "--since", since)["totals"] == {
        "locks": 0,
        "opens": 0,
        "refused": 0,
        "cut": 1,
        "beyond_s": 90.0,
        "beyond": {"EUR": "1.2345"},
    }


def test_many_extensions_are_counted_and_the_first_named(site: Site) -> None:
    rows = [f"r{n},R,prepaid,EUR,student,hall,{2000 + n}," for n in range(30)]
    accounts = site._folder / "more.csv"
    accounts.write_text("\n".join([ACCOUNTS.splitlines()[0], *rows]) + "\n")
    site.run("accounts", "import", str(accounts), "--apply")

    assert "would lock 33 extensions: hall/1002" in site.run("observed")
    assert "hall/2016 and 13 more\n" in site.run("observed")


def test_an_exchange_that_is_not_configured_is_refused(site: Site) -> None:
    done = CliRunner().invoke(app, ["observed", "--pbx", "hal", "--config", str(site._config)])

    assert done.exit_code == 1
    assert "there is no exchange 'hal'; known are hall" in done.output


def test_check_config_tells_the_stance_of_each_exchange_and_class(site: Site) -> None:
    text = site.run("check-config")

    assert "stance observe: nothing is locked, limited or refused" in text
    assert (
        "class    student: stance enforce; without an answer closed for prepaid, open for "
        "postpaid; where open, all that is available over 2 calls at once\n"
    ) in text
    assert (
        "class    lodger: stance warn; without an answer open; where open, at most 5.00 over "
        "3 calls at once\n"
        "         no calls dearer than 0.50 a minute\n"
    ) in text


def test_status_tells_the_stance_and_how_many_would_be_locked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pbx: dict[str, Any] = {"name": "hall", "link": "up", "since": None, "live_calls": 0}
    pbx |= {"mode": "reactive", "at_risk": None, "holds": 0, "held": {}}
    pbx["risks"] = [{"kind": "unlimited", "amount": None, "accounts": 9, "text": "limits"}]
    pbx["cuts"] = {"count": 0, "guard_s": 0.5}
    pbx["trunks"] = [{"name": "carrier", "title": "Telco A", "live_calls": 2}]
    answer: dict[str, Any] = {
        "version": "1",
        "ready": True,
        "pbxs": [pbx | {"enforcement": "observe", "would_lock": 7, "exposure": "little"}],
        "store": {"failing": None, "queued": 0, "calls": {}},
        "services": {"wanted": 9, "confirmed": 9, "differing": []},
        "unaided": {"wanted": 9, "confirmed": 8},
        "outbox": 0,
        "payments": {"gateways": []},
        "alarms": [],
    }

    _say_status(answer)

    said = capsys.readouterr().out
    assert "trunk carrier (Telco A): 2 calls in progress" in said
    assert "mode reactive, stance observe\n" in said
    assert "  at risk now: no bound\n    no bound, unlimited: limits; 9 accounts\n" in said
    assert "  7 extensions would be locked, were that enforced\n" in said
    assert "rows for calls without an answer: 9 wanted, 8 confirmed\n" in said
