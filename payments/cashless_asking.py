"""Putting one act to a provider of cashless cards, and believing only what is about our request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from payments.cashless_mapping import Act, CashlessMapping, Place
from payments.cashless_reading import (
    Heard,
    Refusal,
    amount_to_send,
    check_same,
    heard,
    instant_to_send,
    listed_payments,
)
from payments.soap_answer import Answer, SoapFault
from payments.soap_client import SoapClient
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import REFERENCE_DIGITS_MAX, Charge, ListedPayment, Refund

TEXT_LENGTH_MAX = 100


class Asking:
    """Questions to one provider. Whatever fails names the provider, the top-up and the act, and is
    Unavailable or OutcomeUnknown.
    """

    def __init__(self, name: str, mapping: CashlessMapping, client: SoapClient) -> None:
        self._name = name
        self._mapping = mapping
        self._client = client

    async def about(self, act: Act, charge: Charge, provider_id: str) -> Heard | Refusal:
        """What the provider says about this charge, and surely about this one."""
        assert charge.method.gateway == self._name, "a card of another provider"
        values = self._values(charge.reference, charge.money, provider_id) | {
            "card": charge.method.reference,
            "account": _line(charge.account),
            "text": _line(charge.text),
        }
        place = self.place(act, charge)
        said = await self._put(act, values, place)
        _check(said, charge.reference, charge.money, place)
        return said

    async def about_refund(self, refund: Refund, place: str) -> Heard | Refusal:
        """The same for money that goes back."""
        values = self._values(refund.reference, refund.money, refund.provider_id)
        said = await self._put(Act.REFUND, values | {"charge": refund.charge}, place)
        _check(said, refund.reference, refund.money, place)
        return said

    async def for_list(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """What moved in this span."""
        values = {
            "since": instant_to_send(self._mapping, since),
            "until": instant_to_send(self._mapping, until),
        }
        place = f"{self._name}: list"
        answer = await self._question(Act.LIST, values, place)
        if isinstance(answer, SoapFault):
            raise Unavailable(f"{place}: refused with {answer.code or 'an empty fault'}")
        try:
            payments = listed_payments(self._mapping, answer.body)
        except BadRecord as bad:
            raise OutcomeUnknown(f"{place}: {bad}") from bad
        return [each for each in payments if since <= each.at < until]

    def place(self, act: Act, charge: Charge) -> str:
        """How a message about this begins."""
        return f"{self._name}: top-up {charge.reference}: {act}"

    async def _put(self, act: Act, values: Mapping[str, str], place: str) -> Heard | Refusal:
        answer = await self._question(act, values, place)
        try:
            return heard(self._mapping, act, answer)
        except BadRecord as bad:
            raise OutcomeUnknown(f"{place}: {bad}") from bad

    async def _question(
        self, act: Act, values: Mapping[str, str], place: str
    ) -> Answer | SoapFault:
        mapped = self._mapping.acts[act]
        sent: dict[Place, object] = dict(mapped.fixed)
        for word, where in mapped.send.items():
            if word != "provider_id" or values[word]:
                sent[where] = values[word]
        try:
            return await self._client.ask(mapped.operation, sent)
        except (Unavailable, OutcomeUnknown) as failed:
            raise type(failed)(f"{place}: {failed}") from failed

    def _values(self, reference: str, money: Money, provider_id: str) -> dict[str, str]:
        assert reference.isdecimal(), "a reference is digits"
        assert reference.isascii()
        assert len(reference) <= REFERENCE_DIGITS_MAX
        assert money.micros > 0
        return {
            "reference": reference,
            "provider_id": provider_id,
            "amount": amount_to_send(self._mapping, money),
            "currency": money.currency,
        }


def _check(said: Heard | Refusal, reference: str, money: Money, place: str) -> None:
    try:
        check_same(said, reference, money)
    except OutcomeUnknown as unlike:
        raise OutcomeUnknown(f"{place}: {unlike}") from unlike


def _line(text: str) -> str:
    """A text of ours as one line that XML can carry."""
    return "".join(each for each in text if each.isprintable())[:TEXT_LENGTH_MAX]
