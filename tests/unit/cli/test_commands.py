"""The command line as an operator meets it: help, answers, refusals."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from rtbill.cli import app

CONFIG = """
[site]
name = "Hall"
country = "DE"
country_code = "49"
national_prefix = "0"
international_prefixes = ["00"]
area_code = "30"
internal = ["1xxx"]
zone = "Europe/Berlin"
currency = "EUR"
[store]
path = "rtbill.sqlite"
[control]
socket = "rtbill.sock"
[http]
host = "127.0.0.1"
port = 0
[rating]
default_tariff = "retail"
[[pbx]]
name = "hall"
mode = "reactive"
host = "127.0.0.1"
port = 5038
user = "rtbill"
demo = true
secret = "a-secret-of-the-tests-only"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
TARIFF = """prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
49,Germany,0,0.06,60,1
"""
ACCOUNTS = """account,name,kind,currency,pbx,extension,person,opening_balance
room-1,Room 1,prepaid,EUR,hall,1001,Lena,10.00
office,Office,postpaid,EUR,hall,2001,,
"""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on a configuration of its own."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)

    def run_command(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(config)])

    return run_command


@pytest.fixture
def books(run: Run, tmp_path: Path) -> Run:
    """The same with a tariff and accounts in the books."""
    (tmp_path / "tariff.csv").write_text(TARIFF)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    for step in (
        ("migrate",),
        ("tariff", "import", str(tmp_path / "tariff.csv"), "--apply"),
        ("accounts", "import", str(tmp_path / "accounts.csv"), "--apply"),
    ):
        done = run(*step)
        assert done.exit_code == 0, done.output
    return run


def commands(group: typer.core.TyperGroup, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            found += commands(command, (*before, name))
        else:
            found.append((*before, name))
    return found


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, typer.core.TyperGroup)


