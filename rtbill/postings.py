"""What is handed to the store: an operation for each fact, with all that its decision needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from balance import ledger
from rtbill import consequences
from rtbill.consequences import Policies
from rtbill.credit.control import CreditControl
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import PoolKey
from rtbill.domain.directory import Directory
from rtbill.domain.errors import NoRate
from rtbill.domain.ledger import Transfer
from rtbill.domain.observation import Observation
from rtbill.domain.rated import CallStatus, Facts, RatedCall
from rtbill.domain.work import Operation
from rtbill.exchanges import enforcement
from rtbill.ports import Clock
from rtbill.pricing.allowances import EMPTY_PURSE, Purse
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.bundling import Bundling


@dataclass(frozen=True, slots=True)
class Credited:
    """What became of a credit."""

    currency: str
    balance_micros: int
    is_repeated: bool
    """The key was known: this time nothing was moved."""
    transfer: Transfer
    """As it was made the first time."""


class Postings:
    """Makes operations; submits none."""

    def __init__(
        self,
        directory: Directory,
        assessor: Assessor,
        control: CreditControl,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._assessor = assessor
        self._control = control
        self._policies = policies
        self._clock = clock

    def call(
        self,
        call: RatedCall,
        settles: CallStatus | None = None,
        observed: tuple[Observation, ...] = (),
        hold_key: str = "",
    ) -> Operation:
        """The one operation that puts this call into the books."""
        at = self._clock.now()
        purse, bundling = EMPTY_PURSE, None
        pools: tuple[PoolKey, ...] = ()
        if call.account in self._assessor.allowances:
            purse, bundling = (
                self._assessor.allowances.purse(call.account, at),
                self._of(call, hold_key),
            )
            pools = all_pools(purse, bundling)
            self._assessor.allowances.reserved.end(hold_key)
        decide = partial(
            consequences.settle,
            call=call,
            policies=self._policies,
            at=at,
            reach=self._control.reach(call.account, at),
            observed=observed,
            purse=purse,
            bundling=bundling,
            hold_key=hold_key,
        )
        key = ledger.call_key(call.record.id)
        return Operation(call.account, key, decide, call.record.id, settles, pools)

    def _of(self, call: RatedCall, hold_key: str) -> Bundling | None:
        try:
            return self._assessor.bundling_of(call, hold_key)
        except NoRate:
            return None  # a tariff was replaced since it was rated

    def credit(
        self, account: str, micros: int, key: str, reason: str, *, is_correction: bool = False
    ) -> Operation:
        """Money received, or taken back below zero, or corrected either way; once for each key."""
        move = partial(
            ledger.credit,
            micros=micros,
            key=key,
            at=self._clock.now(),
            reason=reason,
            is_correction=is_correction,
        )
        return self._at_desk(account, ledger.credit_key(key), move)

    def refund(self, credited: Transfer, micros: int, key: str, reason: str) -> Operation:
        """So much of a credit of the desk given back; once for each key. Refused when less of it is
        unused.
        """
        move = partial(
            ledger.refund,
            credited=credited,
            micros=micros,
            key=key,
            at=self._clock.now(),
            reason=reason,
        )
        return self._at_desk(credited.account, ledger.refund_key(key), move)

    def _at_desk(self, account: str, key: str, move: Callable[[AccountState], Facts]) -> Operation:
        at = self._clock.now()
        purse = self._assessor.allowances.purse(account, at)
        decide = partial(
            consequences.moved_at_desk,
            move=move,
            policies=self._policies,
            at=at,
            reach=self._control.reach(account, at),
            purse=purse,
        )
        return Operation(account, key, decide, pools=purse.pools)

    def service(self, account: str) -> Operation | None:
        """Another service for the account than it has; None where it has what it shall have."""
        state, at = self._directory.state(account), self._clock.now()
        left = self._assessor.allowances.left(account, at)
        if enforcement.decide(state, self._policies.of(state), left) == state.service:
            return None
        purse = self._assessor.allowances.purse(account, at)
        decide = partial(
            consequences.reassessed,
            policies=self._policies,
            at=at,
            reach=self._control.reach(account, at),
            purse=purse,
        )
        key = f"service:{account}:{at.isoformat()}"
        return Operation(account, key, decide, pools=purse.pools)


def all_pools(purse: Purse, *bundlings: Bundling | None) -> tuple[PoolKey, ...]:
    """Those of the day, and those of each call's answer, which may be of an earlier month."""
    own = [pool for each in bundlings if each is not None for pool in each.pools]
    return tuple(dict.fromkeys((*purse.pools, *own)))
