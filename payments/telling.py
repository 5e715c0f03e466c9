"""Who has to hear of a step of a top-up: its account's holder, or the operator."""

from __future__ import annotations

from dataclasses import dataclass

from balance.vat import contained
from payments.heard import Heard
from payments.waits import wait
from rtbill.domain.account import AccountState
from rtbill.domain.money import EXPONENTS, Money, decimal_text, round_half_up
from rtbill.domain.notice import Notice
from rtbill.domain.payment import DeclineClass
from rtbill.domain.price_plan import percent_text
from rtbill.domain.top_up import (
    Asker,
    Follow,
    Paying,
    PaymentState,
    ReversalKind,
    TopUp,
    TopUpState,
)
from rtbill.domain.vat import VatPoint

Details = tuple[tuple[str, str], ...]
_WORDS = {
    DeclineClass.FAST: "the payment network was disturbed; it is tried once more",
    DeclineClass.SOFT: "there was not enough money for it; pay another way, or it is tried later",
    DeclineClass.VAGUE: "the bank did not allow it; ask your bank, or pay another way",
    DeclineClass.ACTION: "it has to be confirmed by you",
    DeclineClass.CARD: "another card is needed",
    DeclineClass.NEVER: "it could not be taken; pay another way",
    DeclineClass.OURS: "it could not be taken; the operator sees to it",
}
"""Said to holders. What a bank says of a stolen card is not (table 2.4: neutral wording)."""


@dataclass(frozen=True, slots=True)
class _Telling:
    """One step, as it is told."""

    state: AccountState
    """The account's after it."""
    books: PaymentState
    paying: Paying
    heard: Heard
    vat_ppm: int

    @property
    def row(self) -> TopUp:
        """As it now is."""
        assert self.paying.top_up is not None
        return self.paying.top_up

    def about(self, money: Money, *more: tuple[str, str]) -> Details:
        """What every notice of this top-up carries, in the order of rtbill.domain.notice."""
        method = self.books.method(self.row.gateway, self.row.method)
        return (
            ("amount", _amount(money.micros, money.currency)),
            ("currency", money.currency),
            *more,
            ("method", method.method.label if method else ""),
            ("reference", self.row.reference),
        )

    def balance(self) -> tuple[str, str]:
        """The account's, after it."""
        return "balance", _amount(self.state.balance_micros, self.state.account.currency)

    def vat(self) -> Details:
        """The tax in what was paid, to the cent; nothing where it is due at use."""
        if not self.vat_ppm or self.row.vat_point is not VatPoint.TOP_UP:
            return ()
        money = self.row.money
        exact = contained(money.micros, self.vat_ppm)
        cents = round_half_up(exact, EXPONENTS.get(money.currency, 2))
        return ("vat", _amount(cents, money.currency)), ("vat_percent", percent_text(self.vat_ppm))

    def to_holder(self, kind: str, text: str, details: Details) -> Notice:
        """The subject is the account."""
        return Notice(kind, self.row.account, text, self.heard.at, details)

    def alarm(self, subject: str, text: str) -> Notice:
        """The operator hears of it."""
        return Notice("alarm.raised", subject, text, self.heard.at)


def notices(
    state: AccountState, books: PaymentState, paying: Paying, heard: Heard, vat_ppm: int = 0
) -> tuple[Notice, ...]:
    """What to say; `state` is the account's after the step, `books` are from before it, `vat_ppm`
    is the tax due with a top-up.
    """
    telling = _Telling(state, books, paying, heard, vat_ppm)
    return (*_to_the_holder(telling), *_of_reversals(telling), *_to_the_operator(telling))


def _to_the_holder(telling: _Telling) -> list[Notice]:
    row, follows, before = telling.row, telling.paying.follows, telling.books.top_up
    assert before is not None
    if Follow.CREDIT in follows:
        balance = Money(telling.state.balance_micros, row.money.currency)
        text = f"{row.money} paid in; balance {balance}"
        details = (*telling.about(row.money, telling.balance()), *telling.vat())
        return [telling.to_holder("topup.done", text, details)]
    if row.state is TopUpState.DECLINED and before.state is not row.state:
        assert row.decline is not None
        return [_failed(telling, row.decline, _WORDS[row.decline])]
    if Follow.TELL in follows:
        return [_failed(telling, DeclineClass.FAST, "it was called off")]
    return []


def _failed(telling: _Telling, decline: DeclineClass, why: str) -> Notice:
    row = telling.row
    details = (*telling.about(row.money), ("decline", decline.value))
    recent = [each for each in telling.books.recent if each.reference != row.reference]
    waiting = wait((*recent, row), row.gateway, row.method, telling.heard.at)
    goes_on = row.asked_by is Asker.BALANCE and not telling.paying.methods
    if goes_on and waiting is not None and waiting.until is not None:
        details = (*details, ("retry_at", waiting.until.isoformat()))
    return telling.to_holder("topup.failed", f"{row.money} were not paid in: {why}", details)


def _of_reversals(telling: _Telling) -> list[Notice]:
    known = {each.key: each.booked_micros for each in telling.books.reversals}
    found = []
    for each in telling.paying.reversals:
        text = f"{each.kind} of {each.money}: {each.stage}"
        if each.kind is ReversalKind.DISPUTE:
            stage = ("state", each.stage.value)
            details = (*telling.about(each.money), stage)
            found.append(telling.to_holder("topup.disputed", text, details))
        elif each.booked_micros > known.get(each.key, 0):
            details = telling.about(each.money, telling.balance())
            found.append(telling.to_holder("topup.refunded", text, details))
    return found


def _to_the_operator(telling: _Telling) -> list[Notice]:
    row, heard, before = telling.row, telling.heard, telling.books.top_up
    assert before is not None
    found = []
    subject = f"top-up {row.reference}"
    if row.needs_person and not before.needs_person:
        text = f"nobody knows what became of {row.money} for {row.account} at {row.gateway}"
        found.append(telling.alarm(subject, f"{text}; settle it by hand"))
    if telling.paying.stop is not None:
        text = f"no top-up is begun there any more: {heard.cause}"
        found.append(telling.alarm(f"gateway {row.gateway}", text))
    if Follow.ALARM in telling.paying.follows:
        what = row.alarm or heard.cause
        found.append(telling.alarm(subject, f"it is {before.state} for {row.account}: {what}"))
    return found


def _amount(micros: int, currency: str) -> str:
    return decimal_text(micros, EXPONENTS.get(currency, 2))
