"""The life of a top-up as the books keep it: from the wish to the money, and what went back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.call import epoch_us
from rtbill.domain.money import Money
from rtbill.domain.payment import REFERENCE_DIGITS_MAX, DeclineClass
from rtbill.domain.replenishment import GatewayStop, KeptMethod, Replenishment
from rtbill.domain.vat import VatPoint

NOISE_MAX = 9_999
"""Of the random number in a reference."""


class TopUpState(StrEnum):
    """How far a top-up is."""

    WANTED = "wanted"
    """In the books, and surely nothing was sent."""
    ASKED = "asked"
    """The provider is being told of it; the answer is not there yet."""
    CREATED = "created"
    """The provider knows it by an id; no money has moved."""
    SENT = "sent"
    """The provider is being asked to take the money, or is at it."""
    ACTION_NEEDED = "action needed"
    """The holder has to confirm it."""
    UNKNOWN = "unknown"
    """An answer is missing, or makes no sense."""
    CALLED_OFF = "called off"
    """The provider is being asked to let it be."""
    APPROVED = "approved"
    """Paid and credited."""
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """It came to nothing, and nobody declined it."""
    REVERSED = "reversed"
    """Paid, credited, and all of it went back."""


FINAL = frozenset(
    {TopUpState.APPROVED, TopUpState.DECLINED, TopUpState.CANCELLED, TopUpState.REVERSED}
)
"""Only then may the account have another one (RP-11, RP-23)."""


class Follow(StrEnum):
    """What a step of a top-up entails."""

    NEXT = "next"
    """The step `create asked`, or `confirm asked`, may be taken as soon as its turn comes."""
    CREATE = "create"
    """Tell the provider of it, now."""
    CONFIRM = "confirm"
    """Have the provider take the money, now."""
    LOOK = "look"
    """Ask the provider what became of it: at `next_look`, or at once where it told something."""
    CANCEL = "cancel"
    """Ask the provider to let it be: now, and again at `next_look`."""
    LINK = "link"
    """Send the holder a link by which to confirm it."""
    CREDIT = "credit"
    """The account gets the money, once, less what went back already."""
    REVERSE = "reverse"
    """The account loses what went back beyond what it lost for it before."""
    RESTORE = "restore"
    """The account gets again what it had lost for it."""
    NOTE = "note"
    """What went back is kept, to be booked with the credit if there is one."""
    LATER = "later"
    """No automatic attempt before the wait of its class is over; the holder is told."""
    TELL = "tell"
    """The holder is told that it came to nothing."""
    BAR = "bar"
    """The method is not used by itself any more; the holder is told."""
    HALT = "halt"
    """The account buys nothing by itself until a person says so."""
    STOP = "stop"
    """No top-up at this provider until a person says so; the operator is told."""
    ALARM = "!"
    """The operator is told: this should not be."""


FOR_THE_SERVICE = frozenset(
    {
        Follow.NEXT,
        Follow.CREATE,
        Follow.CONFIRM,
        Follow.LOOK,
        Follow.CANCEL,
        Follow.LINK,
    }
)
"""What remains to be done when the step is durable; all else was done in it."""


class Asker(StrEnum):
    """Who wanted it."""

    BALANCE = "balance"
    """The account's own balance, below its threshold: automatic."""
    HOLDER = "holder"
    """On a page, there to confirm."""
    DESK = "desk"
    """The operator, for the holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """One purchase of credit, as its latest step left it."""

    reference: str
    account: str
    money: Money
    gateway: str
    method: str
    """The provider's name for what pays."""
    asked_by: Asker
    state: TopUpState
    wanted_at: datetime
    moved_at: datetime
    """When it came to its state."""
    vat_point: VatPoint
    attempt: int = 1
    """Counts those for one debt: since the last one that was paid."""
    provider_id: str = ""
    first_sent_at: datetime | None = None
    """When its keys were first used at the provider, which forgets them (RP-22)."""
    asked_for_at: datetime | None = None
    """When the provider was first asked to take the money, as far as that was sent."""
    unknown_at: datetime | None = None
    """When its outcome was first in doubt."""
    next_look: datetime | None = None
    """When it has to be seen to again; None: when somebody says something."""
    looks: int = 0
    """How often the provider was asked what became of it."""
    absences: int = 0
    """How often it then knew nothing."""
    decline: DeclineClass | None = None
    code: str = ""
    """Why it was declined, as the provider gives it."""
    paid_at: datetime | None = None
    """When the account was credited."""
    reversed_micros: int = 0
    """What of it went back and is booked."""
    steps: int = 1
    """So far; each is a TopUpEvent."""
    needs_person: bool = False
    """Nothing more is tried by itself."""
    alarm: str = ""
    """The latest that should not have been."""

    @property
    def is_final(self) -> bool:
        """Whether the account may have another one."""
        return self.state in FINAL

    @property
    def is_attended(self) -> bool:
        """Whether the holder is there."""
        return self.asked_by is Asker.HOLDER

    @property
    def was_paid(self) -> bool:
        """Whether the account was credited."""
        return self.state in (TopUpState.APPROVED, TopUpState.REVERSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpEvent:
    """One step of a top-up, kept for ever."""

    reference: str
    number: int
    """From 1, without gaps."""
    event: str
    """As in docs/payments.md."""
    before: TopUpState | None
    after: TopUpState
    at: datetime
    cause: str
    """What the provider said, or who decided, in words."""


class ReversalKind(StrEnum):
    """How money went back."""

    REFUND = "refund"
    DISPUTE = "dispute"


class ReversalStage(StrEnum):
    """How far it is. Each kind only ever goes forward."""

    WANTED = "wanted"
    """A refund of ours that the provider has not answered."""
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    """The refund did not come about: the money is ours again."""
    INQUIRY = "inquiry"
    """No money has moved."""
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"


TAKEN = frozenset(
    {
        ReversalStage.WANTED,
        ReversalStage.PENDING,
        ReversalStage.DONE,
        ReversalStage.WITHDRAWN,
    }
)
"""The account does not have the money at these stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A refund or a dispute of a top-up."""

    key: str
    """Our reference of a refund of ours; otherwise the provider's id."""
    kind: ReversalKind
    top_up: str
    """Its reference."""
    gateway: str
    money: Money
    stage: ReversalStage
    at: datetime
    """When it came to its stage."""
    booked_micros: int = 0
    """By how much the account is lower for it now."""
    provider_id: str = ""
    """Of the refund or dispute; empty until the provider answers."""
    tries: int = 0
    """How often the provider was asked for it."""
    next_try: datetime | None = None
    reason: str = ""

    @property
    def due_micros(self) -> int:
        """By how much the account should be lower."""
        return self.money.micros if self.stage in TAKEN else 0


@dataclass(frozen=True, slots=True)
class PaymentState:
    """What the books hold of an account's payments, within the transaction that decides."""

    top_up: TopUp | None = None
    """The one that the step is about; None before it exists."""
    in_flight: TopUp | None = None
    """The one that is not final; may be the same."""
    recent: tuple[TopUp, ...] = ()
    """Wanted in the last 31 days, oldest first."""
    reversals: tuple[Reversal, ...] = ()
    """Of `top_up`."""
    settings: Replenishment | None = None
    methods: tuple[KeptMethod, ...] = ()
    """Also those that were barred or removed."""
    stops: tuple[GatewayStop, ...] = ()

    def method(self, gateway: str, reference: str) -> KeptMethod | None:
        """The account's method of this name."""
        for each in self.methods:
            if each.key == (gateway, reference):
                return each
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paying:
    """What a step of a top-up decides beside the account's money."""

    reason: str
    """Why it was decided so, in words."""
    top_up: TopUp | None = None
    """As it now is; None where there is none."""
    event: TopUpEvent | None = None
    """None where nothing about it changed."""
    follows: tuple[Follow, ...] = ()
    reversals: tuple[Reversal, ...] = ()
    """Those that changed."""
    methods: tuple[KeptMethod, ...] = ()
    """Those that changed."""
    settings: Replenishment | None = None
    """Where it changed."""
    stop: GatewayStop | None = None
    not_before: datetime | None = None
    """Where nothing is bought: when asking again may give another answer, as far as time decides
    that.
    """

    @property
    def to_do(self) -> tuple[Follow, ...]:
        """What the service has to see to."""
        return tuple(each for each in self.follows if each in FOR_THE_SERVICE)


def new_reference(at: datetime, noise: int) -> str:
    """20 digits that nobody else has: the microsecond, and a random number up to NOISE_MAX."""
    assert 0 <= noise <= NOISE_MAX
    reference = f"{epoch_us(at):016d}{noise:04d}"
    assert len(reference) <= REFERENCE_DIGITS_MAX
    return reference
