"""Where holders of accounts are written to, in every store."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rtbill.domain.changes import CreateAccount, NoteBounce, NoteMailTaken, SetContact, Together
from rtbill.domain.contact import Bounce, Contact, Language
from rtbill.domain.errors import UnknownAccount
from tests.contract.conftest import Sides
from tests.fakes.books import an_account
from tests.fakes.environment import NOON

LENA = Contact("room-1", "lena@example.org", Language.DE)
BOUNCE = Bounce(NOON + timedelta(hours=1), "550 5.1.1 no such user")


async def test_a_contact_is_read_as_it_was_set(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    other = Contact("room-2", "tomas@example.org")
    await books.store.change(Together((SetContact("room-2", other), SetContact("room-1", LENA))))
    assert await books.reader.contacts() == [LENA, other]
    assert await books.reader.contact("room-2") == other
    assert await books.reader.contact("room-3") is None


async def test_a_newer_contact_takes_the_place_of_the_one_before_with_its_bounce(
    books: Sides,
) -> None:
    await books.store.change(SetContact("room-1", LENA))
    await books.store.change(NoteBounce("room-1", LENA.email, BOUNCE))
    newer = Contact("room-1", "new@example.org")
    await books.store.change(SetContact("room-1", newer))
    assert await books.reader.contacts() == [newer]


async def test_a_contact_can_be_taken_away(books: Sides) -> None:
    await books.store.change(SetContact("room-1", LENA))
    await books.store.change(SetContact("room-1", None))
    assert await books.reader.contacts() == []


async def test_a_bounce_stands_until_a_mail_is_taken(books: Sides) -> None:
    await books.store.change(SetContact("room-1", LENA))
    await books.store.change(NoteBounce("room-1", LENA.email, BOUNCE))
    assert await books.reader.contact("room-1") == Contact(
        "room-1", LENA.email, Language.DE, BOUNCE
    )
    await books.store.change(NoteMailTaken("room-1", LENA.email))
    assert await books.reader.contact("room-1") == LENA


async def test_a_bounce_of_an_address_from_before_says_nothing_about_the_new_one(
    books: Sides,
) -> None:
    await books.store.change(SetContact("room-1", LENA))
    await books.store.change(NoteBounce("room-1", "old@example.org", BOUNCE))
    await books.store.change(NoteBounce("room-9", "old@example.org", BOUNCE))
    assert await books.reader.contacts() == [LENA]


async def test_an_account_that_is_not_there_has_no_contact(books: Sides) -> None:
    nobody = Contact("nobody", "x@example.org")
    with pytest.raises(UnknownAccount, match="nobody"):
        await books.store.change(
            Together((SetContact("room-1", LENA), SetContact("nobody", nobody)))
        )
    assert await books.reader.contacts() == []
