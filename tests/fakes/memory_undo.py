"""Taking back changes of the in-memory store of which one was refused: all of them or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.memory_store import MemoryStore


def as_it_is(store: MemoryStore) -> Callable[[], None]:
    """What puts the store back to how it now is, as far as changes concern it."""
    accounts, memberships = dict(store._accounts), list(store._memberships)
    tariffs, plans = list(store._tariffs), list(store._plans)
    bindings, contacts = store._bindings.copy(), dict(store._contacts.by_account)
    bundles, given = list(store._bundles.bundles), dict(store._bundles.given)
    payments = store._payments.copy()

    def put_back() -> None:
        store._accounts.clear()
        store._accounts |= accounts
        store._memberships = memberships
        store._tariffs, store._plans = tariffs, plans
        store._bindings.restore(bindings)
        store._contacts.by_account = contacts
        store._bundles.bundles, store._bundles.given = bundles, given
        store._payments = payments

    return put_back
