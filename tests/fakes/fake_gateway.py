"""A provider of payments with books of its own, and the gateway that speaks to it.

The provider outlives each gateway, as it outlives each life of the process. A test scripts what it
answers and which answers are lost; what money really moved is read from `moved`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from rtbill.domain.errors import BadRecord, OutcomeUnknown, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    ActionNeeded,
    Approved,
    Cancelled,
    Charge,
    Created,
    DeclineClass,
    Declined,
    GatewayEvent,
    ListedPayment,
    MethodKind,
    MethodReady,
    Outcome,
    PaymentMethod,
    Pending,
    Refund,
    Refunded,
    RefundState,
    Settled,
    SetUp,
    SetUpPage,
    Told,
)
from rtbill.domain.provider_balance import BalanceMovement, MovementKind
from rtbill.gateway import GatewayAbilities
from rtbill.ports import Clock


class Loss(Enum):
    """What goes wrong with one question."""

    UNREACHABLE = "nothing was sent"
    BEFORE = "no answer, and it was not done"
    AFTER = "it was done, and no answer"
    SILENT = "it was done, and nothing comes back for ever"


@dataclass
class Payment:
    """One payment in the provider's books."""

    charge: Charge
    id: str
    outcome: Outcome
    at: datetime
    refunded: list[Refunded] = field(default_factory=list)

    @property
    def is_paid(self) -> bool:
        """Whether money moved."""
        return isinstance(self.outcome, Approved)


