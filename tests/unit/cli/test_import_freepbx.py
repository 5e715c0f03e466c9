"""`rtbill import freepbx` on books of its own: dry run, import, import again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app

CONFIG = """
[site]
name = "Hall"
country = "DE"
country_code = "49"
internal = ["1xxx"]
zone = "Europe/Berlin"
currency = "EUR"
[store]
path = "rtbill.sqlite"
[control]
socket = "rtbill.sock"
[rating]
default_tariff = "retail"
[account_classes.office]
[account_classes.student]
[[pbx]]
name = "hall"
mode = "reactive"
host = "127.0.0.1"
user = "rtbill"
demo = true
secret = "a-secret-of-the-tests-only"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
ANNEX = CONFIG[CONFIG.index("[[pbx]]") :].replace('"hall"', '"annex"')
EXAMPLE = Path(__file__).parents[3] / "examples" / "freepbx-extensions.csv"
PASSWORD = "example-only-"
"""How every telephone's password in the example begins."""


class Hall:
    """A configuration, empty books and a copy of the example that may be changed."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG)
        self.file = folder / "extensions.csv"
        shutil.copy(EXAMPLE, self.file)
        self.file.chmod(0o600)

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        command = [*arguments, "--config", str(self.config)]
        return CliRunner().invoke(app, command, input=stdin)

    def imports(self, *options: str) -> dict[str, Any]:
        """The answer, as JSON; neither it nor anything else says a password."""
        done = self.run("import", "freepbx", str(self.file), "--json", *options)
        assert PASSWORD not in done.output
        answer: dict[str, Any] = json.loads(done.output)
        assert done.exit_code == (1 if answer["problems"] else 0)
        return answer

    def change(self, before: str, after: str) -> None:
        text = self.file.read_text()
        assert before in text
        self.file.write_text(text.replace(before, after))

    def accounts(self) -> dict[str, dict[str, Any]]:
        listed = json.loads(self.run("accounts", "list", "--json").output)
        return {each["account"]: each for each in listed}

    def statement(self, account: str) -> list[dict[str, Any]]:
        entries = json.loads(self.run("statement", account, "--json").output)["entries"]
        assert isinstance(entries, list)
        return entries


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    made = Hall(tmp_path)
    assert made.run("migrate").exit_code == 0
    return made


def test_without_apply_the_import_only_tells_what_it_would_do(hall: Hall) -> None:
    done = hall.run("import", "freepbx", str(hall.file), "--class", "student")
    assert done.exit_code == 0
    assert "created   1001" in done.output
    assert "assigned  hall/2002 to office" in done.output
    assert "credited  1001 10.00 EUR" in done.output
    assert "this was a dry run" in done.output
    assert set(hall.accounts()) == {"house", "suspense"}


def test_applied_it_is_in_the_books(hall: Hall) -> None:
    answer = hall.imports("--class", "student", "--apply")
    assert answer["credited"] == ["1001 10.00 EUR", "1002 5.00 EUR", "1004 7.50 EUR"]
    accounts = hall.accounts()
    lena, office = accounts["1001"], accounts["office"]
    assert (lena["name"], lena["kind"], lena["class"]) == ("Brandt, Lena", "prepaid", "student")
    assert lena["balance"] == "10.00"
    assert (office["kind"], office["credit_limit"]) == ("postpaid", "50.00")
    assert [each["extension"] for each in office["members"]] == ["hall/2001", "hall/2002"]


def test_the_warnings_are_part_of_the_answer(hall: Hall) -> None:
    outside, virtual = hall.imports()["warnings"]
    assert outside.startswith("2001, 2002: not of a pattern in site.internal")
    assert virtual.startswith("1050: without a telephone")


def test_opening_balances_are_credited_once_however_often_the_file_is_imported(hall: Hall) -> None:
    hall.imports("--apply")
    hall.run("credit", "1002", "1.00", "--key", "desk-1")
    for _ in range(3):
        again = hall.imports("--apply")
        assert not any(again[word] for word in again if word != "warnings")
    assert [entry["amount"] for entry in hall.statement("1001")] == ["10.00"]
    assert hall.accounts()["1002"]["balance"] == "6.00"


def test_another_opening_balance_later_moves_no_money_and_is_told(hall: Hall) -> None:
    hall.imports("--apply")
    hall.change("10.00", "90.00")
    hall.change("Tomas Novak", "Tomas Nowak")
    told = hall.run("import", "freepbx", str(hall.file))
    assert told.exit_code == 1
    assert "this was a dry run; with --apply the rest is imported" in told.output
    done = hall.run("import", "freepbx", str(hall.file), "--apply")
    assert done.exit_code == 1
    assert "account 1001: opening balance" in done.output
    assert "the rest was imported" in done.output
    assert told.output.splitlines()[:-1] == done.output.splitlines()[:-1]
    assert hall.accounts()["1001"]["balance"] == "10.00"
    assert hall.accounts()["1002"]["name"] == "Tomas Nowak"


def test_a_dry_run_shows_the_opening_balance_that_was_written_later(hall: Hall) -> None:
    hall.change("10.00", "")
    hall.imports("--apply")
    hall.file.write_text(EXAMPLE.read_text())
    for options in ((), ("--apply",)):
        assert hall.imports(*options)["credited"] == ["1001 10.00 EUR"]
    assert hall.imports()["credited"] == []


def test_new_rooms_are_added_and_nothing_else_changes(hall: Hall) -> None:
    hall.imports("--class", "student", "--only", "100x", "--apply")
    before = hall.accounts()
    answer = hall.imports("--class", "office", "--kind", "postpaid", "--only", "1xxx", "--apply")
    assert answer["created"] == ["1050"]
    assert answer["changed"] == answer["renamed"] == answer["credited"] == []
    after = hall.accounts()
    assert after.pop("1050")["class"] == "office"
    assert after == before


def test_a_changed_name_holds_from_now_on_and_the_balance_stays(hall: Hall) -> None:
    hall.imports("--apply")
    hall.change("Tomas Novak", "Maria Silva")
    answer = hall.imports("--apply")
    assert answer["renamed"] == ["hall/1002 from Tomas Novak to Maria Silva"]
    assert answer["changed"] == ["1002"]
    room = hall.accounts()["1002"]
    assert (room["name"], room["balance"]) == ("Maria Silva", "5.00")
    earlier, later = room["members"]
    assert (earlier["person"], later["person"]) == ("Tomas Novak", "Maria Silva")
    assert earlier["until"] == later["from"]
    assert later["until"] is None
    again = hall.imports("--apply")
    assert not any(again[word] for word in again if word != "warnings")


def test_an_extension_that_was_moved_takes_no_opening_balance_and_no_terms_along(
    hall: Hall,
) -> None:
    hall.imports("--apply", "--only", "1001")
    hall.file.write_text(EXAMPLE.read_text().replace("10.00", "90.00"))
    hall.imports("--apply", "--only", "1002")
    moved = hall.run("group", "add", "1002", "hall/1001", "--move", "--person", "Brandt, Lena")
    assert moved.exit_code == 0
    before = hall.accounts()
    for options in ((), ("--apply",)):
        answer = hall.imports("--only", "1001", *options)
        assert not any(answer[word] for word in answer if word != "warnings")
        assert answer["warnings"][0] == (
            "line 2: ignored rtbill_opening_balance: hall/1001 belongs to account 1002, not to "
            "1001; write 1002 into rtbill_account if 1002 is meant"
        )
    assert hall.accounts() == before
    assert [entry["amount"] for entry in hall.statement("1002")] == ["5.00"]


def test_by_an_accounts_file_another_person_is_a_conflict_still(hall: Hall) -> None:
    hall.imports("--apply")
    exported = hall.run("accounts", "export").output
    hall.file.write_text(exported.replace("Tomas Novak,,,", "Maria Silva,,,"))
    done = hall.run("accounts", "import", str(hall.file))
    assert "hall/1002 already belongs to 1002" in done.output


def test_a_file_with_problems_changes_nothing(hall: Hall) -> None:
    hall.change("10.00", "ten")
    done = hall.run("import", "freepbx", str(hall.file), "--apply")
    assert done.exit_code == 1
    assert f"{hall.file}: line 2: rtbill_opening_balance 'ten' is not an amount" in done.output
    assert "nothing was imported" in done.output
    assert hall.accounts() == {}


def test_a_file_that_others_can_read_is_warned_about(hall: Hall) -> None:
    hall.file.chmod(0o644)
    assert hall.imports()["warnings"][0] == (
        "it holds passwords of telephones and others can read it; "
        f"run: chmod 0600 {hall.file}, and delete it when it has served"
    )


def test_the_file_may_come_by_standard_input(hall: Hall) -> None:
    done = hall.run("import", "freepbx", "-", "--apply", stdin=EXAMPLE.read_text())
    assert done.exit_code == 0
    assert hall.accounts()["1001"]["balance"] == "10.00"


def test_of_standard_input_no_file_is_named(hall: Hall) -> None:
    hall.file.chmod(0o644)
    command = [sys.executable, "-m", "rtbill", "import", "freepbx", "-", "--config"]
    with hall.file.open() as stdin:
        done = subprocess.run(
            [*command, str(hall.config)], stdin=stdin, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "chmod 0600 -" not in done.stdout
    assert (
        "it holds passwords of telephones and others can read it; make it readable for you alone, "
        "and delete it when it has served"
    ) in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pbx", "annexe"), "--pbx: there is no exchange 'annexe'; give one of: hall, annex"),
        ((), "--pbx: there are several exchanges; give one of: hall, annex"),
        (("--pbx", "hall", "--class", "guest"), "--class: 'guest' is not in the configuration"),
        (("--pbx", "hall", "--account-prefix", "a/b"), "--account-prefix: 'a/b' holds a blank"),
        (("--pbx", "hall", "--only", "1**."), "--only: '1**.' is not a pattern"),
        (("--pbx", "hall", "--from", "soon"), "'soon' is not a date"),
    ],
)
def test_a_wrong_option_is_said_once_with_its_name(
    hall: Hall, options: tuple[str, ...], said: str
) -> None:
    hall.config.write_text(CONFIG + ANNEX)
    done = hall.run("import", "freepbx", str(hall.file), *options)
    assert done.exit_code == 1
    assert said in done.output
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize("pattern", ["1***", "1001*"])
def test_a_star_in_a_pattern_is_a_star(hall: Hall, pattern: str) -> None:
    answer = hall.imports("--only", pattern)
    assert answer["problems"] == [f"line 1: no row below the header matches {pattern}"]


def test_a_choice_of_a_family_of_commands_is_said_as_plainly(hall: Hall) -> None:
    done = hall.run("import", "freepbx", str(hall.file), "--kind", "later")
    assert done.exit_code == 2
    assert "Invalid value for '--kind': 'later' is not one of 'prepaid', 'postpaid'" in done.output


def test_two_exchanges_with_the_same_numbers_need_two_prefixes(hall: Hall) -> None:
    hall.config.write_text(CONFIG + ANNEX)
    hall.imports("--pbx", "hall", "--only", "1xxx", "--apply")
    refused = hall.imports("--pbx", "annex", "--only", "1xxx", "--apply")
    assert refused["problems"][0].startswith("line 2: account 1001 belongs to hall/1001 already")
    hall.imports("--pbx", "annex", "--only", "1xxx", "--account-prefix", "annex-", "--apply")
    members = hall.accounts()["annex-1001"]["members"]
    assert [each["extension"] for each in members] == ["annex/1001"]
