"""Tax of the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from rtbill.domain.account import AccountKind, AccountState
from rtbill.domain.errors import Conflict
from rtbill.domain.ledger import REVENUE, VAT_OUTPUT, Transfer
from rtbill.domain.rated import Price, RatedCall
from rtbill.domain.vat import (
    CallTax,
    Movement,
    SetVatTerms,
    TaxedCredit,
    Undone,
    VatClosing,
    VatEntry,
    VatStanding,
    VatSum,
    VatTerms,
)
from rtbill.ports import PostedTransfer

ABSORBED = "absorbed:"


class MemoryVat:
    """Terms, entries and the taxed part of balances, over a store's own accounts and transfers."""

    def __init__(
        self,
        accounts: Mapping[str, AccountState],
        transfers: Mapping[str, PostedTransfer],
        calls: Mapping[str, RatedCall],
        price_in: Callable[[str, int | None], Price | None],
    ) -> None:
        """`price_in` is that of a call in a run, or its own."""
        self.terms: list[VatTerms] = []
        self.entries: list[VatEntry] = []
        self.credits: dict[str, TaxedCredit] = {}
        self.upto: int | None = None
        self._accounts = accounts
        self._transfers = transfers
        self._calls = calls
        self._price_in = price_in

    def change(self, change: SetVatTerms | VatClosing) -> None:
        """As the change says, or Conflict."""
        match change:
            case SetVatTerms(terms):
                newest = len(self._transfers)
                self.terms.append(replace(terms, after=newest))
                self.upto = newest if self.upto is None else self.upto
            case VatClosing():
                if change.after != self.upto:
                    raise Conflict("tax was booked by another closing")
                self.entries += change.entries
                self.credits |= {each.account: each for each in change.credits}
                self.upto = change.upto

    def movements(self) -> list[Movement]:
        """All that there ever were."""
        posted = enumerate(self._transfers.values(), start=1)
        return [self._movement(row, each) for row, each in posted]

    def _movement(self, row: int, posted: PostedTransfer) -> Movement:
        moved = posted.transfer
        account = self._accounts[moved.account].account
        return Movement(
            row=row,
            key=moved.key,
            kind=moved.kind,
            account=account.id,
            is_prepaid=account.kind is AccountKind.PREPAID,
            own_side=moved.credit if moved.debit == account.id else moved.debit,
            revenue=f"{REVENUE}:{account.account_class}",
            change_micros=moved.change_micros,
            balance_after_micros=moved.balance_after_micros,
            currency=moved.currency,
            posted_at=posted.posted_at,
            reverses=moved.reverses,
            tax=self._tax(moved),
        )

    def _tax(self, moved: Transfer) -> CallTax | None:
        key = moved.call
        if moved.key.startswith(ABSORBED):
            key = moved.key.removeprefix(ABSORBED)
        if key is None:
            return None
        run = None
        if moved.key.startswith("rerate:"):
            run = int(moved.key.split(":")[1])
            run = run - 1 if moved.key.endswith(":back") else run
        price = self._price_in(key, run)
        if price is None or not price.tax_micros:
            return None
        return CallTax(price.tax_micros, price.micros, f"{price.plan} {price.plan_version}")

    def undone(self, key: str) -> Undone:
        """What was taken back of it."""
        own = [each for each in self.entries if each.belongs_to == key and _of_output(each)]
        back = [each for each in self.entries if each.reverses == key and _of_output(each)]
        keys = {each.belongs_to for each in back}
        again = [each for each in self.entries if each.reverses in keys and _of_output(each)]
        return Undone(
            gross_micros=self._transfers[key].transfer.amount_micros,
            vat_micros=sum(e.micros if e.credit == VAT_OUTPUT else -e.micros for e in own),
            gross_back_micros=sum(e.gross_micros for e in back)
            - sum(e.gross_micros for e in again),
            vat_back_micros=sum(e.micros for e in back) - sum(e.micros for e in again),
            rate=min((each.rate for each in own), default=""),
        )


def _of_output(entry: VatEntry) -> bool:
    return VAT_OUTPUT in (entry.debit, entry.credit)


class VatReader:
    """The part of ports.Reader about it."""

    _vat: MemoryVat
    _accounts: dict[str, AccountState]

    async def vat_terms(self) -> Sequence[VatTerms]:
        """All, the newest last."""
        return list(self._vat.terms)

    async def vat_closed(self) -> tuple[int, int]:
        """How far, and how many wait."""
        if self._vat.upto is None:
            return 0, 0
        return self._vat.upto, len(self._vat.movements()) - self._vat.upto

    async def vat_movements(self, after: int, limit: int) -> Sequence[Movement]:
        """In the order of the books."""
        return self._vat.movements()[after : after + limit]

    async def vat_undone(self, key: str) -> Undone:
        """By what is booked."""
        return self._vat.undone(key)

    async def taxed_credits(self, accounts: Sequence[str]) -> Mapping[str, TaxedCredit]:
        """Those that there are."""
        return {key: each for key, each in self._vat.credits.items() if key in accounts}

    async def vat_sums(self, since: date, until: date) -> Sequence[VatSum]:
        """By what they have in common."""
        sums: dict[tuple[str, ...], list[int]] = {}
        for each in self._vat.entries:
            if since <= each.day < until:
                key = (each.currency, each.source, each.rate, each.debit, each.credit)
                found = sums.setdefault(key, [0, 0, 0])
                for place, value in enumerate((each.micros, each.gross_micros, each.movements)):
                    found[place] += value
        return [
            VatSum(debit, credit, source, rate, currency, *sums[key])
            for key in sorted(sums)
            for currency, source, rate, debit, credit in [key]
        ]

    async def vat_standings(self) -> Sequence[VatStanding]:
        """By currency."""
        prepaid = [
            each for each in self._accounts.values() if each.account.kind is AccountKind.PREPAID
        ]
        found = []
        for currency in sorted({each.account.currency for each in prepaid}):
            taxed = vat = untaxed = 0
            for state in prepaid:
                if state.account.currency == currency:
                    own = self._vat.credits.get(state.account.id, TaxedCredit(state.account.id))
                    taxed += own.taxed_micros
                    vat += own.vat_micros
                    untaxed += max(0, state.balance_micros - own.taxed_micros)
            found.append(VatStanding(currency, taxed, vat, untaxed))
        return found
