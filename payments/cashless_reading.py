"""What an answer of a cashless provider means, by its mapping, and whether it is about our request.

The sum, the currency and the reference of every success must be the ones that were asked for
(RP-64): a wrong sum is not corrected, not taken and not given back here, it is an unknown outcome.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime

from payments.cashless_mapping import (
    Act,
    ActMapping,
    AmountForm,
    CashlessMapping,
    CodeMeaning,
    ListMapping,
    State,
)
from payments.soap_answer import (
    CODE_MAX,
    Answer,
    Element,
    SoapFault,
    elements_at,
    printable,
    text_at,
)
from rtbill.domain.errors import BadRecord, OutcomeUnknown
from rtbill.domain.money import EXPONENTS, Money, known_currency, parse_micros
from rtbill.domain.payment import DeclineClass, ListedPayment

_DONE = {
    Act.AUTHORISE: State.CREATED,
    Act.CAPTURE: State.APPROVED,
    Act.VOID: State.CANCELLED,
    Act.REFUND: State.APPROVED,
}
"""What each act comes to when it was done."""
_WITH_SUM = (State.CREATED, State.APPROVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A normal answer."""

    state: State
    """Neither done nor declined."""
    reference: str
    provider_id: str
    """Empty where the provider gives none."""
    money: Money | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The provider says no, by a fault or by a code in a normal answer."""

    code: str
    text: str
    meaning: CodeMeaning | None
    """None for a code that the mapping does not know."""
    says_nothing: bool = False
    """It may also stand for a breakdown half-way."""
    is_stated: bool = False
    """It is a normal answer: the payment was declined, not the question."""
    reference: str = ""
    """Of the payment that it is about, where it says so."""

    @property
    def is_about_us(self) -> bool:
        """Whether who asks, or how, is not accepted: nothing was done."""
        return self.meaning is DeclineClass.OURS

    @property
    def sentence(self) -> str:
        """The refusal in words."""
        code = f"with {self.code!r}" if self.code else "with an empty fault"
        return f"it refuses {code}" + (f" ({self.text})" if self.text else "")


def heard(mapping: CashlessMapping, act: Act, answer: Answer | SoapFault) -> Heard | Refusal:
    """What the answer to an act says; BadRecord when that cannot be made out."""
    mapped = mapping.acts[act]
    if isinstance(answer, SoapFault):
        meaning = DeclineClass.OURS if answer.is_about_us else mapped.codes.get(answer.code)
        return Refusal(answer.code, answer.text, meaning, answer.says_nothing)
    body = answer.body
    word = _text(mapped, body, "state")
    state = State.DECLINED if word in mapped.codes else _state(mapped, act, word)
    if state is State.DECLINED:
        code = word if word in mapped.codes else _text(mapped, body, "code") or word
        return Refusal(
            printable(code, CODE_MAX),
            printable(_text(mapped, body, "text")),
            mapped.codes.get(code),
            is_stated=True,
            reference=_text(mapped, body, "reference"),
        )
    return Heard(
        state=state,
        reference=_text(mapped, body, "reference"),
        provider_id=_text(mapped, body, "refund_id" if act is Act.REFUND else "provider_id"),
        money=_money(mapping, mapped, body) if state in _WITH_SUM else None,
    )


def check_same(said: Heard | Refusal, reference: str, money: Money) -> None:
    """OutcomeUnknown when an answer is about another request, and unless a success is about this
    one to the last digit (RP-64).
    """
    may_be_silent = isinstance(said, Refusal) or said.state is State.ABSENT
    if said.reference != reference and (said.reference or not may_be_silent):
        theirs = said.reference[:40] or "none"
        raise OutcomeUnknown(f"asked about reference {reference}, it answers about {theirs}")
    if isinstance(said, Heard) and said.state in _WITH_SUM and said.money != money:
        raise OutcomeUnknown(f"asked for {money}, it answers {said.money or 'no sum'}")


def amount_to_send(mapping: CashlessMapping, money: Money) -> str:
    """The digits of an amount in the provider's form; it must be whole minor units."""
    exponent = EXPONENTS[money.currency]
    minor, finer = divmod(money.micros, 10 ** (6 - exponent))
    assert finer == 0, "checked before anything is sent"
    if mapping.amounts is AmountForm.MINOR or exponent == 0:
        return str(minor)
    return f"{minor // 10**exponent}.{minor % 10**exponent:0{exponent}d}"


def instant_to_send(mapping: CashlessMapping, at: datetime) -> str:
    """An instant as the provider writes it."""
    if not mapping.zone:
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.astimezone(zoneinfo.ZoneInfo(mapping.zone)).strftime("%Y-%m-%dT%H:%M:%S")


def listed_payments(mapping: CashlessMapping, body: Element) -> list[ListedPayment]:
    """The payments of a list; BadRecord when one of them cannot be read or some are missing."""
    mapped = mapping.acts[Act.LIST]
    assert isinstance(mapped, ListMapping), "the reader of the table made it one"
    items = elements_at(body, mapped.items)
    if mapped.total:
        total = text_at(body, mapped.total)
        if total != str(len(items)):
            raise BadRecord(f"it lists {len(items)} payments and speaks of {printable(total, 20)}")
    return [_listed(mapping, mapped, item) for item in items]


def _listed(mapping: CashlessMapping, mapped: ListMapping, item: Element) -> ListedPayment:
    provider_id = _text(mapped, item, "provider_id")
    money = _money(mapping, mapped, item)
    if not provider_id or money is None:
        raise BadRecord("it lists a payment without an id or a sum")
    is_refund = money.micros < 0 or _text(mapped, item, "kind") in mapped.refund_words
    return ListedPayment(
        provider_id=provider_id,
        reference=_text(mapped, item, "reference"),
        money=-money if money.micros < 0 else money,
        at=_instant(mapping, _text(mapped, item, "at")),
        is_refund=is_refund,
    )


def _state(mapped: ActMapping, act: Act, word: str) -> State:
    if "state" not in mapped.read:
        return _DONE[act]  # only a query must have one, and it has
    # An answer without a word is no answer, whatever every other word means.
    state = mapped.states.get(word, mapped.states.get("*") if word else None)
    if state is State.DONE:
        state = _DONE.get(act)  # a query does nothing, so it cannot say that it did
    if state is None:
        raise BadRecord(f"its state {printable(word, CODE_MAX)!r} is not in the mapping; add it")
    return state


def _money(mapping: CashlessMapping, mapped: ActMapping, element: Element) -> Money | None:
    """The sum that stands there; None when there is none."""
    written = _text(mapped, element, "amount")
    if not written:
        return None
    currency = known_currency(_text(mapped, element, "currency") or mapping.currency)
    if mapping.amounts is AmountForm.DECIMAL:
        return Money(parse_micros(written), currency)
    if "." in written:
        raise BadRecord(f"{written[:40]!r} is no whole number of minor units")
    return Money(parse_micros(written) // 10 ** EXPONENTS[currency], currency)


def _instant(mapping: CashlessMapping, written: str) -> datetime:
    try:
        at = datetime.fromisoformat(written)
    except ValueError as error:
        raise BadRecord(f"{written[:40]!r} is no instant; it must be as XML writes it") from error
    if at.tzinfo is None:
        if not mapping.zone:
            raise BadRecord(f"{written!r} has no offset; give the mapping its zone")
        at = at.replace(tzinfo=zoneinfo.ZoneInfo(mapping.zone))
    return at.astimezone(UTC)


def _text(mapped: ActMapping, element: Element, word: str) -> str:
    return text_at(element, mapped.read[word]) if word in mapped.read else ""
