"""Accounts files: everything that is wrong, by line, or every account and extension."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.account import Account, AccountKind, Extension, Membership
from rtbill.domain.call import EPOCH
from rtbill.domain.contact import Contact, Language
from rtbill.domain.payer_key import KeyKind, PayerKey
from rtbill.formats.accounts_csv import COLUMNS, AccountsFile, export_accounts, read_accounts

BERLIN = ZoneInfo("Europe/Berlin")
HEADER = ",".join(COLUMNS)
EXAMPLE = Path(__file__).parents[3] / "examples" / "accounts-hall.csv"
OFFICE = "office,Office,postpaid,EUR,50.00,office,retail"


def read(*lines: str, header: str = HEADER) -> AccountsFile:
    return read_accounts("\n".join((header, *lines)), BERLIN)


def problems(*lines: str, header: str = HEADER) -> list[str]:
    found = read(*lines, header=header)
    assert bool(found.problems) != bool(found.accounts)
    return [str(problem) for problem in found.problems]


def test_a_row_is_an_account_and_its_extension() -> None:
    found = read("s1,Jo Miller,prepaid,EUR,,student,retail,hall,1001,Jo,2026-10-01,2027-04-01,5.00")
    assert found.problems == ()
    assert found.accounts == (
        Account(
            id="s1",
            name="Jo Miller",
            kind=AccountKind.PREPAID,
            currency="EUR",
            account_class="student",
            tariff="retail",
        ),
    )
    assert found.memberships == (
        Membership(
            account="s1",
            extension=Extension("hall", "1001"),
            valid_from=datetime(2026, 9, 30, 22, tzinfo=UTC),
            valid_until=datetime(2027, 3, 31, 22, tzinfo=UTC),
            person="Jo",
        ),
    )
    assert found.opening_micros == {"s1": 5_000_000}


def test_codes_and_trunks_are_exported_as_they_are_read_and_pins_are_not() -> None:
    header = f"{HEADER},code,pin,trunk"
    lines = (
        OFFICE + ",hall,2001,Kim,,,,,,",
        "office,,,,,,,,,Kim,2026-10-01,,,4711,,",
        "office,,,,,,,hall,,,,,,,,branch",
    )
    found = read(*lines, header=header)
    pin = replace(found.bindings[0], key=PayerKey(KeyKind.PIN, "9b2f" * 10))
    text = export_accounts(
        found.accounts, found.memberships, BERLIN, bindings=(*found.bindings, pin)
    )
    assert read_accounts(text, BERLIN) == found
    assert "9b2f" not in text


def test_further_rows_repeat_the_account_or_leave_it_empty() -> None:
    found = read(
        OFFICE + ",hall,2001,Kim,,,",
        "office,,,,,,,hall,2002,Ash,,,",
        "office,Office,postpaid,EUR,50,office,retail,hall,2003,,,,",
    )
    assert found.problems == ()
    assert len(found.accounts) == 1
    assert found.accounts[0].credit_limit_micros == 50_000_000
    assert [str(held.extension) for held in found.memberships] == [
        "hall/2001",
        "hall/2002",
        "hall/2003",
    ]
    assert [held.person for held in found.memberships] == ["Kim", "Ash", None]
    assert {held.valid_from for held in found.memberships} == {EPOCH}


def test_an_account_may_hold_no_extension() -> None:
    found = read("s1,Jo,prepaid,EUR,,,,,,,,,")
    assert found.memberships == ()
    assert found.accounts[0].account_class == "standard"
    assert found.opening_micros == {}


def test_semicolons_decimal_commas_and_few_columns_do() -> None:
    header = "\ufeffaccount;name;kind;currency;pbx;extension;opening_balance"
    found = read("s1;Jo;prepaid;EUR;hall;1001;0,20", header=header)
    assert found.opening_micros == {"s1": 200_000}


def test_every_problem_is_reported_at_once_by_line() -> None:
    assert problems(
        "s1,,later,EURO,x,,,hall,1001,,2026-13-01,,-5",
        "a b,Jo,prepaid,EUR,,,,hall,1002,,,,",
        "s3,Jo,prepaid,EUR,5,,,hall,,,,,",
        "s4,Jo,prepaid,EUR,,,,hall,10 04,,2026-02-01,2026-02-01,",
        "s5,Jo,prepaid,EUR,,,,,,Jo,,,",
        "s6,Jo,prepaid",
        "revenue,Jo,prepaid,EUR,,,,hall,1007,,01.02.2026,2026-02-01T10:00:00,",
    ) == [
        "line 2: credit_limit 'x' is not an amount; write it like 12.50",
        "line 2: from '2026-13-01' is not a day like 2026-10-01",
        "line 2: kind 'later' is neither prepaid nor postpaid",
        "line 2: name is empty or holds control characters",
        "line 2: opening_balance -5 is negative",
        "line 2: unknown currency 'EURO'; use an ISO 4217 code such as EUR",
        "line 3: account 'a b' is not a usable name (no blanks, colons or slashes)",
        "line 4: a prepaid account has no credit_limit; leave it empty",
        "line 4: extension '' is not a number inside an exchange",
        "line 5: extension '10 04' is not a number inside an exchange",
        "line 5: until 2026-02-01 is not after from 2026-02-01",
        "line 6: person is given, but no pbx and extension",
        "line 7: has 3 fields, the header has 13",
        "line 8: account 'revenue' is not a usable name (no blanks, colons or slashes)",
        "line 8: from '01.02.2026' is not a day like 2026-10-01",
        "line 8: until '2026-02-01T10:00:00' is not a day like 2026-10-01",
    ]


def test_an_extension_held_twice_at_the_same_time_names_both_lines() -> None:
    assert problems(
        "s1,Jo,prepaid,EUR,,,,hall,1001,,2026-01-01,2026-03-01,",
        "s2,Kim,prepaid,EUR,,,,hall,1001,,2026-02-28,,",
        "s3,Ash,prepaid,EUR,,,,hall,1001,,,2026-01-02,",
    ) == [
        "line 3: extension hall/1001 is already held at that time in line 2",
        "line 4: extension hall/1001 is already held at that time in line 2",
    ]


def test_an_extension_that_moves_or_stands_in_another_exchange_is_no_clash() -> None:
    found = read(
        "s1,Jo,prepaid,EUR,,,,hall,1001,,2026-01-01,2026-03-01,",
        "s2,Kim,prepaid,EUR,,,,hall,1001,,2026-03-01,,",
        "s3,Ash,prepaid,EUR,,,,annex,1001,,,,",
    )
    assert found.problems == ()


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("office,Bureau,,,,,,hall,2002,,,,", "name"),
        ("office,,prepaid,,,,,hall,2002,,,,", None),
        ("office,,,CHF,,,,hall,2002,,,,", "currency"),
        ("office,,,,60,,,hall,2002,,,,", "credit_limit"),
        ("office,,,,,,,hall,2002,,,,7", "opening_balance"),
    ],
)
def test_rows_of_one_account_that_disagree_are_refused(row: str, column: str | None) -> None:
    (found,) = problems(OFFICE + ",hall,2001,,,,", row)
    assert found.startswith("line 3:")
    if column:
        assert found == f"line 3: account 'office' has another {column} than in line 2"


def test_days_are_those_of_the_site_on_both_sides_of_a_clock_change() -> None:
    found = read("s1,Jo,prepaid,EUR,,,,hall,1001,,2026-03-29,2026-03-30,")
    (held,) = found.memberships
    assert held.valid_until is not None
    assert held.valid_until - held.valid_from == timedelta(hours=23)


def test_a_midnight_that_the_clocks_skip_is_the_first_instant_of_its_day() -> None:
    text = HEADER + "\ns1,Jo,prepaid,EUR,,,,hall,1001,,2018-11-04,,"
    (held,) = read_accounts(text, ZoneInfo("America/Sao_Paulo")).memberships
    assert held.valid_from == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_an_instant_with_its_offset_is_read_too() -> None:
    (held,) = read("s1,Jo,prepaid,EUR,,,,hall,1001,,2026-10-01T14:30:00+02:00,,").memberships
    assert held.valid_from == datetime(2026, 10, 1, 12, 30, tzinfo=UTC)


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    found = read_accounts(HEADER + "\n" + text, BERLIN)
    assert bool(found.problems) != bool(found.accounts)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Account], list[Membership]]:
    accounts, memberships = [], []
    kinds = st.sampled_from(AccountKind)
    instants = st.one_of(
        st.dates(datetime(1990, 1, 1).date(), datetime(2050, 1, 1).date()).map(  # noqa: DTZ001  # a day
            lambda day: datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)
        ),
        st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    )
    for number in range(draw(st.integers(1, 4))):
        kind = draw(kinds)
        limit = draw(st.integers(0, 10**9)) if kind is AccountKind.POSTPAID else 0
        accounts.append(
            Account(
                id=f"a{number}",
                name=draw(st.sampled_from(["Jo", 'Kim "K", Lee', "J\u00f6; x"])),
                kind=kind,
                currency=draw(st.sampled_from(["EUR", "JPY"])),
                credit_limit_micros=limit,
                account_class=draw(st.sampled_from(["standard", "student"])),
                tariff=draw(st.sampled_from(["", "retail"])),
            )
        )
        for extension in range(draw(st.integers(0, 3))):
            valid_from = draw(st.one_of(st.just(EPOCH), instants))
            until = draw(st.one_of(st.none(), st.integers(1, 10**13)))
            memberships.append(
                Membership(
                    account=f"a{number}",
                    extension=Extension("hall", f"{number}0{extension}"),
                    valid_from=valid_from,
                    valid_until=valid_from + timedelta(microseconds=until) if until else None,
                    person=draw(st.sampled_from([None, "Jo"])),
                )
            )
    return accounts, memberships


@given(files())
def test_an_exported_file_reads_back_as_the_same_values(
    original: tuple[list[Account], list[Membership]],
) -> None:
    accounts, memberships = original
    opening = {"a0": 1_234_567}
    found = read_accounts(export_accounts(accounts, memberships, BERLIN, opening), BERLIN)
    assert found.problems == ()
    assert list(found.accounts) == accounts
    assert list(found.memberships) == memberships
    assert found.opening_micros == opening


def test_the_example_accounts_can_be_used_as_they_are() -> None:
    found = read_accounts(EXAMPLE.read_text(encoding="utf-8"), BERLIN)
    assert found.problems == ()
    held = {entry.extension: entry.account for entry in found.memberships}
    assert len(held) == 9
    assert held[Extension("hall", "2001")] == held[Extension("hall", "2002")] == "office"
    assert found.opening_micros[held[Extension("hall", "1003")]] == 200_000


CONTACT_HEADER = HEADER + ",email,language"
ROOM = "s1,Jo Miller,prepaid,EUR,,student,retail,hall,1001,Jo,,,"


def test_an_address_stands_with_its_account_and_may_be_left_out_of_later_rows() -> None:
    found = read(
        ROOM + ",jo@example.org,de",
        "s1,,,,,,,hall,1002,Kim,,,,,",
        "s2,Ash Roy,prepaid,EUR,,,,hall,1003,,,,,ash@example.org,",
        header=CONTACT_HEADER,
    )
    assert found.problems == ()
    assert found.contacts == (
        Contact("s1", "jo@example.org", Language.DE),
        Contact("s2", "ash@example.org"),
    )


def test_addresses_are_exported_as_they_are_read() -> None:
    found = read(ROOM + ",jo@example.org,de", header=CONTACT_HEADER)
    text = export_accounts(found.accounts, found.memberships, BERLIN, contacts=found.contacts)
    assert read_accounts(text, BERLIN).contacts == found.contacts


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("jo,de", "line 2: 'jo' is no e-mail address; write one like lena@example.org"),
        ("jo@example.org,fr", "line 2: 'fr' is no language of our mails; they are en, de"),
        (",de", "line 2: language 'de' is given, but no email"),
    ],
)
def test_a_contact_that_cannot_be_is_a_problem_of_its_line(cells: str, said: str) -> None:
    assert problems(f"{ROOM},{cells}", header=CONTACT_HEADER) == [said]


def test_two_addresses_of_one_account_are_a_problem_that_names_both_lines() -> None:
    other = "s1,,,,,,,hall,1002,Kim,,,,kim@example.org,"
    assert problems(ROOM + ",jo@example.org,", other, header=CONTACT_HEADER) == [
        "line 3: account 's1' has another email or language than in line 2"
    ]
