"""The only module that makes transfers. Pure: an account's state and a fact in, facts out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rtbill.domain.account import Account, AccountState
from rtbill.domain.call import CallId
from rtbill.domain.errors import Refused
from rtbill.domain.ledger import CASH, CORRECTIONS, OVERSPEND, REVENUE, Transfer, TransferKind
from rtbill.domain.money import Money
from rtbill.domain.rated import CallStatus, Facts, PricedCall, RatedCall, Repriced


def call_key(call: CallId) -> str:
    """The key under which a call is posted, once for ever (LG-03)."""
    return f"call:{call}"


def credit_key(key: str) -> str:
    """The key of a credit whose giver chose `key`."""
    return f"credit:{key}"


def refund_key(key: str) -> str:
    """The key of what is given back at the desk, where the giver chose `key`."""
    return f"refunded:{key}"


def absorbed_key(call: CallId) -> str:
    """The key of what is given back of a call that was ended too late."""
    return f"absorbed:{call}"


def rerate_key(run: int, account: str, call: str) -> str:
    """The key under which this run debits the call, `pbx/leg`, anew, or adjusts its invoice. The
    account keeps keys of one slice beside each other in the store's index, no more.
    """
    return f"rerate:{run}:{account}:{call}"


def reversal_key(run: int, account: str, call: str) -> str:
    """The key under which this run takes the call's old debit back."""
    return f"rerate:{run}:{account}:{call}:back"


def post_call(state: AccountState, call: RatedCall) -> Facts:
    """The call enters the books; a rated call debits the account its price, less what bundles of
    money pay of it, where that is above zero.

    The balance may fall below its floor: a call that was made is owed, whatever it cost.
    """
    if call.status is not CallStatus.RATED:
        return Facts(state, call)
    price = call.price
    assert price is not None, "a rated call has a price"
    assert price.micros >= 0
    assert price.currency == state.account.currency, "an account has one currency"
    micros = call.debit_micros if call.draws else price.micros
    assert micros >= 0, "bundles pay no more than the price"
    if micros == 0:
        return Facts(state, call)
    record = call.record
    after = _moved(state, -micros)
    transfer = Transfer(
        key=call_key(record.id),
        debit=state.account.id,
        credit=f"{REVENUE}:{state.account.account_class}",
        amount_micros=micros,
        currency=price.currency,
        kind=TransferKind.CALL,
        event_at=record.ended_at,
        account=state.account.id,
        version=after.version,
        balance_after_micros=after.balance_micros,
        call=str(record.id),
    )
    return Facts(after, call, (transfer,))


def absorb(facts: Facts, micros: int) -> Facts:
    """What the account was debited for talk after its money was gone is the biller's own loss: the
    price of the call stays what it is.
    """
    assert facts.call is not None
    assert 0 < micros <= facts.transfers[0].amount_micros
    record, account = facts.call.record, facts.state.account
    after = _moved(facts.state, micros)
    transfer = Transfer(
        key=absorbed_key(record.id),
        debit=OVERSPEND,
        credit=account.id,
        amount_micros=micros,
        currency=account.currency,
        kind=TransferKind.CORRECTION,
        event_at=record.ended_at,
        account=account.id,
        version=after.version,
        balance_after_micros=after.balance_micros,
        reason=f"call {record.id} was ended too late: no charge for that",
    )
    return facts._replace(state=after, transfers=(*facts.transfers, transfer))


def credit(  # noqa: PLR0913 - the facts of one credit
    state: AccountState,
    micros: int,
    key: str,
    at: datetime,
    reason: str,
    *,
    is_correction: bool = False,
) -> Facts:
    """Money received raises the balance; a negative amount is a correction, and a positive one is
    where it is called so.
    """
    assert micros != 0, "a credit moves money"
    after = _moved(state, micros)
    account = state.account.id
    is_correction = is_correction or micros < 0
    own_side = CORRECTIONS if is_correction else CASH
    debit_side, credit_side = (own_side, account) if micros > 0 else (account, own_side)
    transfer = Transfer(
        key=credit_key(key),
        debit=debit_side,
        credit=credit_side,
        amount_micros=abs(micros),
        currency=state.account.currency,
        kind=TransferKind.CORRECTION if is_correction else TransferKind.TOP_UP,
        event_at=at,
        account=account,
        version=after.version,
        balance_after_micros=after.balance_micros,
        reason=reason,
    )
    return Facts(after, None, (transfer,))


