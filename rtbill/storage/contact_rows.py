"""Contacts of accounts: to rows and back, written and read."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.changes import NoteBounce, NoteMailTaken, SetContact
from rtbill.domain.contact import Bounce, Contact, Language
from rtbill.domain.errors import UnknownAccount
from rtbill.storage.bulk import Row
from rtbill.storage.memory import Memory

_T = TypeVar("_T")
_SELECT = "SELECT account, email, language, bounced_at, bounce_reason FROM contact"
_UPSERT = (
    "INSERT OR REPLACE INTO contact (account, email, language, bounced_at, bounce_reason)"
    " VALUES (?, ?, ?, ?, ?)"
)
_BOUNCE = "UPDATE contact SET bounced_at = ?, bounce_reason = ? WHERE account = ? AND email = ?"


def change_contact(
    connection: sqlite3.Connection, memory: Memory, change: SetContact | NoteBounce | NoteMailTaken
) -> None:
    """Write the change; UnknownAccount when there is no such account."""
    match change:
        case SetContact(account, contact):
            if account not in memory.accounts:
                raise UnknownAccount(f"there is no account {account}")
            if contact is None:
                connection.execute("DELETE FROM contact WHERE account = ?", (account,))
            else:
                connection.execute(_UPSERT, _row(contact))
        case NoteBounce(account, email, bounce):
            values = (epoch_us(bounce.at), bounce.reason, account, email)
            connection.execute(_BOUNCE, values)
        case NoteMailTaken(account, email):
            connection.execute(_BOUNCE, (None, None, account, email))


def _row(contact: Contact) -> Row:
    bounce = contact.bounce
    return (
        contact.account,
        contact.email,
        None if contact.language is None else contact.language.value,
        None if bounce is None else epoch_us(bounce.at),
        None if bounce is None else bounce.reason,
    )


def _contact_from(row: Row) -> Contact:
    return Contact(
        row[0],
        row[1],
        None if row[2] is None else Language(row[2]),
        None if row[3] is None else Bounce(from_epoch_us(row[3]), row[4]),
    )


class ContactReader(ABC):
    """Queries of a reader that can list rows."""

    @abstractmethod
    async def _list(
        self,
        convert: Callable[[Row], _T],
        query: str,
        *values: str | int | None,
        **named: str | int | None,
    ) -> list[_T]:
        """The rows of a query, as values."""

    async def contacts(self) -> Sequence[Contact]:
        """All of them, by account."""
        return await self._list(_contact_from, f"{_SELECT} ORDER BY account")

    async def contact(self, account: str) -> Contact | None:
        """That of one account."""
        found = await self._list(_contact_from, f"{_SELECT} WHERE account = ?", account)
        return found[0] if found else None
