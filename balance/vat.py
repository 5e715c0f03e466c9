"""The tax in what moves on accounts: entries between the biller's own accounts. Pure.

Where tax is due when credit is bought (`topup`), the tax in the price goes to `VAT output` with the
top-up and waits in `VAT deferred` until the credit is used: then revenue loses it, for good, and no
second tax is due (LG-21, LG-22). Credit that was taxed is used before other. A refund or a dispute
takes the tax back by the share that it takes of the top-up. What pays a debt was used before.

Where tax is due at use, each call brings the tax that its price plan says from revenue to `VAT
output`. So do calls of postpaid accounts, whatever is said of credit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo

from rtbill.domain.account import HOUSE, SUSPENSE
from rtbill.domain.ledger import OVERSPEND, VAT_DEFERRED, VAT_OUTPUT, TransferKind
from rtbill.domain.money import divide_rounding_half_up
from rtbill.domain.price_plan import WHOLE_PPM, percent_text
from rtbill.domain.vat import Movement, TaxedCredit, Undone, VatEntry, VatPoint, VatTerms

_BACK = (TransferKind.REFUND, TransferKind.DISPUTE)
Sum = tuple[date, str, str, str, str, str]
"""Day, debit, credit, currency, rate and source."""


def contained(gross_micros: int, percent_ppm: int) -> int:
    """The tax in a price that includes it, half up."""
    return divide_rounding_half_up(gross_micros * percent_ppm, WHOLE_PPM + percent_ppm)


def takes_back(movement: Movement) -> bool:
    """Whether its tax depends on what it takes back; only the first of a closing may."""
    return movement.kind in _BACK


class Closing:
    """Adds up the tax of movements of one set of terms, in the order of the books."""

    def __init__(self, terms: VatTerms, zone: tzinfo, credits: Mapping[str, TaxedCredit]) -> None:
        """`credits` are those of all accounts that move; days are those of `zone`."""
        self._terms = terms
        self._zone = zone
        self._credits = dict(credits)
        self._changed: dict[str, TaxedCredit] = {}
        self._single: list[VatEntry] = []
        self._added: dict[Sum, tuple[int, int, int]] = {}
        self._rate = percent_text(terms.percent_ppm)

    @property
    def entries(self) -> tuple[VatEntry, ...]:
        """What is to be booked so far; none of nothing."""
        added = (
            VatEntry(day, debit, credit, micros, gross, currency, rate, source, count)
            for (day, debit, credit, currency, rate, source), sums in self._added.items()
            for micros, gross, count in [sums]
        )
        return (*self._single, *added)

    @property
    def credits(self) -> tuple[TaxedCredit, ...]:
        """Those that changed."""
        return tuple(self._changed.values())

    def add(self, movement: Movement, undone: Undone | None = None) -> None:
        """The next movement; `undone` is what it takes back, for a refund or a dispute."""
        if movement.account in (HOUSE, SUSPENSE):
            return
        held = self._credits.get(movement.account, TaxedCredit(movement.account))
        after = self._bounded(movement, self._moved(movement, held, undone))
        if after != held:
            self._credits[movement.account] = self._changed[movement.account] = after

    def _moved(self, moved: Movement, held: TaxedCredit, undone: Undone | None) -> TaxedCredit:
        change = moved.change_micros
        if moved.kind in _BACK:
            assert undone is not None, f"{moved.key} takes back something"
            return self._taken_back(moved, held, undone)
        if moved.kind is TransferKind.TOP_UP:
            return held if self._is_due_at_use(moved) else self._sold(moved, held)
        if moved.kind is TransferKind.CORRECTION:
            if moved.own_side == OVERSPEND and self._is_due_at_use(moved):
                self._call(moved, change)
            return held
        if change < 0:
            return self._used(moved, held)
        return self._given_back(moved, held)

    def _is_due_at_use(self, moved: Movement) -> bool:
        """Whatever is said of credit, postpaid accounts are taxed by their calls."""
        return self._terms.point is VatPoint.USE or not moved.is_prepaid

    def _sold(self, moved: Movement, held: TaxedCredit) -> TaxedCredit:
        gross = moved.change_micros
        vat = contained(gross, self._terms.percent_ppm)
        self._book(moved, VAT_DEFERRED, VAT_OUTPUT, vat, gross, self._rate)
        return _risen(held, gross, vat)

    def _taken_back(self, moved: Movement, held: TaxedCredit, undone: Undone) -> TaxedCredit:
        """A part of a top-up goes back, or what had gone back comes again."""
        gross = abs(moved.change_micros)
        vat = divide_rounding_half_up(abs(undone.vat_micros) * gross, undone.gross_micros)
        if undone.gross_back_micros + gross >= undone.gross_micros:
            vat = abs(undone.vat_micros) - undone.vat_back_micros
        if vat == 0:
            return held
        sides = (
            (VAT_OUTPUT, VAT_DEFERRED) if moved.change_micros < 0 else (VAT_DEFERRED, VAT_OUTPUT)
        )
        self._book(moved, *sides, vat, gross, undone.rate)
        sign = 1 if moved.change_micros > 0 else -1
        return _risen(held, sign * gross, sign * vat)

    def _used(self, moved: Movement, held: TaxedCredit) -> TaxedCredit:
        micros = -moved.change_micros
        taxed = min(micros, held.taxed_micros)
        vat = _share(held, taxed)
        self._sum(moved, moved.own_side, VAT_DEFERRED, vat, taxed, self._rate)
        if self._is_due_at_use(moved):
            self._call(moved, micros - taxed)
        return _risen(held, -taxed, -vat)

    def _given_back(self, moved: Movement, held: TaxedCredit) -> TaxedCredit:
        gross = moved.change_micros
        if self._is_due_at_use(moved):
            self._call(moved, gross)
            return held
        vat = contained(gross, self._terms.percent_ppm)
        self._sum(moved, VAT_DEFERRED, moved.own_side, vat, gross, self._rate)
        return _risen(held, gross, vat)

    def _bounded(self, moved: Movement, held: TaxedCredit) -> TaxedCredit:
        """No more of a balance was taxed than there is: the rest was used, or is lost."""
        bound = max(0, min(held.taxed_micros, moved.balance_after_micros))
        lost = held.taxed_micros - bound
        vat = held.vat_micros if bound == 0 else _share(held, lost)
        if lost == 0 and vat == 0:
            return held
        is_correction = moved.kind is TransferKind.CORRECTION
        side = moved.own_side if is_correction else moved.revenue
        if vat > 0:
            self._sum(moved, side, VAT_DEFERRED, vat, max(0, lost), self._rate)
        else:
            self._sum(moved, VAT_DEFERRED, side, -vat, 0, self._rate)
        return TaxedCredit(held.account, bound, held.vat_micros - vat)

    def _call(self, moved: Movement, micros: int) -> None:
        """The tax in a part of a call's price becomes due, or does not after all."""
        if moved.tax is None or not moved.tax.price_micros:
            return
        vat = divide_rounding_half_up(moved.tax.tax_micros * micros, moved.tax.price_micros)
        sides = (moved.own_side, VAT_OUTPUT)
        if moved.change_micros > 0:
            sides = (VAT_OUTPUT, moved.own_side)
        self._sum(moved, *sides, vat, micros, moved.tax.rate)

    def _book(  # noqa: PLR0913 - what one entry is made of
        self, moved: Movement, debit: str, credit: str, vat: int, gross: int, rate: str
    ) -> None:
        """An entry of its own, for what is looked up again."""
        if vat:
            self._single.append(
                VatEntry(
                    day=self._day(moved),
                    debit=debit,
                    credit=credit,
                    micros=vat,
                    gross_micros=gross,
                    currency=moved.currency,
                    rate=rate,
                    source=moved.own_side,
                    belongs_to=moved.key,
                    reverses=moved.reverses,
                )
            )

    def _sum(  # noqa: PLR0913 - what one entry is made of
        self, moved: Movement, debit: str, credit: str, vat: int, gross: int, rate: str
    ) -> None:
        """One of many that need no entry of their own."""
        if vat:
            key = (self._day(moved), debit, credit, moved.currency, rate, moved.own_side)
            micros, gross_micros, count = self._added.get(key, (0, 0, 0))
            self._added[key] = (micros + vat, gross_micros + gross, count + 1)

    def _day(self, moved: Movement) -> date:
        return moved.posted_at.astimezone(self._zone).date()


def _risen(held: TaxedCredit, gross: int, vat: int) -> TaxedCredit:
    return TaxedCredit(held.account, held.taxed_micros + gross, held.vat_micros + vat)


def _share(held: TaxedCredit, part: int) -> int:
    """The tax in a part of the taxed credit; all of it in all."""
    if part == held.taxed_micros:
        return held.vat_micros
    return divide_rounding_half_up(held.vat_micros * part, held.taxed_micros)