@pytest.mark.parametrize("command", commands(ROOT), ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: rtbill {' '.join(command)}" in " ".join(shown.output.split())


def test_help_comes_at_once() -> None:
    fastest = min(_seconds_of_help() for _ in range(3))
    assert fastest < 1.5  # 0.4 with compiled modules


def _seconds_of_help() -> float:
    """Of the processor, so that other work on the machine does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "rtbill", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_credit_says_the_balance_with_its_currency_and_counts_a_key_once(books: Run) -> None:
    for _ in range(2):
        done = books("credit", "room-1", "5.00", "--key", "r1")
        assert done.exit_code == 0
        assert "15.00 EUR" in done.output
    listed = json.loads(books("accounts", "show", "room-1", "--json").output)
    assert "15.00" in json.dumps(listed)


def test_a_date_that_utc_does_not_have_is_refused(run: Run) -> None:
    refused = run("calls", "--since", "0001-01-01")
    assert refused.exit_code == 1
    assert "'0001-01-01' is too near the end of the calendar; write" in refused.output


def test_a_key_of_another_amount_is_refused(books: Run) -> None:
    books("credit", "room-1", "5.00", "--key", "r1")
    refused = books("credit", "room-1", "6.00", "--key", "r1")
    assert refused.exit_code == 1
    assert "was used before" in refused.output
    assert "Traceback" not in refused.output


def test_a_credit_of_the_desk_is_given_back_and_the_statement_says_why(books: Run) -> None:
    books("credit", "room-1", "100.00", "--key", "r1")
    back = ("refund", "r1", "--key", "b1", "--reason", "typed 100 for 10")
    done = books(*back, "--amount", "90.00")
    assert done.exit_code == 0, done.output
    assert "90.00 EUR of r1 go back from room-1" in done.output
    assert "balance 20.00 EUR" in done.output
    assert "90.00 EUR of r1 were given back before from room-1" in books(*back).output
    paper = books("statement", "room-1").output
    assert "credit at the desk (r1)" in paper
    assert "refund: typed 100 for 10 (b1)" in paper
    refused = books("refund", "r1", "--key", "b2", "--reason", "again", "--amount", "11")
    assert refused.exit_code == 1
    assert "no more than 10.00 EUR can go back" in refused.output
    assert "proven" in books("verify").output


def test_a_negative_amount_takes_money_back(books: Run) -> None:
    done = books("credit", "room-1", "-2.50", "--key", "r2", "--reason", "paid out")
    assert done.exit_code == 0, done.output
    assert "balance 7.50 EUR" in done.output


def test_an_unknown_option_is_wrong_usage_even_where_amounts_may_be_negative(books: Run) -> None:
    refused = books("credit", "room-1", "2.50", "--key", "r3", "--reson", "x")
    assert refused.exit_code == 2
    assert "--reson" in refused.output


def test_rate_explains_a_price(books: Run) -> None:
    told = books("rate", "0301234567", "--seconds", "61")
    assert "0.061 EUR" in told.output
    assert "Germany" in told.output


def test_a_number_without_a_rate_is_never_free(books: Run) -> None:
    told = books("rate", "0041315550100")
    assert told.exit_code == 1
    assert "no rate" in told.output


def test_tariff_import_is_a_dry_run_unless_applied(books: Run, tmp_path: Path) -> None:
    dearer = tmp_path / "dearer.csv"
    dearer.write_text(TARIFF.replace("0.06", "0.12"))
    assert "0.06" in books("tariff", "import", str(dearer)).output
    assert "0.06 EUR" in books("rate", "0301234567", "--seconds", "60").output
    books("tariff", "import", str(dearer), "--apply")
    assert "0.12 EUR" in books("rate", "0301234567", "--seconds", "60").output


def test_rounding_is_set_by_import_and_listed(books: Run, tmp_path: Path) -> None:
    again = ("tariff", "import", str(tmp_path / "tariff.csv"))
    terms = ("--rounding", "up", "--digits", "2", "--split-increments", "--increment-digits", "5")
    told = books(*again, *terms).output
    assert "rounding half_up -> up" in told
    assert "dry run" in told
    assert "this is version 2 now" in books(*again, *terms, "--apply").output
    assert "version 2 says the same" in books(*again, "--apply").output
    assert "up to 2, increments to 5, split increments" in books("tariff", "list").output
    assert "0.07 EUR" in books("rate", "0301234567", "--seconds", "61").output
    books(*again, "--increment-digits", "exact", "--whole-increments", "--apply")
    listed = json.loads(books("tariff", "list", "--json").output)
    assert [
        (each["rounding"], each["digits"], each["increment_digits"], each["split_increments"])
        for each in listed
    ] == [("half_up", 4, None, False), ("up", 2, 5, True), ("up", 2, None, False)]
    assert books(*again, "--rounding", "sideways").exit_code == 2
    assert books(*again, "--digits", "7").exit_code == 2


def test_a_tariff_by_holidays_needs_its_calendar(books: Run, tmp_path: Path) -> None:
    file = tmp_path / "holidays.csv"
    header, line = TARIFF.splitlines()
    file.write_text(f"{header},holidays\n{line},\n{line.replace('0.06', '0.03')},only site\n")
    refused = books("tariff", "import", str(file), "--apply")
    assert refused.exit_code == 1
    assert "line 3: there is no holiday calendar 'site'" in refused.output
    calendar = '[[holidays]]\nname = "site"\ncountry = "DE"\ndates = ["2026-12-24"]\n'
    config = tmp_path / "config.toml"
    config.write_text(CONFIG + calendar)
    assert books("tariff", "import", str(file), "--apply").exit_code == 0
    for day, price in (("2026-12-24", "0.03"), ("2026-12-25", "0.03"), ("2026-12-28", "0.06")):
        assert f"{price} EUR" in books("rate", "0301234567", "--at", day).output
    config.write_text(CONFIG)
    bereft = books("rate", "0301234567")
    assert bereft.exit_code == 1
    assert "has bands by the holiday calendar 'site'" in bereft.output


def test_check_config_tells_the_holidays_of_each_calendar(run: Run, tmp_path: Path) -> None:
    calendar = '[[holidays]]\nname = "site"\ncountry = "DE"\n'
    (tmp_path / "config.toml").write_text(CONFIG + calendar)
    told = run("check-config").output
    assert told.count("holidays site: 20") == 2
    assert "01-01" in told
    assert "12-26" in told
    (tmp_path / "config.toml").write_text(CONFIG + calendar + 'subdivision = "XX"\n')
    refused = run("check-config")
    assert refused.exit_code == 2
    assert "holidays[0].subdivision: 'XX' is no part of DE" in refused.output


def test_a_bad_tariff_names_every_line_and_changes_nothing(books: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(TARIFF + "xx,Nowhere,0,1,1,1\n49,Germany,0,0.1,1,1\n41,Swiss,0,-1,1,0\n")
    refused = books("tariff", "import", str(bad), "--apply")
    assert refused.exit_code == 1
    for line in ("line 3", "line 4", "line 5"):
        assert line in refused.output
    assert "version 1" in books("rate", "0301234567").output


def test_an_accounts_file_that_gives_one_extension_twice_is_refused(
    books: Run, tmp_path: Path
) -> None:
    twice = tmp_path / "twice.csv"
    twice.write_text(ACCOUNTS + "room-9,Room 9,prepaid,EUR,hall,1001,Kim,\n")
    refused = books("accounts", "import", str(twice), "--apply")
    assert refused.exit_code == 1
    assert "1001" in refused.output
    assert "room-9" not in books("accounts", "list").output


def test_statement_shows_opening_members_and_closing(books: Run) -> None:
    told = books("statement", "room-1")
    assert "Opening balance 0.00 EUR" in told.output
    assert "Closing balance 10.00 EUR" in told.output


def test_an_unknown_account_is_named(books: Run) -> None:
    refused = books("credit", "room-7", "5.00", "--key", "r1")
    assert refused.exit_code == 1
    assert "room-7" in refused.output


def test_calls_can_be_printed_as_json_and_csv(books: Run) -> None:
    assert json.loads(books("calls", "--json").output) == []
    assert "answered" in books("calls", "--csv").output


def test_verify_proves_the_books(books: Run) -> None:
    assert "proven" in books("verify").output


def test_backup_can_be_restored(books: Run, tmp_path: Path) -> None:
    assert books("backup", str(tmp_path / "copy.sqlite")).exit_code == 0
    books("credit", "room-1", "5.00", "--key", "later")
    assert books("restore", str(tmp_path / "copy.sqlite")).exit_code == 1
    assert books("restore", str(tmp_path / "copy.sqlite"), "--force").exit_code == 0
    assert "Closing balance 10.00 EUR" in books("statement", "room-1").output


def test_a_configuration_names_all_its_mistakes_at_once(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        CONFIG.replace('"EUR"', '"EURO"').replace("5038", "70000").replace("zone =", "zoen =")
    )
    refused = run("check-config")
    assert refused.exit_code == 2
    for place in ("site.currency", "pbx[0].port", "site.zoen"):
        assert place in refused.output


def test_asking_a_service_that_does_not_run_says_so(books: Run) -> None:
    refused = books("status")
    assert refused.exit_code == 1
    assert "run" in refused.output
    assert "Traceback" not in refused.output


def test_a_capture_with_a_broken_line_names_file_and_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"t": 1.0, "dir": "rx", "raw": ""}\nnot json\n')
    refused = CliRunner().invoke(
        app, ["replay", "asterisk", str(broken), "--trunk", "PJSIP/carrier-*"]
    )
    assert refused.exit_code == 1
    assert "broken.jsonl" in refused.output
    assert "line 2" in refused.output


def test_an_accounts_contact_is_set_shown_and_taken_away(books: Run) -> None:
    given = books("accounts", "contact", "room-1", "--email", "lena@example.org")
    assert given.output == "room-1 is written to at lena@example.org, as the site is\n"
    books("accounts", "contact", "room-1", "--language", "de")

    assert "mail      lena@example.org, de\n" in books("accounts", "show", "room-1").output
    assert json.loads(books("accounts", "show", "room-1", "--json").output)["contact"] == {
        "email": "lena@example.org",
        "language": "de",
        "state": "usable",
        "bounced_at": None,
        "bounce_reason": None,
    }
    assert "lena@example.org,de" in books("accounts", "export").output

    assert books("accounts", "contact", "room-1", "--clear").output.endswith("to nowhere\n")
    assert "mail      no address; give one" in books("accounts", "show", "room-1").output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--email", "lena"), "'lena' is no e-mail address"),
        (("--language", "de"), "has no e-mail address; give it one with --email"),
        (("--email", ""), "--email is empty; --clear takes the address away"),
        (("--clear", "--language", "de"), "leave --email and --language out"),
        ((), "has no e-mail address; give it one with --email"),
    ],
)
def test_a_contact_that_cannot_be_is_refused_in_one_sentence(
    books: Run, options: tuple[str, ...], said: str
) -> None:
    refused = books("accounts", "contact", "room-1", *options)
    assert refused.exit_code == 1
    assert said in refused.output
