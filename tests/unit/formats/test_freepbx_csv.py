"""FreePBX's list of extensions: what it means for the books, and what is wrong with it, by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtbill.domain.account import Account, AccountKind, Extension, Membership
from rtbill.domain.call import EPOCH
from rtbill.formats.accounts_csv import export_accounts
from rtbill.formats.freepbx_csv import Choice
from tests.unit.formats.freepbx_list import (
    BERLIN,
    HALL,
    SECRET,
    a_list,
    phone,
    problems,
    read,
)

EXAMPLE = Path(__file__).parents[3] / "examples" / "freepbx-extensions.csv"


def test_each_extension_becomes_a_prepaid_account_with_the_name_of_its_user() -> None:
    found = read(a_list(phone("1001"), phone("1002", "Tomas Novak", opening_balance="5.00")))
    assert found.accounts.problems == ()
    assert found.accounts.accounts == (
        Account(
            id="1001",
            name="Lena Brandt",
            kind=AccountKind.PREPAID,
            currency="EUR",
            account_class="student",
        ),
        Account(
            id="1002",
            name="Tomas Novak",
            kind=AccountKind.PREPAID,
            currency="EUR",
            account_class="student",
        ),
    )
    assert found.accounts.memberships == (
        Membership(
            account="1001",
            extension=Extension("hall", "1001"),
            valid_from=EPOCH,
            person="Lena Brandt",
        ),
        Membership(
            account="1002",
            extension=Extension("hall", "1002"),
            valid_from=EPOCH,
            person="Tomas Novak",
        ),
    )
    assert found.accounts.opening_micros == {"1002": 5_000_000}
    assert found.warnings == ()


def test_the_defaults_hold_where_a_row_says_nothing_of_its_own() -> None:
    defaults = replace(
        HALL,
        kind=AccountKind.POSTPAID,
        tariff="retail",
        valid_from="2026-12-01",
        account_prefix="r",
    )
    text = a_list(
        phone("1001"),
        phone("1002", kind="Prepaid", tariff="night", **{"class": "guest"}),
        phone("1003", credit_limit="20", **{"from": "2027-01-01", "person": "Kim"}),
    )
    found = read(text, defaults).accounts
    assert [
        (each.id, each.name, each.kind, each.account_class, each.tariff, each.credit_limit_micros)
        for each in found.accounts
    ] == [
        ("r1001", "Lena Brandt", "postpaid", "student", "retail", 0),
        ("r1002", "Lena Brandt", "prepaid", "guest", "night", 0),
        ("r1003", "Kim", "postpaid", "student", "retail", 20_000_000),
    ]
    assert [(each.valid_from.isoformat(), each.person) for each in found.memberships] == [
        ("2026-11-30T23:00:00+00:00", "Lena Brandt"),
        ("2026-11-30T23:00:00+00:00", "Lena Brandt"),
        ("2026-12-31T23:00:00+00:00", "Kim"),
    ]


def test_rows_with_the_same_account_are_billed_together_on_the_terms_that_any_of_them_gives() -> (
    None
):
    text = a_list(
        phone("2001", "Ines", account="office"),
        phone("2002", "Paul", account="office", kind="postpaid", credit_limit="50"),
        phone("2003", "Rosa", account="office", credit_limit="50.00"),
    )
    found = read(text).accounts
    assert [(each.id, each.name, each.kind) for each in found.accounts] == [
        ("office", "office", "postpaid")
    ]
    assert found.accounts[0].credit_limit_micros == 50_000_000
    assert [(str(each.extension), each.person) for each in found.memberships] == [
        ("hall/2001", "Ines"),
        ("hall/2002", "Paul"),
        ("hall/2003", "Rosa"),
    ]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("Brandt, Lena", "Brandt, Lena"),
        ('Jonas "Jo" Weber', 'Jonas "Jo" Weber'),
        ("Lena\nBrandt", "Lena Brandt"),
        ("Lena\r\nBrandt\t\x1b[31m", "Lena Brandt [31m"),
        ("Léna Brändt", "Léna Brändt"),
        ("Lena \u202eBrandt", "Lena Brandt"),
        ("  Lena  Brandt ", "Lena Brandt"),
        ("", "1001"),
        ("\x00\x07", "1001"),
    ],
)
def test_a_name_becomes_one_printable_line(written: str, read_as: str) -> None:
    found = read(a_list(phone("1001", written))).accounts
    assert [each.person for each in found.memberships] == [read_as]
    assert [each.name for each in found.accounts] == [read_as]


def test_a_name_with_control_characters_is_told_by_line_without_repeating_it() -> None:
    found = read(a_list(phone("1001"), phone("1002", "Lena\x1b[31m")))
    assert found.warnings == ("line 3: control characters in the name became blanks",)


def test_the_line_is_counted_in_the_file_where_names_hold_line_breaks() -> None:
    text = a_list(phone("1001", "a\nb\nc"), phone("1002", opening_balance="x"))
    assert problems(text) == [
        "line 5: rtbill_opening_balance 'x' is not an amount; write it like 12.50"
    ]


def test_what_a_spreadsheet_saved_is_read_the_same() -> None:
    rows = (phone("1001", "Brandt, Lena", opening_balance="7.50"), phone("1002"))
    plain = read(a_list(*rows))
    semicolons = a_list(*rows, delimiter=";").replace("7.50", "7,50").replace("\n", "\r\n")
    upper = "\ufeff" + semicolons.replace("extension;", "EXTENSION;", 1)
    assert read(upper) == plain


def test_every_problem_is_told_at_once_by_line_and_by_the_columns_of_this_file() -> None:
    text = a_list(
        phone("1001", kind="later", opening_balance="5,00"),
        phone("1002", account="a b", **{"from": "01.12.2026"}),
        phone("10 03", credit_limit="-1", kind="postpaid"),
        phone("1004", credit_limit="5"),
        phone("1005", account="lab", **{"class": "guest"}),
        phone("1006", account="lab", **{"class": "staff"}),
        phone("1001"),
    )
    assert problems(text) == [
        "line 2: rtbill_kind 'later' is neither prepaid nor postpaid",
        "line 2: rtbill_opening_balance '5,00' is not an amount; write it like 12.50",
        "line 3: rtbill_account 'a b' is not a usable name (no blanks, colons or slashes)",
        "line 3: rtbill_from '01.12.2026' is not a day like 2026-10-01",
        "line 4: extension '10 03' is not a number inside an exchange",
        "line 4: rtbill_account '10 03' is not a usable name (no blanks, colons or slashes)",
        "line 5: a prepaid account has no rtbill_credit_limit; leave it empty",
        "line 7: account 'lab' has another rtbill_class than in line 6",
        "line 8: extension hall/1001 is already held at that time in line 2",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the file is empty"),
        ("\n\n", "line 1: the file is empty"),
        ("extension,name,secret\n", "line 1: there are no rows below the header"),
        (
            "extension,name\n,nobody\n",
            "line 1: no row below the header has an extension",
        ),
        (
            "trunk_name,sip_server\ncarrier,sip.example\n",
            "line 1: this is the export of trunks; choose Extensions in FreePBX's Bulk Handler",
        ),
        (
            "cidnum,extension,destination,description\n,0301234,from-did-direct,x\n",
            "line 1: this is the export of DIDs (inbound routes); "
            "choose Extensions in FreePBX's Bulk Handler",
        ),
        (
            "username,password,default_extension,description\nlena,x,1001,\n",
            "line 1: this is the export of User Manager users; "
            "choose Extensions in FreePBX's Bulk Handler",
        ),
        (
            f"1001,{SECRET},Lena,default\n1002,{SECRET},Tomas,default\n",
            "line 1: no column 'extension' and 'name': "
            "this is no export of extensions by FreePBX's Bulk Handler",
        ),
        (
            "extension,name,rtbill_blance\n1001,Lena,5\n",
            "line 1: unknown column 'rtbill_blance'; ours are rtbill_account, rtbill_kind, "
            "rtbill_class, rtbill_tariff, rtbill_credit_limit, rtbill_opening_balance, "
            "rtbill_from, rtbill_person",
        ),
        ("extension,name\n1001,Lena,x\n", "line 2: has 3 fields, the header has 2"),
    ],
)
def test_another_file_is_refused_with_what_it_is(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_a_broken_quote_ends_the_file_at_its_line_and_shows_nothing_of_it() -> None:
    text = a_list(phone("1001")) + f'1002,"{SECRET}\\" x",Tomas,,,,,\n'
    [problem] = problems(text)
    assert problem.startswith("line 3: cannot be read any further")
    assert SECRET not in problem


def test_no_password_leaves_the_module() -> None:
    export = read(a_list(phone("1001"), phone("1002", kind="x" * 3)))
    good = read(a_list(phone("1001")))
    text = export_accounts(good.accounts.accounts, good.accounts.memberships, BERLIN)
    assert export.has_secrets
    for said in (repr(export), repr(good), text):
        assert SECRET not in said


def test_only_the_wanted_extensions_are_read() -> None:
    text = a_list(phone("1001"), phone("2001", kind="wrong"), phone("10011"))
    found = read(text, choice=Choice(only=["1xxx"]))
    assert [str(each.extension) for each in found.accounts.memberships] == ["hall/1001"]
    none = read(text, choice=Choice(only=["7xx", "8xx"])).accounts
    assert [str(each) for each in none.problems] == [
        "line 1: no row below the header matches 7xx or 8xx"
    ]


def test_odd_extensions_are_imported_and_mentioned() -> None:
    text = a_list(phone("1001"), phone("1050") | {"tech": "virtual"}, phone("2001"), phone(""))
    found = read(text, choice=Choice(internal=["1xxx"]))
    assert len(found.accounts.memberships) == 3
    assert [warning.split(":")[0] for warning in found.warnings] == ["line 5", "2001", "1050"]
    assert "site.internal" in found.warnings[1]
    assert "virtual" in found.warnings[2]


def test_the_example_is_good() -> None:
    found = read(EXAMPLE.read_text(encoding="utf-8"), choice=Choice(internal=["1xxx"]))
    assert found.accounts.problems == ()
    assert [each.id for each in found.accounts.accounts] == [
        *("1001", "1002", "1003", "1004", "1050", "office")
    ]
    assert found.accounts.opening_micros == {
        "1001": 10_000_000,
        "1002": 5_000_000,
        "1004": 7_500_000,
    }
    assert len(found.warnings) == 2
