"""Accounts and who holds which extension: the desk's orders about them.

An accounts file is carried out in one transaction or not at all; opening balances follow, each
under a key of its own, so that importing the file again finishes what a crash left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from balance import ledger
from rtbill.billing import Billing
from rtbill.desk.contacts import ALARM, contact_changes
from rtbill.domain.account import Account, Membership
from rtbill.domain.changes import (
    Assign,
    Bind,
    Change,
    ChangeAccount,
    CreateAccount,
    EndMembership,
    SetContact,
    Together,
)
from rtbill.domain.errors import Conflict
from rtbill.domain.money import Money, too_fine
from rtbill.domain.payer_key import KeyKind
from rtbill.domain.pins import Pins
from rtbill.formats import accounts_csv
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store

Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class Registry:
    """Changes accounts and memberships; the directory in memory follows each commit."""

    def __init__(  # noqa: PLR0913 - each is needed, and none belongs to another
        self,
        *,
        billing: Billing,
        store: Store,
        reader: Reader,
        clock: Clock,
        wording: Wording,
        pins: Pins,
        trunks: Collection[tuple[str, str]],
    ) -> None:
        """`trunks` are pairs of exchange and trunk group."""
        self._pins = pins
        self._trunks = trunks
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording

    async def import_accounts(self, arguments: Arguments) -> Answer:
        """What the file would do, or with `apply` has done; nothing when it has problems.

        With `renames`, another person on a membership that is otherwise as the books have it is no
        conflict: that person holds the extension from now on.
        """
        read = accounts_csv.read_accounts(str(arguments["csv"]), self._wording.zone, self._pins)
        # First, so that nothing changes between the look at the directory and the changes.
        due, key_conflicts = await self._openings(read)
        renamed = self._renamed(read) if arguments.get("renames", False) else {}
        problems = [str(problem) for problem in read.problems]
        problems += self._conflicts(read, renamed)
        problems += [*self._accounts_unfit(read), *_openings_too_fine(read)]
        problems += [
            f"{each.subject} is not in config.toml"
            for each in read.bindings
            if each.key.kind is KeyKind.TRUNK and (each.key.pbx, each.key.value) not in self._trunks
        ]
        answer: Answer = {"created": [], "changed": [], "assigned": [], "renamed": []}
        answer |= {"contacts": [], "credited": [], "problems": problems}
        if problems:
            return answer
        changes = self._changes(read, renamed, answer)
        contacts = contact_changes(read.contacts, await self._reader.contacts())
        answer["contacts"] = [f"{each.account} {each.email}" for each in contacts]
        problems += key_conflicts
        if not arguments.get("apply", False):
            answer["credited"] = [f"{account} {amount}" for account, amount in due.items()]
            return answer
        if changes or contacts:
            changes += [SetContact(each.account, each) for each in contacts]
            await self._store.change(Together(tuple(changes)))
        await self._follow()
        for contact in contacts:
            self._billing.alarms.clear(ALARM, contact.account)
        for membership in read.memberships:
            self._billing.alarms.clear("house", str(membership.extension))
        for account, amount in due.items():
            await self._open_with(account, amount, answer)
        await self._billing.reassess([*answer["created"], *answer["changed"]])
        return answer

    async def group_add(self, arguments: Arguments) -> Answer:
        """The extension belongs to the account from an instant on."""
        account = self._billing.directory.account(str(arguments["account"]))
        membership = Membership(
            account=account.id,
            extension=self._wording.extension(arguments["extension"]),
            valid_from=self._wording.instant(arguments.get("from"), self._clock.now()),
            person=arguments.get("person") or None,
        )
        await self._store.change(Assign(membership, bool(arguments.get("move", False))))
        await self._follow()
        self._billing.alarms.clear("house", str(membership.extension))
        return {"account": account.id, "extension": str(membership.extension)}

    async def group_remove(self, arguments: Arguments) -> Answer:
        """The extension no longer belongs to the account from an instant on."""
        account = self._billing.directory.account(str(arguments["account"]))
        extension = self._wording.extension(arguments["extension"])
        at = self._wording.instant(arguments.get("from"), self._clock.now())
        await self._store.change(EndMembership(account.id, extension, at))
        await self._follow()
        return {"account": account.id, "extension": str(extension), "until": at.isoformat()}

    def _renamed(self, read: accounts_csv.AccountsFile) -> dict[Membership, Membership]:
        """Memberships of the file that differ from those of the books in nothing but the person,
        with those of the books; not what is over.
        """
        now = self._clock.now()
        return {
            membership: known
            for membership in read.memberships
            for known in self._billing.directory.memberships_of(membership.extension)
            if membership != known
            and membership == replace(known, person=membership.person)
            and (known.valid_until is None or now < known.valid_until)
        }

    def _changes(
        self,
        read: accounts_csv.AccountsFile,
        renamed: Mapping[Membership, Membership],
        answer: Answer,
    ) -> list[Change]:
        directory = self._billing.directory
        changes: list[Change] = []
        for account in read.accounts:
            if not directory.knows(account.id):
                changes.append(CreateAccount(account))
                answer["created"].append(account.id)
            elif directory.account(account.id) != account:
                changes.append(ChangeAccount(account))
                answer["changed"].append(account.id)
        for membership in read.memberships:
            if known := renamed.get(membership):
                begins = max(known.valid_from, self._clock.now())
                changes.append(Assign(replace(membership, valid_from=begins), move=True))
                answer["renamed"].append(
                    f"{membership.extension} from {known.person or 'nobody'} to "
                    f"{membership.person or 'nobody'}"
                )
            elif membership not in directory.memberships_of(membership.extension):
                changes.append(Assign(membership))
                answer["assigned"].append(f"{membership.extension} to {membership.account}")
        return changes + self._key_changes(read, answer)

    def _key_changes(self, read: accounts_csv.AccountsFile, answer: Answer) -> list[Change]:
        changes: list[Change] = []
        for binding in read.bindings:
            if binding not in self._billing.directory.bindings_of(binding.key):
                changes.append(Bind(binding))
                answer["assigned"].append(f"{binding.subject} to {binding.account}")
        return changes

    async def _follow(self) -> None:
        """The directory is brought up to what the store now holds, and rounds look at it."""
        directory = self._billing.directory
        for state in await self._reader.accounts():
            if directory.knows(state.account.id):
                directory.change_terms(state.account)
            else:
                directory.put(state)
        directory.replace_memberships(await self._reader.memberships())
        directory.replace_bindings(await self._reader.bindings())
        self._billing.reassign()
        self._billing.wake()

    async def _openings(
        self, read: accounts_csv.AccountsFile
    ) -> tuple[dict[str, Money], list[str]]:
        """The opening balances that are still to be credited, by account, and what is to be said
        of those whose key stands for another credit. A transfer is for ever, and so is its finding.
        """
        wanted = {
            each.id: Money(read.opening_micros[each.id], each.currency)
            for each in read.accounts
            if read.opening_micros.get(each.id)
        }
        keys = {account: ledger.credit_key(_opening_key(account)) for account in wanted}
        made = await self._reader.transfers_by_key(list(keys.values()))
        due = {account: wanted[account] for account, key in keys.items() if key not in made}
        return due, [
            f"account {account}: opening balance: {Money(first.change_micros, first.currency)} "
            f"were credited to {first.account} before (key {_opening_key(account)}), so "
            f"{wanted[account]} are not; leave it empty, and credit what is missing with "
            f"`rtbill credit {account}`"
            for account, key in keys.items()
            if (first := made.get(key)) is not None
            and (first.account, first.change_micros) != (account, wanted[account].micros)
        ]

    async def _open_with(self, account: str, amount: Money, answer: Answer) -> None:
        try:
            credited = await self._billing.credit(
                account, amount.micros, _opening_key(account), "opening balance"
            )
        except Conflict as other_amount:
            # The rest of the file is good: what stands in it is carried out.
            answer["problems"].append(f"account {account}: opening balance: {other_amount}")
            return
        if not credited.is_repeated:
            answer["credited"].append(f"{account} {amount}")

    def _conflicts(
        self, read: accounts_csv.AccountsFile, renamed: Mapping[Membership, Membership]
    ) -> list[str]:
        return [
            f"{membership.extension} already belongs to {other.account} from "
            f"{other.valid_from.astimezone(self._wording.zone):%F}; move it with "
            f"`rtbill group add {membership.account} {membership.extension} --move`"
            for membership in read.memberships
            for other in self._billing.directory.memberships_of(membership.extension)
            if other not in (membership, renamed.get(membership)) and membership.overlaps(other)
        ] + [
            f"{binding.subject} already stands for {other.account} from "
            f"{other.valid_from.astimezone(self._wording.zone):%F}; end that first with "
            f"`rtbill group remove-{binding.key.kind}`"
            for binding in read.bindings
            for other in self._billing.directory.bindings_of(binding.key)
            if other != binding and binding.overlaps(other)
        ]

    def _accounts_unfit(self, read: accounts_csv.AccountsFile) -> list[str]:
        return [problem for account in read.accounts for problem in self._unfit(account)]

    def _unfit(self, account: Account) -> list[str]:
        problems = []
        classes = self._billing.policies.names()
        if account.account_class not in classes:
            problems.append(
                f"account {account.id}: class {account.account_class!r} is not in config.toml; "
                f"known are {', '.join(classes)}"
            )
        if self._billing.directory.knows(account.id):
            old = self._billing.directory.account(account.id)
            if old.currency != account.currency:
                problems.append(
                    f"account {account.id} is kept in {old.currency}, not {account.currency}; "
                    "an account's currency never changes"
                )
        return problems


def _opening_key(account: str) -> str:
    """Of the one credit that an account may begin with."""
    return f"opening:{account}"


def _openings_too_fine(read: accounts_csv.AccountsFile) -> list[str]:
    currencies = {account.id: account.currency for account in read.accounts}
    return [
        f"account {account}: opening balance {problem}"
        for account, micros in read.opening_micros.items()
        if (problem := too_fine(Money(micros, currencies[account])))
    ]
