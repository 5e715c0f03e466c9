"""What the store is given to do: pure decisions about one account, which it makes durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rtbill.domain.account import AccountState
from rtbill.domain.bundle import PoolKey, Pools
from rtbill.domain.call import CallId
from rtbill.domain.ledger import Transfer
from rtbill.domain.rated import CallStatus, Facts, RatedCall, Repriced
from rtbill.domain.top_up import PaymentState


class Operation(NamedTuple):
    """One change of one account: a key, and a pure function from its state and the use of pools."""

    account: str
    key: str
    """`call:<call id>` or `credit:<key>`; a known key changes nothing and returns the first result.
    """
    decide: Callable[[AccountState, Pools], Facts]
    """As all work before it leaves them, also of the same commit."""
    call: CallId | None = None
    """Set when the operation settles a call: its key is looked up among calls, and its live row is
    closed.
    """
    settles: CallStatus | None = None
    """When set, the call must exist with this status (unrated, unconfirmed) and is replaced by the
    new row.
    """
    pools: tuple[PoolKey, ...] = ()
    """What it decides on, and may draw from."""


class Holding(NamedTuple):
    """A step of a hold of one account. No key tells whether it was done: the open holds themselves
    do, so a step that comes again changes nothing.
    """

    account: str
    decide: Callable[[AccountState], Facts]


@dataclass(frozen=True, slots=True)
class TopUpStep:
    """A step of a top-up of one account. No key tells whether it was done: the top-up's own row
    does, so a step that comes again changes nothing.
    """

    account: str
    reference: str
    """Of the top-up, which the step may begin; unique over all accounts."""
    decide: Callable[[AccountState, PaymentState, Pools], Facts]
    """As all work before it leaves them, also of the same commit. Its facts name their `paying`."""
    pools: tuple[PoolKey, ...] = ()
    """As of an operation."""


@dataclass(frozen=True, slots=True)
class Repricing:
    """A slice of a run: some calls of one account get newer prices, in order of their answers.

    Known are the run and the call: what was done before is left out, and nothing is done twice.
    """

    run: int
    account: str
    calls: tuple[Repriced, ...]
    is_last: bool
    """The account's part of the run is done with it."""
    decide: Callable[[AccountState, Sequence[Repriced], Pools], Facts]
    """From the state, the calls that are not yet done, and the use of pools, on which it may change
    its mind about them.
    """
    pools: tuple[PoolKey, ...] = ()
    """As of an operation."""


class Committed(NamedTuple):
    """The durable result of an operation."""

    facts: Facts | None
    """None when the key was known: nothing was changed."""
    first: Transfer | None
    """For a known key, the transfer it made the first time (None when it made none)."""
    first_call: RatedCall | None = None
    """For a known call, what the books hold."""
