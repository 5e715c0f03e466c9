"""FreePBX's list of extensions, as its Bulk Handler exports it, with columns of ours beside it: CSV
text to accounts and memberships.

    extension,password,name,voicemail,…,tech,dial,…,secret,…,rtbill_account,rtbill_opening_balance
    1001,,"Brandt, Lena",default,…,pjsip,PJSIP/1001,…,(a secret),…,,10.00
    2001,,Ines Keller,novm,…,pjsip,PJSIP/2001,…,(a secret),…,office,

The first row names the columns: those of the exchange's core and of every module that has something
to say about an extension, in no fixed order and differing from one installation to the next. We
read `extension`, `name`, `description` (the device's) and `tech`; passwords of telephones and
mailboxes stand beside them and go no further than this module. PHP writes it: fields in quotes
where they hold a blank, a comma, a quote or a line break, lines end in LF; a spreadsheet may have
saved it since, with CRLF, semicolons or a byte order mark. `tech` is `virtual` for an extension
without a telephone. A module may add rows that have no extension.

The columns `rtbill_…` are the operator's, all of them optional. What a row leaves empty stays as it
is for an account that the books know, and comes from the defaults for a new one; so the same file,
grown by a few rooms, can be imported again and changes only what is new, and names. Specified by
`bulkhandlerExport` in FreePBX core (`Core.class.php`) and by the module bulkhandler, 16.0 and 17.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from rtbill.domain.account import Extension, Membership
from rtbill.domain.csv_rows import CsvRow, CsvTable, Problem, read_table
from rtbill.domain.extension_pattern import matches
from rtbill.formats.accounts_csv import AccountsFile, Reading, read_rows
from rtbill.formats.freepbx_accounts import Defaults, Phone, Standing, account_rows, begins

OURS = (
    *("rtbill_account", "rtbill_kind", "rtbill_class", "rtbill_tariff", "rtbill_credit_limit"),
    *("rtbill_opening_balance", "rtbill_from", "rtbill_person"),
)
SECRET_COLUMNS = frozenset({"secret", "password", "voicemail_vmpwd", "devicedata", "md5_cred"})
"""Some of those that hold what opens a telephone or a mailbox."""
_REQUIRED = ("extension", "name")
_OPTIONAL = ("description", "tech", *OURS)
_CALLED = {name.removeprefix("rtbill_"): name for name in OURS} | {"pbx": "--pbx"}
_OTHER_EXPORTS = {
    "trunks": {"trunk_name"},
    "DIDs (inbound routes)": {"cidnum", "destination"},
    "User Manager users": {"username", "default_extension"},
    "User Manager groups": {"groupname"},
}
"""What else Bulk Handler exports, by columns that an export of extensions does not have."""
_NUMBERS_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which rows are wanted, and which of them are no surprise."""

    only: Sequence[str] = ()
    """Patterns of extensions to import, `x` is any digit: 1xxx; none: all."""
    internal: Sequence[str] = ()
    """Patterns of the site's own extensions."""


@dataclass(frozen=True, slots=True)
class Export:
    """What the exchange's list comes to."""

    accounts: AccountsFile
    """Memberships that the books hold already keep their dates; only the person may differ."""
    warnings: tuple[str, ...]
    has_secrets: bool
    """The file holds passwords."""


@dataclass(slots=True)
class _Findings:
    """What is to be said about the file."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, line: int, text: str) -> None:
        """Note what an operator should look at, by line."""
        self.warnings.append(f"line {line}: {text}")


def read_export(
    text: str, zone: ZoneInfo, defaults: Defaults, standing: Standing, choice: Choice
) -> Export:
    """What FreePBX's list of extensions means for the books, or its problems by line and column."""
    table = read_table(text, _REQUIRED, _OPTIONAL, others_left_out=True)
    said = _Findings(_header_problems(table) or list(table.problems))
    phones = _phones(table.rows, defaults, standing, choice, said)
    if not phones and not said.problems:
        wanted = f"matches {' or '.join(choice.only)}" if choice.only else "has an extension"
        said.problems.append(Problem(1, f"no row below the header {wanted}"))
    rows = account_rows(phones, defaults, standing)
    accounts = read_rows(rows, said.problems, Reading(zone, table.decimal_comma, called=_CALLED))
    said.warnings += _remarks(phones, defaults.pbx, standing, choice)
    has_secrets = not SECRET_COLUMNS.isdisjoint(table.columns)
    return Export(accounts, tuple(said.warnings), has_secrets)


