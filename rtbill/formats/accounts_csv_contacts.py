"""E-mail address and language in an accounts file: columns `email` and `language`, each of the
row's account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtbill.domain.contact import Contact, Language, checked_address, checked_language
from rtbill.domain.csv_rows import CsvRow, Problem
from rtbill.domain.errors import BadRecord

CONTACT_COLUMNS = ("email", "language")


def read_contacts(rows: Sequence[CsvRow]) -> tuple[list[Contact], list[Problem]]:
    """The contacts of accounts, in order of their first rows, and what is wrong with any; later
    rows of an account repeat its contact or leave it empty.
    """
    first: dict[str, tuple[int, Contact]] = {}
    problems = []
    for row in rows:
        if not any(row.cells.get(column) for column in CONTACT_COLUMNS):
            continue
        try:
            contact = _contact(row.cells)
        except BadRecord as wrong:
            problems.append(Problem(row.line, str(wrong)))
            continue
        line, known = first.setdefault(contact.account, (row.line, contact))
        if known != contact:
            text = f"account {contact.account!r} has another email or language than in line {line}"
            problems.append(Problem(row.line, text))
    return [contact for _, contact in first.values()], problems


def _contact(cells: Mapping[str, str]) -> Contact:
    email, language = cells.get("email", ""), cells.get("language", "")
    if not email:
        raise BadRecord(f"language {language!r} is given, but no email")
    spoken: Language | None = checked_language(language) if language else None
    return Contact(cells["account"], checked_address(email), spoken)


def contact_cells(contact: Contact | None) -> dict[str, str]:
    """The cells of an export."""
    if contact is None:
        return {}
    return {"email": contact.email, "language": contact.language or ""}
