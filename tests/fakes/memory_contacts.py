"""Contacts of the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rtbill.domain.changes import NoteBounce, NoteMailTaken, SetContact
from rtbill.domain.contact import Bounce, Contact


class MemoryContacts:
    """Who is written to where."""

    def __init__(self) -> None:
        self.by_account: dict[str, Contact] = {}

    def change(
        self, change: SetContact | NoteBounce | NoteMailTaken, account: Callable[[str], object]
    ) -> None:
        """As the change says, or what `account` raises of an unknown one."""
        match change:
            case SetContact(name, contact):
                account(name)
                if contact is None:
                    self.by_account.pop(name, None)
                else:
                    self.by_account[name] = contact
            case NoteBounce(name, email, bounce):
                self._note(name, email, bounce)
            case NoteMailTaken(name, email):
                self._note(name, email, None)

    def _note(self, account: str, email: str, bounce: Bounce | None) -> None:
        known = self.by_account.get(account)
        if known is not None and known.email == email:
            self.by_account[account] = replace(known, bounce=bounce)


class ContactsReader:
    """The part of ports.Reader about them."""

    _contacts: MemoryContacts

    async def contacts(self) -> Sequence[Contact]:
        """All of them, by account."""
        return [each for _, each in sorted(self._contacts.by_account.items())]

    async def contact(self, account: str) -> Contact | None:
        """That of one account."""
        return self._contacts.by_account.get(account)
