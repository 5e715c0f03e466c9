"""Who holds which extension at an instant, and what each account last stood at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from rtbill.domain.account import Account, AccountState, Extension, Membership
from rtbill.domain.errors import UnknownAccount
from rtbill.domain.payer_key import Binding, PayerKey


class Directory:
    """Accounts and memberships in memory: the latest committed copy of what the store holds."""

    def __init__(
        self,
        states: Iterable[AccountState] = (),
        memberships: Iterable[Membership] = (),
        bindings: Iterable[Binding] = (),
    ) -> None:
        self._states: dict[str, AccountState] = {}
        self._holding: set[str] = set()
        self._by_extension: dict[Extension, list[Membership]] = {}
        self._by_account: dict[str, list[Membership]] = {}
        self._by_key: dict[PayerKey, list[Binding]] = {}
        self._watchers: list[Callable[[AccountState], None]] = []
        for state in states:
            self.put(state)
        for membership in memberships:
            self.assign(membership)
        self.replace_bindings(bindings)

    def watch(self, watcher: Callable[[AccountState], None]) -> None:
        """Have it told, at once, of each account whose money or holds are other than before."""
        self._watchers.append(watcher)

    def put(self, state: AccountState) -> bool:
        """Take over what is newer in a committed state: its money, its holds, its grace; whether
        any of it was. Terms that are here stay: they change by `change_terms` alone, and the state
        may be from before.
        """
        known = self._states.get(state.account.id)
        if known is None:
            self._keep(state)
            return True
        money = state if state.version > known.version else known
        held = state if state.hold_steps > known.hold_steps else known
        grace = state if state.grace_steps > known.grace_steps else known
        if money is known and held is known and grace is known:
            return False
        self._keep(
            AccountState(
                known.account,
                money.balance_micros,
                money.version,
                money.service,
                held.holds,
                held.hold_steps,
                money.is_told_low,
                grace.grace_micros,
                grace.grace_steps,
            )
        )
        return True

    def _keep(self, state: AccountState) -> None:
        self._states[state.account.id] = state
        if state.holds:
            self._holding.add(state.account.id)
        else:
            self._holding.discard(state.account.id)
        for watcher in self._watchers:
            watcher(state)

    def put_service(self, state: AccountState) -> None:
        """Take over the service of a state in which no money moved, unless more moved since."""
        known = self.state(state.account.id)
        if state.version >= known.version:
            self._states[state.account.id] = known._replace(service=state.service)

    def change_terms(self, account: Account) -> None:
        """The account has new terms; its balance stays."""
        self._states[account.id] = self.state(account.id)._replace(account=account)

    def knows(self, account: str) -> bool:
        """Whether there is such an account."""
        return account in self._states

    def state(self, account: str) -> AccountState:
        """The account's latest committed state; UnknownAccount names it."""
        try:
            return self._states[account]
        except KeyError:
            raise UnknownAccount(
                f"there is no account {account!r}; `rtbill accounts list` shows them"
            ) from None

    def holding(self) -> list[AccountState]:
        """Accounts with open holds."""
        return [self._states[key] for key in sorted(self._holding)]

    def account(self, account: str) -> Account:
        """The account's terms."""
        return self.state(account).account

    def states(self) -> list[AccountState]:
        """Every account, by id."""
        return [self._states[key] for key in sorted(self._states)]

    def replace_memberships(self, memberships: Iterable[Membership]) -> None:
        """Forget all memberships and take these."""
        self._by_extension.clear()
        self._by_account.clear()
        for membership in memberships:
            self.assign(membership)

    def assign(self, membership: Membership) -> None:
        """Add one membership, known not to overlap another."""
        self._by_extension.setdefault(membership.extension, []).append(membership)
        self._by_account.setdefault(membership.account, []).append(membership)

    def holder(self, extension: Extension, at: datetime) -> Membership | None:
        """The membership that covers the extension at this instant (CA-08: the answer time)."""
        for membership in self._by_extension.get(extension, ()):
            if membership.covers(at):
                return membership
        return None

    def extensions_held(self, at: datetime, pbx: str) -> list[Membership]:
        """Each extension of the exchange that some account holds at this instant."""
        held = []
        for extension, memberships in self._by_extension.items():
            if extension.pbx == pbx:
                held += [membership for membership in memberships if membership.covers(at)]
        return held

    def numbers_at(self, pbx: str) -> list[str]:
        """Every extension of the exchange that some account holds at some time."""
        return [each.number for each in self._by_extension if each.pbx == pbx]

    def extensions_of(self, account: str, at: datetime) -> list[Extension]:
        """Every extension that the account holds at this instant, on any exchange."""
        held = self._by_account.get(account, ())
        return [membership.extension for membership in held if membership.covers(at)]

    def memberships_of(self, extension: Extension) -> Sequence[Membership]:
        """All of one extension, past and future."""
        return self._by_extension.get(extension, ())

    def memberships(self) -> list[Membership]:
        """All of them, past and future."""
        return [each for group in self._by_extension.values() for each in group]

    def replace_bindings(self, bindings: Iterable[Binding]) -> None:
        """Forget all codes, PINs and trunks, and take these."""
        self._by_key.clear()
        for binding in bindings:
            self._by_key.setdefault(binding.key, []).append(binding)

    def bound(self, key: PayerKey, at: datetime) -> Binding | None:
        """What the key stands for at this instant."""
        for binding in self._by_key.get(key, ()):
            if binding.covers(at):
                return binding
        return None

    def bindings_of(self, key: PayerKey) -> Sequence[Binding]:
        """All of one key, past and future."""
        return self._by_key.get(key, ())

    def bindings(self) -> list[Binding]:
        """All of them, past and future."""
        return [each for group in self._by_key.values() for each in group]
