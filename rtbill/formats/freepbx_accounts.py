"""What telephones of an exchange come to as accounts, beside what the books hold: terms, names and
dates of each, as rows of an accounts file.

What a row leaves empty stays as it is for an account that the books know, and comes from the
defaults for a new one. A row without `rtbill_account` was written for the account of the
extension's own number: while another one holds the extension, nothing of that one is changed but
the person at the telephone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.account import Account, AccountKind, Extension, Membership
from rtbill.domain.call import EPOCH
from rtbill.domain.csv_rows import CsvRow
from rtbill.domain.money import decimal_text
from rtbill.formats.accounts_csv import COLUMNS

_TERMS = ("kind", "credit_limit", "class", "tariff", "opening_balance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every new account of the file that does not say otherwise."""

    pbx: str
    currency: str
    kind: AccountKind = AccountKind.PREPAID
    account_class: str = "standard"
    tariff: str = ""
    valid_from: str = ""
    """A day as people write it; empty: always."""
    account_prefix: str = ""
    """Before the extension's number, this makes the account's id."""

    def account(self, extension: Extension) -> str:
        """Id of the account that an extension has of its own."""
        return self.account_prefix + extension.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the books hold already, at an instant."""

    at: datetime
    accounts: Mapping[str, Account]
    memberships: Sequence[Membership]

    def will_hold(self, membership: Membership) -> bool:
        """Whether the membership is not over."""
        return membership.valid_until is None or self.at < membership.valid_until


@dataclass(frozen=True, slots=True)
class Phone:
    """One row that is wanted."""

    row: CsvRow
    extension: Extension
    person: str
    account: str
    held: Membership | None
    """What the books hold for the extension now or from some day on, if it stays so."""
    is_moved: bool
    """Another account than the extension's own holds it, and the row does not name that account."""

    def given(self, column: str) -> str:
        """Our own column of this row."""
        return self.row.cells[f"rtbill_{column}"]

    def terms(self) -> dict[str, str]:
        """What the row says of the account's terms and opening balance, by our columns: those of an
        account that it does not mean are none.
        """
        return {} if self.is_moved else self._terms_written()

    def terms_ignored(self) -> list[str]:
        """The columns of the file that are filled in for another account than this one."""
        return [f"rtbill_{column}" for column in self._terms_written()] if self.is_moved else []

    def _terms_written(self) -> dict[str, str]:
        return {column: self.given(column) for column in _TERMS if self.given(column)}


def account_rows(phones: Sequence[Phone], defaults: Defaults, standing: Standing) -> list[CsvRow]:
    """The rows of an accounts file, each with the line that it comes from."""
    terms = _terms(phones, defaults, standing)
    rows, seen = [], set()
    for phone in phones:
        cells = dict.fromkeys(COLUMNS, "") | {
            "account": phone.account,
            "pbx": phone.extension.pbx,
            "extension": phone.extension.number,
            "person": phone.person,
        }
        if phone.held is None:
            cells["from"] = begins(phone.row, defaults)
        else:
            cells |= _dates(phone.held)
        first = {} if phone.account in seen else terms[phone.account]
        seen.add(phone.account)
        rows.append(CsvRow(phone.row.line, cells | first | phone.terms()))
    return rows


def _terms(
    phones: Sequence[Phone], defaults: Defaults, standing: Standing
) -> dict[str, dict[str, str]]:
    """The account columns of each account: the first that a row gives, else as the books have them,
    else the defaults.
    """
    given: dict[str, dict[str, str]] = {}
    for phone in phones:
        cells = given.setdefault(phone.account, {})
        for column, cell in phone.terms().items():
            cells.setdefault(column, cell)
    terms = {}
    for account, name in _names(phones, standing).items():
        known = standing.accounts.get(account)
        otherwise = _known_terms(known) if known else _default_terms(defaults)
        if given[account].get("kind", "").lower() == AccountKind.PREPAID:
            otherwise["credit_limit"] = ""
        terms[account] = otherwise | given[account] | {"name": name}
    return terms


def _known_terms(account: Account) -> dict[str, str]:
    limit = decimal_text(account.credit_limit_micros) if account.credit_limit_micros else ""
    return {
        "kind": account.kind,
        "currency": account.currency,
        "credit_limit": limit,
        "class": account.account_class,
        "tariff": account.tariff,
    }


def _default_terms(defaults: Defaults) -> dict[str, str]:
    return {
        "kind": defaults.kind,
        "currency": defaults.currency,
        "credit_limit": "",
        "class": defaults.account_class,
        "tariff": defaults.tariff,
    }


def _names(phones: Sequence[Phone], standing: Standing) -> dict[str, str]:
    """Name by account: the person's, where the account has one extension and no other, its own or
    one that names it; else its own or, when new, its id.
    """
    members = Counter(phone.account for phone in phones)
    here = {phone.extension for phone in phones}
    elsewhere = {
        each.account
        for each in standing.memberships
        if each.extension not in here and standing.will_hold(each)
    }
    names: dict[str, str] = {}
    for phone in phones:
        known = standing.accounts.get(phone.account)
        is_alone = members[phone.account] == 1 and phone.account not in elsewhere
        if is_alone and not phone.is_moved:
            names[phone.account] = phone.person
        else:
            names.setdefault(phone.account, known.name if known else phone.account)
    return names


def begins(row: CsvRow, defaults: Defaults) -> str:
    """The day from which a new account holds the extension of this row; empty: always."""
    return row.cells["rtbill_from"] or defaults.valid_from


def _dates(held: Membership) -> dict[str, str]:
    """The same dates again, exactly."""
    return {
        "from": "" if held.valid_from == EPOCH else held.valid_from.isoformat(),
        "until": held.valid_until.isoformat() if held.valid_until else "",
    }
