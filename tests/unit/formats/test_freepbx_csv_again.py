"""FreePBX's list of extensions beside what the books hold: the same again, grown or changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rtbill.domain.account import Account, AccountKind
from rtbill.formats.freepbx_accounts import Standing
from tests.unit.formats.freepbx_list import (
    HALL,
    a_list,
    after,
    phone,
    problems,
    read,
)


def test_the_same_file_again_asks_for_nothing_else() -> None:
    first = read(
        a_list(phone("1001", opening_balance="5"), phone("2001", account="lab"), phone("1002"))
    )
    again = read(
        a_list(phone("1001", opening_balance="5"), phone("2001", account="lab"), phone("1002")),
        # Other defaults are for new accounts only.
        replace(HALL, kind=AccountKind.POSTPAID, account_class="guest", valid_from="2026-12-01"),
        after(first),
    )
    assert again == first


def test_a_room_that_was_added_is_new_and_the_others_stay() -> None:
    first = read(a_list(phone("1001")), replace(HALL, valid_from="2026-10-01"))
    later = replace(HALL, valid_from="2026-12-01", account_class="guest")
    found = read(a_list(phone("1001"), phone("1002")), later, after(first)).accounts
    assert found.memberships[0] == first.accounts.memberships[0]
    assert [each.account_class for each in found.accounts] == ["student", "guest"]
    assert found.memberships[1].valid_from == datetime(2026, 11, 30, 23, tzinfo=UTC)


def test_terms_that_the_file_gives_change_those_of_the_books() -> None:
    first = read(a_list(phone("1001", kind="postpaid", credit_limit="50")))
    given = a_list(phone("1001", kind="prepaid", tariff="night"))
    found = read(given, HALL, after(first)).accounts
    assert [(each.kind, each.credit_limit_micros, each.tariff) for each in found.accounts] == [
        ("prepaid", 0, "night")
    ]


def test_a_changed_name_changes_person_and_account_and_no_date() -> None:
    first = read(a_list(phone("1001")), replace(HALL, valid_from="2026-10-01"))
    found = read(a_list(phone("1001", "Lena Novak")), HALL, after(first)).accounts
    [before] = first.accounts.memberships
    assert found.memberships == (replace(before, person="Lena Novak"),)
    assert [each.name for each in found.accounts] == ["Lena Novak"]


def test_an_extension_that_was_moved_by_hand_stays_where_it_was_moved() -> None:
    first = read(a_list(phone("1001"), phone("2001", account="lab"), phone("2002", account="lab")))
    books = after(first)
    [one, *others] = books.memberships
    moved = replace(one, account="lab", valid_from=datetime(2026, 11, 1, tzinfo=UTC))
    ended = replace(one, valid_until=moved.valid_from)
    standing = replace(books, memberships=(ended, moved, *others))
    found = read(a_list(phone("1001")), HALL, standing).accounts
    assert found.memberships == (moved,)
    assert [(each.id, each.name) for each in found.accounts] == [("lab", "lab")]


def moved_to(books: Standing, account: Account) -> Standing:
    """The books after the first extension was given to that account, which holds no other."""
    [one, *others] = books.memberships
    day = datetime(2026, 11, 1, tzinfo=UTC)
    moved = replace(one, account=account.id, valid_from=day, person="Kim Lee")
    return replace(
        books,
        accounts={**books.accounts, account.id: account},
        memberships=(replace(one, valid_until=day), moved, *others),
    )


GUEST = Account(id="guest", name="Kim Lee", kind=AccountKind.PREPAID, currency="EUR")


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ({"opening_balance": "10.00"}, "rtbill_opening_balance"),
        ({"kind": "postpaid", "credit_limit": "50"}, "rtbill_kind and rtbill_credit_limit"),
        ({"class": "staff", "tariff": "night"}, "rtbill_class and rtbill_tariff"),
        ({"kind": "no such word"}, "rtbill_kind"),
    ],
)
def test_what_a_row_gives_its_own_account_is_not_given_to_one_that_holds_the_extension_since(
    cells: dict[str, str], named: str
) -> None:
    standing = moved_to(after(read(a_list(phone("1001"), phone("1002")))), GUEST)
    found = read(a_list(phone("1001", **cells), phone("1002")), HALL, standing)
    assert [each for each in found.accounts.accounts if each.id != "1002"] == [GUEST]
    assert found.accounts.opening_micros == {}
    assert found.warnings == (
        f"line 2: ignored {named}: hall/1001 belongs to account guest, not to 1001; "
        "write guest into rtbill_account if guest is meant",
    )


def test_the_person_at_a_moved_extension_is_followed_and_the_name_of_its_account_stays() -> None:
    standing = moved_to(after(read(a_list(phone("1001")))), GUEST)
    found = read(a_list(phone("1001", "Maria Silva")), HALL, standing)
    assert [each.person for each in found.accounts.memberships] == ["Maria Silva"]
    assert found.accounts.accounts == (GUEST,)
    assert found.warnings == ()


def test_a_row_that_names_the_account_which_holds_the_extension_since_is_for_that_one() -> None:
    standing = moved_to(after(read(a_list(phone("1001")))), GUEST)
    row = phone("1001", account="guest", opening_balance="10.00", tariff="night")
    found = read(a_list(row), HALL, standing)
    assert found.accounts.opening_micros == {"guest": 10_000_000}
    assert [(each.id, each.tariff) for each in found.accounts.accounts] == [("guest", "night")]
    assert found.warnings == ()


def test_a_row_of_a_moved_extension_takes_nothing_from_another_row_of_its_new_account() -> None:
    standing = moved_to(after(read(a_list(phone("1001")))), GUEST)
    text = a_list(
        phone("1001", opening_balance="10.00"),
        phone("1002", account="guest", opening_balance="3.00", tariff="night"),
    )
    found = read(text, HALL, standing)
    assert found.accounts.opening_micros == {"guest": 3_000_000}
    assert [(each.id, each.name, each.tariff) for each in found.accounts.accounts] == [
        ("guest", "Kim Lee", "night")
    ]
    assert [warning.split(":")[0] for warning in found.warnings] == ["line 2"]


def test_two_extensions_that_changed_places_do_not_pay_into_each_others_account() -> None:
    books = after(read(a_list(phone("1001"), phone("1002", "Tomas Novak"))))
    [one, two] = books.memberships
    standing = replace(
        books, memberships=(replace(one, account="1002"), replace(two, account="1001"))
    )
    text = a_list(phone("1001", opening_balance="10"), phone("1002", opening_balance="5"))
    found = read(text, HALL, standing)
    assert found.accounts.opening_micros == {}
    assert {each.id: each for each in found.accounts.accounts} == books.accounts
    assert len(found.warnings) == 2


def test_a_forgotten_prefix_of_accounts_is_named_as_a_remedy() -> None:
    text = a_list(phone("1001", opening_balance="10.00"))
    prefixed = replace(HALL, account_prefix="r")
    books = after(read(text, prefixed))
    found = read(text, HALL, books)
    assert found.accounts.opening_micros == {}
    [warning] = found.warnings
    assert "belongs to account r1001, not to 1001" in warning
    assert "write r1001 into rtbill_account (or give --account-prefix)" in warning
    assert read(text, prefixed, books).warnings == ()


def test_an_extension_that_was_taken_away_gets_an_account_again_only_on_a_day_that_is_named() -> (
    None
):
    books = after(read(a_list(phone("1001"), phone("1002"))))
    [one, two] = books.memberships
    ended = replace(one, valid_until=datetime(2026, 11, 1, tzinfo=UTC))
    standing = replace(books, memberships=(ended, two))
    left_out = read(a_list(phone("1001"), phone("1002")), HALL, standing)
    assert [str(each.extension) for each in left_out.accounts.memberships] == ["hall/1002"]
    [warning] = left_out.warnings
    assert warning.startswith("line 2: hall/1001 was taken from account 1001 on 2026-11-01")
    named = read(a_list(phone("1001", **{"from": "2026-12-01"})), HALL, standing)
    assert [each.valid_from.isoformat() for each in named.accounts.memberships] == [
        "2026-11-30T23:00:00+00:00"
    ]


def test_the_same_number_on_another_exchange_is_not_billed_together_unasked() -> None:
    standing = after(read(a_list(phone("1001"))))
    annex = replace(HALL, pbx="annex")
    assert problems(a_list(phone("1001")), annex, standing) == [
        "line 2: account 1001 belongs to hall/1001 already; give --account-prefix, or write the "
        "account into rtbill_account to bill both together"
    ]
    both = read(a_list(phone("1001", account="1001")), annex, standing).accounts
    assert [str(each.extension) for each in both.memberships] == ["annex/1001"]
    apart = read(a_list(phone("1001")), replace(annex, account_prefix="a"), standing).accounts
    assert [each.id for each in apart.accounts] == ["a1001"]


def test_what_the_books_hold_and_the_file_no_longer_has_is_mentioned() -> None:
    standing = after(read(a_list(phone("1001"), phone("1002"))))
    found = read(a_list(phone("1001")), HALL, standing)
    [warning] = found.warnings
    assert warning.startswith("1002: in the books and not in this file")
    assert len(found.accounts.memberships) == 1
