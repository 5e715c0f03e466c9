"""Cashless cards: money on a card of the house, taken over SOAP in two steps.

Create is authorise, confirm is capture, cancel is void, and find is a query by our own reference
(rules RP-60 to RP-64). Who the provider is and how it speaks is a mapping; here is what its answers
mean for a top-up. Three rules decide in doubt:

- A word that moves money is believed only with the reference and the sum that were asked for.
- A refusal that the mapping does not know is a decline as long as no money can have moved, that is
  by authorise; from then on it is looked up.
- Refused credentials are never a decline of a top-up that is reserved: nothing was done, and it
  can be captured or voided once they are mended.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NoReturn, assert_never

from payments.cashless_asking import Asking
from payments.cashless_mapping import Act, CashlessMapping, State, Trouble
from payments.cashless_reading import Heard, Refusal
from payments.soap_address import SoapAddress
from payments.soap_client import SoapClient
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import too_fine
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Charge,
    Created,
    DeclineClass,
    Declined,
    GatewayEvent,
    ListedPayment,
    Outcome,
    PaymentMethod,
    Pending,
    Refund,
    Refunded,
    RefundState,
    SetUp,
    SetUpPage,
    Told,
)
from rtbill.domain.provider_balance import BalanceMovement
from rtbill.gateway import GatewayAbilities
from rtbill.ports import Clock

CARD_LENGTH_MAX = 64

_logger = logging.getLogger(__name__)


class CashlessGateway:
    """gateway.PaymentGateway for one provider of cashless cards."""

    def __init__(self, name: str, mapping: CashlessMapping, client: SoapClient) -> None:
        self._name = name
        self._mapping = mapping
        self._client = client
        self._asking = Asking(name, mapping, client)

    @classmethod
    async def open(
        cls, name: str, mapping: CashlessMapping, address: SoapAddress, clock: Clock
    ) -> CashlessGateway:
        """A gateway whose WSDL has been read and compared with the mapping; ConfigError when they
        do not fit or the address cannot be used. Nothing is asked yet.
        """
        return cls(name, mapping, await SoapClient.open(mapping, address, clock))

    @property
    def name(self) -> str:
        """As configured."""
        return self._name

    @property
    def abilities(self) -> GatewayAbilities:
        """It has no pages and tells nothing by itself; the mapping says whether it can be asked."""
        return GatewayAbilities(sets_up_by_page=False, tells=False, finds=self._mapping.finds)

    async def create(self, charge: Charge) -> Created | Declined:
        """Reserve the money on the card."""
        unfit = self._unfit(charge)
        if unfit is not None:
            return unfit
        said = await self._asking.about(Act.AUTHORISE, charge, "")
        if isinstance(said, Refusal):
            outcome = await self._refused_create(charge, said)
        else:
            outcome = _outcome(said, said.provider_id or charge.reference)
        if isinstance(outcome, Created | Declined):
            return outcome
        raise self._unknown(Act.AUTHORISE, charge, f"it answers that it is {_word(outcome)}")

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """Take what is reserved."""
        return await self._settle(Act.CAPTURE, charge, provider_id)

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """Let go of what is reserved, by our reference where the provider's id was lost."""
        return await self._settle(Act.VOID, charge, provider_id)

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """What the provider says about our reference; Refused when it cannot be asked."""
        if Act.QUERY not in self._mapping.acts:
            self._refuse("cannot be asked what became of a reference; settle it by hand")
        said = await self._asking.about(Act.QUERY, charge, provider_id)
        if isinstance(said, Heard):
            return _outcome(said, provider_id or said.provider_id or charge.reference)
        if said.meaning is Trouble.ABSENT:
            return Absent()
        self._raise_undone(Act.QUERY, charge, said)
        if said.is_stated and not isinstance(said.meaning, Trouble):
            return _declined(provider_id, said, said.meaning or DeclineClass.VAGUE)
        raise self._unknown(Act.QUERY, charge, said.sentence)

    async def refund(self, refund: Refund) -> Refunded:
        """Give money back; Refused when the provider cannot or will not."""
        if Act.REFUND not in self._mapping.acts:
            self._refuse("gives no money back; pay it out by hand")
        place = f"{self._name}: refund {refund.reference}"
        said = await self._asking.about_refund(refund, place)
        if isinstance(said, Refusal):
            if said.says_nothing or said.meaning in (None, Trouble.DUPLICATE):
                raise OutcomeUnknown(f"{place}: {said.sentence}")
            if said.meaning is Trouble.BUSY or said.is_about_us:
                raise Unavailable(f"{place}: {said.sentence}")
            self._refuse(f"refuses refund {refund.reference}: {said.sentence}")
        if said.state not in (State.APPROVED, State.PENDING):
            raise OutcomeUnknown(f"{place}: it answers that it is {said.state}")
        return Refunded(
            refund_id=said.provider_id or refund.reference,
            provider_id=refund.provider_id,
            money=refund.money,
            state=RefundState.DONE if said.state is State.APPROVED else RefundState.PENDING,
            reference=refund.reference,
        )

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """Money that moved in this span; Refused when the provider has no list."""
        if Act.LIST not in self._mapping.acts:
            self._refuse("has no list of payments; compare by hand")
        return await self._asking.for_list(since, until)

    async def movements(self, since: datetime, until: datetime) -> Sequence[BalanceMovement]:
        """None: the provider pays each payment out by itself."""
        del since, until
        return ()

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """Refused: a cashless card is handed out by the house."""
        self._refuse(f"has no page for a card; enter the card of account {wanted.account} by hand")

    async def set_up_result(self, page_id: str) -> PaymentMethod | None:
        """Refused, as set_up."""
        self._refuse(f"has no page {page_id}")

    async def forget(self, method: PaymentMethod) -> None:
        """Nothing: the provider keeps no card for us."""
        assert method.gateway == self._name

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:  # noqa: ARG002
        """BadRecord: this provider tells nothing by itself."""
        raise BadRecord(f"{self._name} sends no webhooks; whoever sent this is not the provider")

    async def events_since(self, at: datetime) -> Sequence[GatewayEvent]:
        """Refused: there are none."""
        self._refuse(f"tells no events, so none since {at:%Y-%m-%d %H:%M}")

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """Refused, as events_since."""
        self._refuse(f"tells no events, so it knows no {event.id}")

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    async def _settle(self, act: Act, charge: Charge, provider_id: str) -> Outcome:
        """Capture or void, and ask when the answer is a refusal that settles nothing."""
        if not provider_id and "reference" not in self._mapping.acts[act].send:
            if Act.QUERY not in self._mapping.acts:
                raise self._unknown(act, charge, "its id was lost, and it cannot be asked for it")
            known = await self.find(charge, "")
            if not isinstance(known, Created):
                return known
            provider_id = known.provider_id
        said = await self._asking.about(act, charge, provider_id)
        if isinstance(said, Heard):
            return _outcome(said, provider_id or said.provider_id or charge.reference)
        self._raise_undone(act, charge, said)
        if said.meaning is Trouble.ABSENT:
            return Absent()
        if act is Act.CAPTURE and not said.says_nothing and isinstance(said.meaning, DeclineClass):
            return _declined(provider_id, said, said.meaning)
        return await self._looked_up(act, charge, provider_id, said)

    async def _refused_create(self, charge: Charge, said: Refusal) -> Outcome:
        if isinstance(said.meaning, DeclineClass):
            return _declined("", said, said.meaning)
        self._raise_undone(Act.AUTHORISE, charge, said)
        if said.meaning is Trouble.DUPLICATE:
            return await self._looked_up(Act.AUTHORISE, charge, "", said)
        if said.meaning is Trouble.ABSENT or said.says_nothing:
            raise self._unknown(Act.AUTHORISE, charge, said.sentence)
        _logger.warning(
            "%s declines with the code %r, which its mapping does not know; taken as vague",
            self._name,
            said.code,
        )
        return _declined("", said, DeclineClass.VAGUE)

    async def _looked_up(
        self, act: Act, charge: Charge, provider_id: str, said: Refusal
    ) -> Outcome:
        """What a refusal left behind, by the provider's own word."""
        if Act.QUERY not in self._mapping.acts:
            raise self._unknown(act, charge, said.sentence)
        return await self.find(charge, provider_id)

    def _unfit(self, charge: Charge) -> Declined | None:
        """Why this charge cannot even be asked for."""
        finer = too_fine(charge.money)
        if finer:
            return Declined("", DeclineClass.OURS, "amount", finer)
        only = self._mapping.currency
        if only and charge.money.currency != only:
            text = f"{self._name} knows {only} only, not {charge.money.currency}"
            return Declined("", DeclineClass.OURS, "currency", text)
        card = charge.method.reference
        if not card or len(card) > CARD_LENGTH_MAX or not card.isprintable():
            text = f"it has no name that could be sent (1 to {CARD_LENGTH_MAX} letters); enter anew"
            return Declined("", DeclineClass.CARD, "card", text)
        return None

    def _raise_undone(self, act: Act, charge: Charge, said: Refusal) -> None:
        """Unavailable when the refusal says that nothing was done and it may be tried again."""
        if (said.meaning is Trouble.BUSY or said.is_about_us) and not said.says_nothing:
            raise Unavailable(f"{self._asking.place(act, charge)}: {said.sentence}")

    def _unknown(self, act: Act, charge: Charge, text: str) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._asking.place(act, charge)}: {text}")

    def _refuse(self, text: str) -> NoReturn:
        raise Refused(f"{self._name} {text}")


def _outcome(said: Heard, provider_id: str) -> Outcome:
    match said.state:
        case State.CREATED:
            return Created(provider_id)
        case State.APPROVED:
            assert said.money is not None, "check_same saw the sum"
            return Approved(provider_id, said.money)
        case State.PENDING:
            return Pending(provider_id)
        case State.CANCELLED:
            return Cancelled(provider_id)
        case State.ABSENT:
            return Absent()
        case State.DONE | State.DECLINED:
            raise AssertionError("neither is heard")
        case _:
            assert_never(said.state)


def _declined(provider_id: str, said: Refusal, decline: DeclineClass) -> Declined:
    return Declined(provider_id, decline, said.code, said.text)


def _word(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()