class Provider:
    """What really happened."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.payments: dict[str, Payment] = {}
        """By our reference."""
        self.asked: list[str] = []
        """`create 123…`, in order."""
        self.at_once = 0
        self.at_once_max = 0
        self.answer_s = 0.0
        self.losses: dict[str, list[Loss]] = defaultdict(list)
        """By question: each is used once."""
        self.verdicts: list[Outcome | DeclineClass | str] = []
        """What confirming comes to: `action`, `pending`, or else it is paid."""
        self.verdicts_of: dict[str, list[Outcome | DeclineClass | str]] = {}
        """The same for one account."""
        self.wrong: Money | None = None
        """What it says was paid, whatever was asked for."""
        self.forgets: set[str] = set()
        """References of which it knows nothing, whatever it did."""
        self.events: list[GatewayEvent] = []
        self.about: dict[str, list[Told]] = {}
        self.others: list[ListedPayment] = []
        self.keeps_balance = False
        self.movements: list[BalanceMovement] = []
        """Of the balance, beside those of payments and refunds."""
        self.set_ups: dict[str, SetUp] = {}
        self.given: dict[str, PaymentMethod] = {}
        self.forgotten: list[str] = []

    @property
    def moved(self) -> dict[str, int]:
        """Micros that were really taken, by account, less what went back."""
        found: Counter[str] = Counter()
        for each in self.payments.values():
            if each.is_paid:
                back = sum(one.money.micros for one in each.refunded)
                found[each.charge.account] += each.charge.money.micros - back
        return dict(found)

    def count(self, what: str) -> int:
        """How often it was asked this."""
        return sum(each.split()[0] == what for each in self.asked)

    def settle(self, reference: str, outcome: Outcome | None = None) -> None:
        """It comes to its end without us: paid, unless told otherwise."""
        paid = self.payments[reference]
        paid.outcome = outcome or Approved(paid.id, paid.charge.money)
        paid.at = self.clock.now()

    def happen(self, number: str, kind: str = "payment", *told: Told, about: str = "") -> bytes:
        """An event; the body of its webhook."""
        event = GatewayEvent(number, kind, about or number, self.clock.now())
        self.events.append(event)
        if told:
            self.about[event.about] = list(told)
        return json.dumps({"id": number, "kind": kind, "about": event.about}).encode()


class FakeGateway:
    """gateway.PaymentGateway."""

    def __init__(
        self,
        provider: Provider,
        name: str = "fake",
        *,
        tells: bool = True,
        pages: bool = True,
        finds: bool = True,
    ) -> None:
        self._provider = provider
        self._name = name
        self._abilities = GatewayAbilities(
            sets_up_by_page=pages, tells=tells, finds=finds, repeats_for=timedelta(hours=23)
        )
        self.is_closed = False

    @property
    def name(self) -> str:
        """As configured."""
        return self._name

    @property
    def abilities(self) -> GatewayAbilities:
        """As the test wants."""
        return replace(self._abilities, keeps_balance=self._provider.keeps_balance)

    async def _do(self, what: str, about: str, act: Callable[[], Awaitable[object]]) -> object:
        provider = self._provider
        provider.asked.append(f"{what} {about}")
        provider.at_once += 1
        provider.at_once_max = max(provider.at_once_max, provider.at_once)
        try:
            if provider.answer_s:
                await provider.clock.sleep(provider.answer_s)
            loss = provider.losses[what].pop(0) if provider.losses[what] else None
            if loss is Loss.UNREACHABLE:
                raise Unavailable("the provider cannot be reached")
            if loss is Loss.BEFORE:
                raise OutcomeUnknown("no answer")
            done = await act()
            if loss is Loss.SILENT:
                await provider.clock.sleep(10**9)
            if loss is Loss.AFTER:
                raise OutcomeUnknown("no answer")
            return done
        finally:
            provider.at_once -= 1

    async def create(self, charge: Charge) -> Created | Declined:
        """Known by an id; the same again is the same."""

        async def act() -> Outcome:
            known = self._provider.payments.get(charge.reference)
            if known is None:
                number = f"pay_{charge.reference}"
                now = self._provider.clock.now()
                known = Payment(charge, number, Created(number), now)
                self._provider.payments[charge.reference] = known
            return Created(known.id)

        done = await self._do("create", charge.reference, act)
        assert isinstance(done, Created | Declined)
        return done

    async def confirm(self, charge: Charge, provider_id: str) -> Outcome:
        """By the next verdict."""

        async def act() -> Outcome:
            paid = self._provider.payments[charge.reference]
            assert paid.id == provider_id
            is_open = isinstance(paid.outcome, Created | ActionNeeded)
            if isinstance(paid.outcome, Created) or (is_open and not charge.is_attended):
                paid.outcome, paid.at = self._verdict(paid), self._provider.clock.now()
            if charge.return_url and isinstance(paid.outcome, ActionNeeded):
                return replace(paid.outcome, url=f"https://bank.example/{paid.id}")
            return self._said(paid)

        done = await self._do("confirm", charge.reference, act)
        return _outcome(done)

    def _verdict(self, paid: Payment) -> Outcome:
        account = paid.charge.account
        verdicts = self._provider.verdicts_of.get(account, self._provider.verdicts)
        verdict = verdicts.pop(0) if verdicts else "paid"
        match verdict:
            case "action":
                return ActionNeeded(paid.id)
            case "pending":
                return Pending(paid.id)
            case DeclineClass():
                return Declined(paid.id, verdict, f"code_{verdict}")
            case "paid":
                return Approved(paid.id, paid.charge.money)
            case _:
                assert not isinstance(verdict, str)
                return verdict

    def _said(self, paid: Payment) -> Outcome:
        if isinstance(paid.outcome, Approved) and self._provider.wrong is not None:
            return Approved(paid.id, self._provider.wrong)
        return paid.outcome

    async def find(self, charge: Charge, provider_id: str) -> Outcome:
        """By our reference."""
        del provider_id

        async def act() -> Outcome:
            if not self._abilities.finds:
                raise Refused("it cannot be asked")
            paid = self._provider.payments.get(charge.reference)
            if paid is None or charge.reference in self._provider.forgets:
                return Absent()
            return self._said(paid)

        return _outcome(await self._do("find", charge.reference, act))

    async def cancel(self, charge: Charge, provider_id: str) -> Outcome:
        """Unless money moved."""
        del provider_id

        async def act() -> Outcome:
            paid = self._provider.payments.get(charge.reference)
            if paid is None:
                return Absent()
            if not paid.is_paid:
                paid.outcome = Cancelled(paid.id)
            return paid.outcome

        return _outcome(await self._do("cancel", charge.reference, act))

    async def refund(self, refund: Refund) -> Refunded:
        """Once for each reference."""

        async def act() -> Refunded:
            paid = self._provider.payments[refund.charge]
            for each in paid.refunded:
                if each.reference == refund.reference:
                    return each
            if "refuse refunds" in self._provider.verdicts:
                raise Refused("the card is gone")
            number = f"re_{refund.reference}"
            state = RefundState.DONE
            made = Refunded(number, paid.id, refund.money, state, refund.reference)
            paid.refunded.append(made)
            return made

        done = await self._do("refund", refund.reference, act)
        assert isinstance(done, Refunded)
        return done

    async def set_up(self, wanted: SetUp) -> SetUpPage:
        """A page of its own."""
        number = f"page_{wanted.reference}"
        self._provider.set_ups[number] = wanted
        return SetUpPage(number, f"https://provider.example/{number}", f"cus_{wanted.account}")

    async def set_up_result(self, page_id: str) -> PaymentMethod | None:
        """What the test gave there."""
        return self._provider.given.get(page_id)

    async def forget(self, method: PaymentMethod) -> None:
        """It is noted."""

        async def act() -> None:
            self._provider.forgotten.append(method.reference)

        await self._do("forget", method.reference, act)

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Signed with the word `genuine`."""
        if headers.get("signature") != "genuine":
            raise BadRecord("the signature is wrong")
        number = json.loads(raw)["id"]
        return next(each for each in self._provider.events if each.id == number)

    async def events_since(self, at: datetime) -> Sequence[GatewayEvent]:
        """Oldest first."""

        async def act() -> list[GatewayEvent]:
            return [each for each in self._provider.events if each.at >= at]

        done = await self._do("events", "", act)
        assert isinstance(done, list)
        return done

    async def look_up(self, event: GatewayEvent) -> Sequence[Told]:
        """What it is about, as it is now."""

        async def act() -> list[Told]:
            if event.about in self._provider.about:
                return self._provider.about[event.about]
            paid = self._provider.payments.get(event.about)
            return [Settled(event.about, self._said(paid))] if paid else []

        done = await self._do("look_up", event.about, act)
        assert isinstance(done, list)
        return done

    async def listed(self, since: datetime, until: datetime) -> Sequence[ListedPayment]:
        """All that moved."""
        found = [
            ListedPayment(each.id, reference, each.charge.money, each.at, movement=f"txn_{each.id}")
            for reference, each in self._provider.payments.items()
            if each.is_paid
        ]
        return [one for one in [*found, *self._provider.others] if since <= one.at < until]

    async def movements(self, since: datetime, until: datetime) -> Sequence[BalanceMovement]:
        """A fee of 0.40 on each payment; refunds stand under their own ids."""
        found = list(self._provider.movements)
        for each in self._provider.payments.values():
            if each.is_paid:
                found.append(a_movement(f"txn_{each.id}", money=each.charge.money, at=each.at))
        return [one for one in found if since <= one.at < until]

    async def close(self) -> None:
        """Nothing is asked any more."""
        self.is_closed = True


def _outcome(done: object) -> Outcome:
    assert not isinstance(done, Refunded | SetUpPage | MethodReady | str | None)
    return done  # type: ignore[return-value]  # checked above, as far as a union can be


def a_movement(
    number: str,
    kind: MovementKind = MovementKind.PAYMENT,
    *,
    money: Money,
    at: datetime,
    **more: str,
) -> BalanceMovement:
    """One of the balance: a payment carries a fee of 0.40."""
    fee = Money(400_000 if kind is MovementKind.PAYMENT else 0, money.currency)
    about = more.get("about", f"of_{number}")
    return BalanceMovement(
        id=number, kind=kind, words=str(kind), about=about, money=money, fee=fee, at=at
    )


def a_method(reference: str = "card-1", gateway: str = "fake") -> PaymentMethod:
    """A card."""
    return PaymentMethod(
        gateway=gateway,
        kind=MethodKind.CARD,
        reference=reference,
        label="Visa 4242",
        expires=(2030, 12),
    )
