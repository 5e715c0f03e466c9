"""Codes, PINs and trunks of the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtbill.domain.changes import Bind, Unbind
from rtbill.domain.payer_key import Binding, PayerKey
from rtbill.storage.checks import Reassignment, assigned, ended


class MemoryBindings:
    """What stands for an account, and what becomes of it."""

    def __init__(self) -> None:
        self._bindings: list[Binding] = []

    def change(self, change: Bind | Unbind, account: Callable[[str], object]) -> None:
        """As the change says; Refused, Conflict, or what `account` raises of an unknown one."""
        if isinstance(change, Bind):
            account(change.binding.account)
            kept = self._of(change.binding.key)
            self._take(assigned(kept, change.binding, move=change.move))
        else:
            kept = self._of(change.key)
            self._take(ended(kept, change.account, str(change.key), change.at))

    def all(self) -> Sequence[Binding]:
        """By account."""
        return sorted(self._bindings, key=lambda each: (each.account, each.key, each.valid_from))

    def copy(self) -> list[Binding]:
        """To be given back to `restore`."""
        return list(self._bindings)

    def restore(self, bindings: list[Binding]) -> None:
        """As it was."""
        self._bindings = bindings

    def _of(self, key: PayerKey) -> list[Binding]:
        return [each for each in self._bindings if each.key == key]

    def _take(self, result: Reassignment[Binding]) -> None:
        if result.removed is not None:
            self._bindings.remove(result.removed)
        self._bindings += result.added


class BindingsReader:
    """The part of ports.Reader about them."""

    _bindings: MemoryBindings

    async def bindings(self) -> Sequence[Binding]:
        """Every code, PIN and trunk, by account."""
        return self._bindings.all()
