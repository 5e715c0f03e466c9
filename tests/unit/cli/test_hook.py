"""The site's rating hook on the command line: checked, asked by `rate`, shown with calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.domain.adjustment import Adjustment
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from tests.fakes.books import a_call, a_price, posting
from tests.fakes.environment import CountingMeter, ManualClock
from tests.unit.cli.test_commands import ACCOUNTS, CONFIG, TARIFF

HOOK = """
from rtbill.hook import Adjustment
def adjust(call):
    if call.account == "office":
        raise ValueError("no office")
    if call.extension == "1002":
        return Adjustment(price_list="night", reason="Night")
    return Adjustment(percent=-50, reason=f"For {call.person or call.account}")
"""
SINCE = ("--from", "2026-01-01")
CALL = ("rate", "03012345678", "--seconds", "90", "--at", "2026-12-23")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on books with two tariffs, two accounts and a hook."""
    config = tmp_path / "config.toml"
    keys = 'hook = "mysite:adjust"\n[rating.hook_bounds]\nprice_lists = ["night"]\n'
    config.write_text(CONFIG.replace('tariff = "retail"\n', f'tariff = "retail"\n{keys}'))
    for name, text in (
        ("mysite.py", HOOK),
        ("retail.csv", TARIFF),
        ("night.csv", TARIFF.replace("0.06", "0.01")),
        ("accounts.csv", ACCOUNTS),
    ):
        (tmp_path / name).write_text(text)

    def run_command(*arguments: str) -> Result:
        words = [str(tmp_path / word) if word.endswith(".csv") else word for word in arguments]
        return CliRunner().invoke(app, [*words, "--config", str(config)])

    for step in (
        ("migrate",),
        ("tariff", "import", "retail.csv", "--name", "retail", *SINCE, "--apply"),
        ("tariff", "import", "night.csv", "--name", "night", *SINCE, "--apply"),
        ("accounts", "import", "accounts.csv", "--apply"),
    ):
        done = run_command(*step)
        assert done.exit_code == 0, done.output
    return run_command


def test_a_price_is_explained_with_what_the_hook_changes(run: Run) -> None:
    told = run(*CALL, "--account", "room-1", "--extension", "1001")

    assert [" ".join(line.split()) for line in told.output.splitlines()[-4:]] == [
        "from 0 s (Wed 00:00:00): 1 x 60 s at 0.06/min 0.06",
        "from 60 s (Wed 00:01:00): 30 x 1 s at 0.06/min 0.03",
        "site: For Lena (-50 %) -0.045",
        "price 0.045 EUR",
    ]


def test_what_a_bundle_leaves_to_pay_is_changed_by_the_hook(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bundles.toml").write_text('[[bundle]]\nname = "minute"\nminutes = 1\n')
    done = run("bundle", "import", str(tmp_path / "bundles.toml"), "--apply")
    assert done.exit_code == 0, done.output
    done = run("bundle", "give", "minute", "--to", "room-1", *SINCE)
    assert done.exit_code == 0, done.output
    prices = {}
    for options in ((), ("--no-hook",), ("--no-bundles",), ("--no-hook", "--no-bundles")):
        told = json.loads(run(*CALL, "--account", "room-1", *options, "--json").output)
        exact = sum(Fraction(line["exact"]) for line in told["explanation"])
        assert exact == Fraction(told["price"]), options
        prices[options] = told["price"]

    # 90 s at 0.06 a minute, by the second after the first one; half of it with the hook. A call
    # that begins after the bundle's minute owes a whole minute.
    assert list(prices.values()) == ["0.03", "0.06", "0.045", "0.09"]


def test_the_same_as_json_adds_up(run: Run) -> None:
    told = json.loads(run(*CALL, "--account", "room-1", "--json").output)

    assert (told["price"], told["adjustment"]) == ("0.045", "For room-1 (-50 %)")
    assert sum(Fraction(each["exact"]) for each in told["explanation"]) == Fraction("0.045")
    assert told["explanation"][-1]["kind"] == "adjustment"


def test_without_the_hook_the_tariff_alone_says_the_price(run: Run) -> None:
    told = json.loads(run(*CALL, "--account", "room-1", "--no-hook", "--json").output)

    assert (told["price"], told["adjustment"]) == ("0.09", None)


def test_another_list_that_the_hook_names_is_followed(run: Run) -> None:
    told = json.loads(run(*CALL, "--extension", "1002", "--json").output)

    assert (told["price"], told["tariff"]) == ("0.015", "night")
    assert told["adjustment"] == "Night (price list night)"


def test_a_hook_that_fails_is_told_beside_the_price_without_it(run: Run) -> None:
    told = run(*CALL, "--account", "office").output

    assert "price 0.09 EUR" in told
    assert "rating.hook mysite:adjust: call of office to +493012345678 from hall/carrier: " in told
    assert "ValueError: no office (mysite.py, line 5); priced by its tariff alone" in told


def test_check_config_names_the_hook_and_how_much_dearer_it_may_make_calls(run: Run) -> None:
    [line] = [line for line in run("check-config").output.splitlines() if "hook" in line]

    assert line == (
        "hook     mysite:adjust is asked about every call; at most 0 dearer; or by night"
    )


def test_check_config_and_every_command_that_prices_refuse_a_hook_that_is_not_there(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mysite.py").write_text("def adjst(call): return None\n")

    for command in (("check-config",), CALL, ("credit", "room-1", "1.00", "--key", "k")):
        refused = run(*command)
        assert refused.exit_code == 2
        assert "rating.hook: " in refused.output
        assert "mysite.py has no function 'adjust'; its functions: adjst" in refused.output


def test_calls_and_statements_show_the_reason(run: Run, tmp_path: Path) -> None:
    changed = Adjustment(reason="Sunday in the hall", percent_ppm=-500_000)

    async def bill() -> None:
        settings = StoreSettings(path=tmp_path / "rtbill.sqlite")
        async with SqliteStore(settings, ManualClock(), CountingMeter()) as store:
            price = a_price()._replace(adjustment=changed)
            await store.submit(posting(a_call("1")._replace(price=price)))

    asyncio.run(bill())

    [call] = json.loads(run("calls", "--json").output)
    assert call["adjustment"] == "Sunday in the hall (-50 %)"
    assert "Sunday in the hall (-50 %)" in run("calls", "--csv").output
    assert ", Sunday in the hall" in run("statement", "room-1").output
    entries = json.loads(run("statement", "room-1", "--json").output)["entries"]
    assert [each.get("adjustment") for each in entries] == [None, "Sunday in the hall"]