def refund(  # noqa: PLR0913 - the facts of one refund
    state: AccountState, credited: Transfer, micros: int, key: str, at: datetime, reason: str
) -> Facts:
    """So much of a credit that was given at the desk goes back, in cash or as if it had never come;
    Refused when less of it is unused.
    """
    assert credited.account == state.account.id
    assert 0 < micros <= credited.amount_micros, "no more goes back than came"
    unused = unused_micros(state)
    if micros > unused:
        raise Refused(
            f"account {state.account.id} has {Money(unused, credited.currency)} unused; give no "
            "more back, or credit first what it should have had"
        )
    after = _moved(state, -micros)
    transfer = Transfer(
        key=refund_key(key),
        debit=state.account.id,
        credit=CASH,
        amount_micros=micros,
        currency=credited.currency,
        kind=TransferKind.REFUND,
        event_at=at,
        account=state.account.id,
        version=after.version,
        balance_after_micros=after.balance_micros,
        reason=reason,
        reverses=credited.key,
    )
    return Facts(after, None, (transfer,))


def unused_micros(state: AccountState) -> int:
    """What of its money may leave the account: neither spent, nor held for calls, nor lent, be it
    as credit or until a top-up that is under way is paid.
    """
    lent = state.account.credit_limit_micros + state.grace_micros
    unlent = state.grantable_micros - lent
    return max(0, min(state.balance_micros, unlent))


def reprice(state: AccountState, run: int, calls: Sequence[Repriced], at: datetime) -> Facts:
    """Each call's old debit is taken back and its new price debited, one call after the other; the
    difference to an invoice is a line of its own.

    It happens now, whenever the calls were: what a report said of a month stays true.
    """
    account = state.account
    books = _Reprices(account, state.balance_micros, state.version, run, at)
    for each in calls:
        call, debit_micros = each.call, each.debit_micros
        assert each.price.currency == account.currency, "an account has one currency"
        is_other = each.price.micros != call.micros or debit_micros != call.debit_micros
        assert is_other, "the same price moves nothing"
        if call.invoiced is None:
            books.reverse(call)
            books.debit(call, debit_micros)
        else:
            books.adjust(call, call.debit_micros - debit_micros)
    after = state._replace(balance_micros=books.balance_micros, version=books.version)
    return Facts(after, transfers=tuple(books.transfers), repriced=tuple(calls))


class _Reprices:
    """The transfers of calls that are rated again, each on the balance that the last one left."""

    def __init__(
        self, account: Account, balance_micros: int, version: int, run: int, at: datetime
    ) -> None:
        self.balance_micros = balance_micros
        self.version = version
        self.transfers: list[Transfer] = []
        self._account = account.id
        self._currency = account.currency
        self._revenue = f"{REVENUE}:{account.account_class}"
        self._run = run
        self._at = at
        self._reason = f"rated again in run {run}"

    def reverse(self, call: PricedCall) -> None:
        """Take back what it was debited."""
        if call.debit_micros:
            assert call.debited is not None, f"{call.key} costs something and was never debited"
            assert call.revenue is not None
            key = reversal_key(self._run, self._account, call.key)
            kind = TransferKind.REVERSAL
            self._move(call, key, kind, call.debit_micros, call.revenue, reverses=call.debited)

    def debit(self, call: PricedCall, micros: int) -> None:
        """Debit what the account owes of the new price."""
        if micros:
            key = rerate_key(self._run, self._account, call.key)
            self._move(call, key, TransferKind.CALL, -micros, self._revenue)

    def adjust(self, call: PricedCall, change_micros: int) -> None:
        """What the invoice charged too much, or, below zero, too little."""
        if change_micros:
            key = rerate_key(self._run, self._account, call.key)
            self._move(call, key, TransferKind.ADJUSTMENT, change_micros, self._revenue)

    def _move(  # noqa: PLR0913 - what one transfer is made of
        self,
        call: PricedCall,
        key: str,
        kind: TransferKind,
        change_micros: int,
        own_side: str,
        *,
        reverses: str | None = None,
    ) -> None:
        self.balance_micros += change_micros
        self.version += 1
        is_rise = change_micros > 0
        # By position, which takes half as long as by name: there are two for each call of a month.
        self.transfers.append(
            Transfer(
                key,
                own_side if is_rise else self._account,
                self._account if is_rise else own_side,
                abs(change_micros),
                self._currency,
                kind,
                self._at,
                self._account,
                self.version,
                self.balance_micros,
                call.key,
                self._reason,
                reverses,
            )
        )


def _moved(state: AccountState, micros: int) -> AccountState:
    return state._replace(balance_micros=state.balance_micros + micros, version=state.version + 1)