def _header_problems(table: CsvTable) -> list[Problem]:
    """What is wrong with the columns. They are not repeated: a file without a header has secrets
    where their names should be.
    """
    columns = set(table.columns)
    if not columns or columns.issuperset(_REQUIRED):
        known = ", ".join(OURS)
        return [
            Problem(1, f"unknown column {name!r}; ours are {known}")
            for name in sorted(columns)
            if name.startswith("rtbill") and name not in OURS
        ]
    for other, marks in _OTHER_EXPORTS.items():
        if columns.issuperset(marks):
            text = f"this is the export of {other}; choose Extensions in FreePBX's Bulk Handler"
            return [Problem(1, text)]
    missing = " and ".join(repr(name) for name in _REQUIRED if name not in columns)
    text = f"no column {missing}: this is no export of extensions by FreePBX's Bulk Handler"
    return [Problem(1, text)]


def _phones(
    rows: Iterable[CsvRow], defaults: Defaults, standing: Standing, choice: Choice, said: _Findings
) -> list[Phone]:
    held, ended = _by_extension(standing)
    phones = []
    for row in rows:
        number = row.cells["extension"]
        extension = Extension(defaults.pbx, number)
        if not number:
            said.warn(row.line, "has no extension and was left out")
        elif choice.only and not matches(number, choice.only):
            continue
        elif extension in ended and extension not in held and not begins(row, defaults):
            before = ended[extension]
            said.warn(
                row.line,
                f"{extension} was taken from account {before.account} on "
                f"{before.valid_until:%Y-%m-%d} and stays without one; write rtbill_from to give "
                "it one again",
            )
        else:
            phone = _phone(row, extension, held.get(extension), defaults, said)
            said.problems += _taken_ids(phone, standing)
            phones.append(phone)
    return phones


def _phone(
    row: CsvRow, extension: Extension, now: Membership | None, defaults: Defaults, said: _Findings
) -> Phone:
    cells = row.cells
    name = cells["rtbill_person"] or cells["name"] or cells["description"] or extension.number
    person = _printable(name)
    if not name.isprintable():
        said.warn(row.line, "control characters in the name became blanks")
    own = defaults.account(extension)
    account = cells["rtbill_account"] or (now.account if now else own)
    kept = now if now is not None and now.account == account else None
    is_moved = not cells["rtbill_account"] and account != own
    phone = Phone(row, extension, person or extension.number, account, kept, is_moved)
    if ignored := phone.terms_ignored():
        mend = f"write {account} into rtbill_account"
        if account.endswith(extension.number):
            mend += " (or give --account-prefix)"
        said.warn(
            row.line,
            f"ignored {' and '.join(ignored)}: {extension} belongs to account {account}, not to "
            f"{own}; {mend} if {account} is meant",
        )
    return phone


def _by_extension(
    standing: Standing,
) -> tuple[dict[Extension, Membership], dict[Extension, Membership]]:
    """The membership of each extension that holds now or begins next, and the last that is over."""
    held: dict[Extension, Membership] = {}
    ended: dict[Extension, Membership] = {}
    for membership in sorted(standing.memberships, key=lambda each: each.valid_from):
        if standing.will_hold(membership):
            held.setdefault(membership.extension, membership)
        else:
            ended[membership.extension] = membership
    return held, ended


def _taken_ids(phone: Phone, standing: Standing) -> list[Problem]:
    """A number that another exchange has too must not be billed together with it unasked."""
    if phone.given("account") or phone.held is not None or phone.account not in standing.accounts:
        return []
    others = [
        each.extension
        for each in standing.memberships
        if each.account == phone.account
        and each.extension != phone.extension
        and standing.will_hold(each)
    ]
    if not others:
        return []
    text = (
        f"account {phone.account} belongs to {others[0]} already; give --account-prefix, or write "
        "the account into rtbill_account to bill both together"
    )
    return [Problem(phone.row.line, text)]


def _printable(name: str) -> str:
    """The name on one line without characters that a terminal or a statement would obey."""
    return " ".join("".join(each if each.isprintable() else " " for each in name).split())


def _remarks(phones: Sequence[Phone], pbx: str, standing: Standing, choice: Choice) -> list[str]:
    """What an operator should look at, none of which is wrong by itself."""
    numbers = {phone.extension.number for phone in phones}
    outside = [each for each in numbers if choice.internal and not matches(each, choice.internal)]
    virtual = [
        phone.extension.number for phone in phones if phone.row.cells["tech"].lower() == "virtual"
    ]
    vanished = [
        each.extension.number
        for each in standing.memberships
        if each.extension.pbx == pbx
        and each.extension.number not in numbers
        and standing.will_hold(each)
        and (not choice.only or matches(each.extension.number, choice.only))
    ]
    said = (
        (outside, "not of a pattern in site.internal (config.toml); add one if they are yours"),
        (virtual, "without a telephone (virtual): they pay only for what they forward outside"),
        (vanished, "in the books and not in this file; `rtbill group remove` ends a membership"),
    )
    return [f"{_listed(found)}: {text}" for found, text in said if found and phones]


def _listed(numbers: Iterable[str]) -> str:
    every = sorted(set(numbers))
    shown = ", ".join(every[:_NUMBERS_SHOWN_MAX])
    more = len(every) - _NUMBERS_SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
