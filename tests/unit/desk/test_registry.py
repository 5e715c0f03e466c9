"""Accounts files at the desk: dry run, import, import again."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.account import LOCKED_SERVICE, AccountKind
from rtbill.domain.changes import NoteBounce
from rtbill.domain.contact import Bounce, Contact, Language
from rtbill.domain.errors import RtbillError
from tests.fakes.builders import a_membership
from tests.fakes.office import Office, an_office

ACCOUNTS = """\
account,name,kind,currency,credit_limit,pbx,extension,person,from,opening_balance
s1,Jo Miller,prepaid,EUR,,hotel,1101,Jo Miller,2026-09-01,5.00
lab,Laboratory,postpaid,EUR,50.00,hotel,2001,Kim Lee,2026-09-01,
lab,,,,,hotel,2002,Ash Roy,2026-09-01,
"""


async def import_accounts(office: Office, csv: str = ACCOUNTS, **more: Any) -> dict[str, Any]:
    return await office.order("accounts.import", csv=csv, **more)


def nobody_and_nothing() -> Any:
    return an_office("0", accounts=[], memberships=[])


async def test_an_import_shows_what_it_would_do_and_does_nothing_until_applied() -> None:
    async with nobody_and_nothing() as office:
        before = await office.store.accounts()

        answer = await import_accounts(office)

        assert answer == {
            "created": ["s1", "lab"],
            "changed": [],
            "assigned": ["hotel/1101 to s1", "hotel/2001 to lab", "hotel/2002 to lab"],
            "renamed": [],
            "contacts": [],
            "credited": ["s1 5.00 EUR"],
            "problems": [],
        }
        assert await office.store.accounts() == before
        assert await office.store.memberships() == []


async def test_an_import_that_is_applied_is_in_the_books_and_in_force() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, apply=True)

        assert await office.balance("s1") == 5_000_000
        assert office.directory.account("lab").kind is AccountKind.POSTPAID
        await office.hear("12:00:05 answer 1 payer=2002\n12:01:35 end 1 payer=2002")
        assert await office.calls() == ["1 rated 0.90 lab"]
        assert office.pbx.held == {}


async def test_a_second_import_of_the_same_file_changes_nothing() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, apply=True)

        for apply in (False, True):
            answer = await import_accounts(office, apply=apply)
            assert not any(answer.values())
        assert await office.balance("s1") == 5_000_000


async def test_changed_terms_are_taken_over_and_the_balance_stays() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, apply=True)
        changed = ACCOUNTS.replace("50.00", "80.00")

        answer = await import_accounts(office, changed, apply=True)

        assert answer["changed"] == ["lab"]
        assert office.directory.account("lab").credit_limit_micros == 80_000_000


async def test_a_prepaid_account_without_money_is_locked_from_the_start() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, ACCOUNTS.replace("5.00", ""), apply=True)

        assert office.pbx.held == {"1101": LOCKED_SERVICE}


async def test_a_higher_credit_limit_unlocks() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, ACCOUNTS.replace("50.00", "0.50"), apply=True)
        await office.hear("12:00:05 answer 1 payer=2001\n12:01:35 end 1 payer=2001")
        assert set(office.pbx.held) == {"2001", "2002"}

        await import_accounts(office, apply=True)

        assert office.pbx.held == {}


async def test_an_extension_that_belongs_to_another_account_is_a_problem_and_nothing_is_done() -> (
    None
):
    async with an_office("0", memberships=[a_membership("room-1", "2002")]) as office:
        answer = await import_accounts(office, apply=True)

        [problem] = answer["problems"]
        assert "hotel/2002 already belongs to room-1" in problem
        assert "rtbill group add lab hotel/2002 --move" in problem
        assert not office.directory.knows("s1")


async def test_a_file_with_bad_rows_names_every_line_and_nothing_is_done() -> None:
    bad = ACCOUNTS.replace("prepaid", "prepayed").replace("50.00", "lots")
    async with nobody_and_nothing() as office:
        answer = await import_accounts(office, bad, apply=True)

        assert [problem.split(":")[0] for problem in answer["problems"]] == ["line 2", "line 3"]
        assert not office.directory.knows("lab")


async def test_another_currency_for_a_known_account_is_a_problem() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, apply=True)

        answer = await import_accounts(office, ACCOUNTS.replace("EUR", "CHF"), apply=True)

        assert len(answer["problems"]) == 2
        assert "never changes" in answer["problems"][0]


async def test_an_opening_balance_finer_than_coins_is_a_problem_before_anything_is_done() -> None:
    async with nobody_and_nothing() as office:
        answer = await import_accounts(office, ACCOUNTS.replace("5.00", "5.001"), apply=True)

        [problem] = answer["problems"]
        assert "finer than its coins" in problem
        assert not office.directory.knows("s1")


async def test_an_opening_balance_that_was_changed_later_is_told_and_the_rest_is_done() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, apply=True)
        other = ACCOUNTS.replace("5.00", "7.00") + "new,New,prepaid,EUR,,hotel,1109,,,3.00\n"

        before = await import_accounts(office, other)
        answer = await import_accounts(office, other, apply=True)

        [problem] = answer["problems"]
        assert "account s1: opening balance: 5.00 EUR were credited to s1" in problem
        assert answer["credited"] == ["new 3.00 EUR"]
        assert before == answer, "the dry run told it all"
        assert await office.balance("s1") == 5_000_000
        assert await office.balance("new") == 3_000_000


async def test_a_dry_run_shows_the_opening_balance_that_an_account_would_gain() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, ACCOUNTS.replace("5.00", ""), apply=True)
        for apply in (False, True):
            answer = await import_accounts(office, apply=apply)
            assert answer["credited"] == ["s1 5.00 EUR"]
        assert await office.balance("s1") == 5_000_000


async def test_a_key_of_an_opening_balance_that_somebody_else_used_is_told_in_the_dry_run() -> None:
    async with an_office("10.00") as office:
        await office.credit("5.00", key="opening:s1")
        for apply in (False, True):
            answer = await import_accounts(office, apply=apply)
            [problem] = answer["problems"]
            assert "account s1: opening balance: 5.00 EUR were credited to room-1" in problem
            assert answer["credited"] == []
        assert await office.balance("s1") == 0


async def test_an_opening_balance_of_zero_is_no_credit() -> None:
    async with nobody_and_nothing() as office:
        answer = await import_accounts(office, ACCOUNTS.replace("5.00", "0.00"), apply=True)

        assert answer["credited"] == []
        assert office.directory.knows("s1")


CONTACTS = """\
account,name,kind,currency,pbx,extension,email,language
s1,Jo Miller,prepaid,EUR,hotel,1101,jo@example.org,de
"""


async def test_a_file_says_where_holders_are_written_to() -> None:
    async with nobody_and_nothing() as office:
        answer = await import_accounts(office, CONTACTS, apply=True)

        assert answer["contacts"] == ["s1 jo@example.org"]
        assert await office.store.contacts() == [Contact("s1", "jo@example.org", Language.DE)]
        again = await import_accounts(office, CONTACTS, apply=True)
        assert again["contacts"] == []


async def test_a_file_without_addresses_or_languages_leaves_them_as_they_are() -> None:
    async with nobody_and_nothing() as office:
        await import_accounts(office, CONTACTS, apply=True)

        await import_accounts(office, CONTACTS.replace("jo@example.org,de", ","), apply=True)
        assert await office.store.contacts() == [Contact("s1", "jo@example.org", Language.DE)]
        await import_accounts(office, CONTACTS.replace("jo@example.org,de", "j@x.org,"), apply=True)
        assert await office.store.contacts() == [Contact("s1", "j@x.org", Language.DE)]


async def test_an_address_given_at_the_desk_keeps_the_language_and_ends_the_alarm() -> None:
    async with an_office() as office:
        first = await office.order(
            "accounts.contact", account="room-1", email="jo@example.org", language="de"
        )
        office.alarms.raise_("mail", "room-1", "550 no such user")
        answer = await office.order("accounts.contact", account="room-1", email=" new@example.org")

        assert first == {"account": "room-1", "email": "jo@example.org", "language": "de"}
        assert answer == {"account": "room-1", "email": "new@example.org", "language": "de"}
        assert await office.store.contacts() == [Contact("room-1", "new@example.org", Language.DE)]
        assert office.alarms.active() == []


async def test_an_order_without_anything_to_change_tells_the_contact_and_keeps_its_bounce() -> None:
    async with an_office() as office:
        await office.order("accounts.contact", account="room-1", email="jo@example.org")
        bounce = Bounce(office.clock.now(), "550 no such user")
        await office.store.change(NoteBounce("room-1", "jo@example.org", bounce))
        answer = await office.order("accounts.contact", account="room-1")

        assert answer == {"account": "room-1", "email": "jo@example.org", "language": None}
        assert await office.store.contacts() == [Contact("room-1", "jo@example.org", bounce=bounce)]


async def test_a_contact_is_taken_away_at_the_desk() -> None:
    async with an_office() as office:
        await office.order("accounts.contact", account="room-1", email="jo@example.org")
        await office.order("accounts.contact", account="room-1", email="")
        assert await office.store.contacts() == []


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"account": "nobody", "email": "jo@example.org"}, "nobody"),
        ({"account": "room-1", "email": "jo"}, "'jo' is no e-mail address"),
        ({"account": "room-1", "email": "j@x.org", "language": "fr"}, "'fr' is no language"),
        ({"account": "room-1", "language": "de"}, "has no e-mail address; give it one with"),
    ],
)
async def test_a_contact_that_cannot_be_is_refused(order: dict[str, str], said: str) -> None:
    async with an_office() as office:
        with pytest.raises(RtbillError, match=said):
            await office.order("accounts.contact", **order)
        assert await office.store.contacts() == []
