"""Where holders of accounts are written to: the desk's order about it, and what an accounts file
changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtbill.alarms import Alarms
from rtbill.domain.changes import SetContact
from rtbill.domain.contact import Contact, checked_address, checked_language
from rtbill.domain.directory import Directory
from rtbill.domain.errors import BadRecord
from rtbill.ports import Reader, Store

ALARM = "mail"
"""Kind of the alarm about what cannot be delivered; its subject is the account."""
Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class Contacts:
    """Sets and takes away the e-mail address of an account."""

    def __init__(
        self, *, directory: Directory, alarms: Alarms, store: Store, reader: Reader
    ) -> None:
        self._directory = directory
        self._alarms = alarms
        self._store = store
        self._reader = reader

    async def order(self, arguments: Arguments) -> Answer:
        """The account's contact as it now is; `email` and `language` change it where they are
        given, and an empty `email` takes it away.
        """
        account = self._directory.account(str(arguments["account"])).id
        email, language = arguments.get("email"), arguments.get("language")
        known = await self._reader.contact(account)
        if email == "":
            await self._set(account, None)
            return {"account": account, "email": None, "language": None}
        if email is not None:
            known = Contact(account, checked_address(str(email)), known.language if known else None)
        if known is None:
            raise BadRecord(f"account {account} has no e-mail address; give it one with --email")
        if language is not None:
            known = replace(known, language=checked_language(str(language)))
        if email is not None or language is not None:
            await self._set(account, known)
        return {"account": account, "email": known.email, "language": known.language}

    async def _set(self, account: str, contact: Contact | None) -> None:
        await self._store.change(SetContact(account, contact))
        self._alarms.clear(ALARM, account)


def contact_changes(read: Sequence[Contact], known: Sequence[Contact]) -> list[Contact]:
    """The contacts that an accounts file changes; a language that it leaves out stays."""
    before = {each.account: each for each in known}
    changed = []
    for contact in read:
        old = before.get(contact.account)
        new = replace(contact, language=contact.language or old.language) if old else contact
        if old is None or new != replace(old, bounce=None):
            changed.append(new)
    return changed
