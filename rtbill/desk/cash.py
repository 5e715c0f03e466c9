"""Money that passes the desk: received, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from balance import ledger
from rtbill.billing import Billing
from rtbill.domain.errors import BadRecord, Conflict, Refused
from rtbill.domain.ledger import CASH, Transfer
from rtbill.domain.money import EXPONENTS, Money, decimal_text, parse_micros, too_fine
from rtbill.ports import Reader

Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class CashDesk:
    """Orders about cash; each has a key of its own and counts once."""

    def __init__(self, billing: Billing, reader: Reader) -> None:
        self._billing = billing
        self._reader = reader
        self._refunds = asyncio.Lock()
        self._under_way: dict[str, tuple[str, int]] = {}
        """By its key, a refund that is not durable yet: key of the credit, and how much. It becomes
        so, though who ordered it waits no longer.
        """

    async def credit(self, arguments: Arguments) -> Answer:
        """Money received; a negative amount corrects."""
        micros = parse_micros(str(arguments["amount"]))
        if micros == 0:
            raise BadRecord("an amount of zero moves nothing; give what was received")
        key = _key(arguments, "a credit needs a key, so that repeating it cannot pay twice")
        reason = str(arguments.get("reason") or "credit at the desk")
        account = str(arguments["account"])
        credited = await self._billing.credit(account, micros, key, reason)
        return _answer(credited.transfer, credited.balance_micros, is_repeated=credited.is_repeated)

    async def refund(self, arguments: Arguments) -> Answer:
        """A credit that was given at the desk goes back, whole or in part, and its tax with it.
        Refused when less of it is left, or unused.
        """
        key = _key(arguments, "a refund needs a key, so that repeating it cannot pay twice")
        of = _key(arguments, "which credit goes back? Give the key that it was given with", "of")
        reason = str(arguments["reason"]).strip()
        if not reason:
            raise BadRecord("say why it goes back; the reason stands on the statement")
        # What is left of a credit is counted before: two at a time could give it back twice.
        async with self._refunds:
            return await self._refund(key, of, arguments.get("amount"), reason)

    async def _refund(self, key: str, of: str, amount: object, reason: str) -> Answer:
        credit_key, refund_key = ledger.credit_key(of), ledger.refund_key(key)
        found = await self._reader.transfers_by_key([credit_key, refund_key])
        before, credited = found.get(refund_key), found.get(credit_key)
        wanted = None if amount is None else parse_micros(str(amount))
        if wanted is not None and wanted <= 0:
            raise BadRecord("give an amount above zero, or none for all that is left of it")
        if before is not None:
            return self._repeated(before, credit_key, wanted)
        _check(credited, of)
        assert credited is not None
        micros = await self._left(credited, refund_key, wanted)
        billing = self._billing
        operation = billing.postings.refund(credited, micros, key, reason)
        future = billing.store.submit(operation)
        self._under_way[refund_key] = credit_key, micros
        future.add_done_callback(lambda _done: self._under_way.pop(refund_key, None))
        committed = await billing.followed(future)
        if committed.facts is None:
            assert committed.first is not None
            return self._repeated(committed.first, credit_key, wanted)
        [transfer] = committed.facts.transfers
        return _answer(transfer, committed.facts.state.balance_micros, is_repeated=False)

    async def _left(self, credited: Transfer, refund_key: str, wanted: int | None) -> int:
        """What is to go back, by default all that has not before."""
        # Before the books are read: what becomes durable meanwhile is in one of both.
        back = {key: micros for key, (of, micros) in self._under_way.items() if of == credited.key}
        made = await self._reader.taken_back(credited)
        back |= {key: each.amount_micros for key, each in made.items()}
        back.pop(refund_key, None)
        left = credited.amount_micros - sum(back.values())
        micros = left if wanted is None else wanted
        if wanted is not None and (problem := too_fine(Money(wanted, credited.currency))):
            raise BadRecord(problem)
        if micros > left or not left:
            raise Refused(
                f"of {credited.key} no more than {Money(left, credited.currency)} can go back"
            )
        return micros

    def _repeated(self, before: Transfer, credit_key: str, wanted: int | None) -> Answer:
        if before.reverses != credit_key or wanted not in (None, before.amount_micros):
            raise Conflict(
                f"{before.key} gave {Money(before.amount_micros, before.currency)} of "
                f"{before.reverses} back before; a new refund needs a new key"
            )
        balance = self._billing.directory.state(before.account).balance_micros
        return _answer(before, balance, is_repeated=True)


def _key(arguments: Arguments, problem: str, name: str = "key") -> str:
    key = str(arguments[name]).strip()
    if not key:
        raise BadRecord(problem)
    return key


def _check(credited: Transfer | None, of: str) -> None:
    if credited is None:
        raise Refused(
            f"no credit was given with the key {of!r}; `rtbill statement` shows them. What came "
            "from a card goes back with `rtbill pay refund`"
        )
    if credited.debit != CASH:
        raise Refused(
            f"{credited.key} is no money that was received: correct it with another correction"
        )


def _answer(transfer: Transfer, balance_micros: int, *, is_repeated: bool) -> Answer:
    digits = EXPONENTS[transfer.currency]
    return {
        "account": transfer.account,
        "amount": decimal_text(transfer.change_micros, digits),
        "currency": transfer.currency,
        "balance": decimal_text(balance_micros, digits),
        "repeated": is_repeated,
    }
