"""Money that customers pay in: what is charged, from which card, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rtbill.domain.money import Money

REFERENCE_DIGITS_MAX = 20
"""Of a top-up's reference: as many as the narrowest provider takes (RP-60)."""


class MethodKind(StrEnum):
    """What somebody pays with."""

    CARD = "card"
    CASHLESS = "cashless"
    """The building's own card, which holds money itself."""


class DeclineClass(StrEnum):
    """Why nothing was paid, by what it means for the next attempt (rules RP-13, RP-30)."""

    FAST = "fast"
    """A disturbance: once more soon."""
    SOFT = "soft"
    """No money just now: again tomorrow."""
    VAGUE = "vague"
    """The bank does not say: once more tomorrow."""
    ACTION = "action"
    """The holder has to confirm it."""
    CARD = "card"
    """This card will never do: another one is needed."""
    NEVER = "never"
    """The card must not be tried again."""
    OURS = "ours"
    """Our own request or credentials are wrong: no top-up will succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A card as its provider knows it; never its number."""

    gateway: str
    """Name of the gateway that knows it."""
    kind: MethodKind
    reference: str
    """The provider's name for it."""
    customer: str = ""
    """The provider's name for its holder, where it has one."""
    label: str = ""
    """As people know it: `Visa 4242`."""
    expires: tuple[int, int] | None = None
    """Year and month, the last in which it is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One top-up as it is asked of a gateway."""

    reference: str
    """Ours: digits, unique for ever, in the books before anything is sent."""
    account: str
    money: Money
    method: PaymentMethod
    text: str = ""
    """What the holder reads about it."""
    is_attended: bool = False
    """The holder is there and may be asked to confirm."""
    return_url: str = ""
    """Where the holder's browser comes back to from a page of the provider; of an attended charge
    only.
    """


@dataclass(frozen=True, slots=True)
class Created:
    """The provider knows of it, and no money has moved."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Approved:
    """The money is ours."""

    provider_id: str
    money: Money


@dataclass(frozen=True, slots=True)
class Declined:
    """It will not be paid."""

    provider_id: str
    decline: DeclineClass
    code: str
    """As the provider gives it."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ActionNeeded:
    """The holder has to confirm it; until then nothing moves."""

    provider_id: str
    url: str = ""
    """Where the holder does so; empty until they are there, when the charge is confirmed again as
    an attended one.
    """


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider is still at it."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It was called off, and no money has moved or what was reserved is free again."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider knows nothing of it."""


Outcome = Created | Approved | Declined | ActionNeeded | Pending | Cancelled | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that goes back to the card it came from."""

    reference: str
    """Ours, as of a charge."""
    charge: str
    """The reference of the top-up."""
    provider_id: str
    """Of the top-up."""
    money: Money


class RefundState(StrEnum):
    """What became of a refund."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund as the provider now has it."""

    refund_id: str
    provider_id: str
    """Of the top-up."""
    money: Money
    state: RefundState
    reference: str = ""
    """Ours; empty when somebody made it at the provider."""


class DisputeState(StrEnum):
    """How far a holder's objection is."""

    INQUIRY = "inquiry"
    """No money has moved."""
    WITHDRAWN = "withdrawn"
    """The provider took the money back."""
    REINSTATED = "reinstated"
    """It was given to us again."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """A holder objects to a charge."""

    dispute_id: str
    provider_id: str
    """Of the top-up."""
    money: Money
    state: DisputeState


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a top-up."""

    reference: str
    """Ours; empty where the provider does not say."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class MethodReady:
    """Somebody has given a card on the provider's page, for what `set_up` was asked with."""

    set_up: str
    method: PaymentMethod


@dataclass(frozen=True, slots=True)
class MethodGone:
    """The provider no longer has this card."""

    reference: str


@dataclass(frozen=True, slots=True)
class MethodRenewed:
    """The provider knows the card that follows it."""

    method: PaymentMethod


Told = Settled | Refunded | Disputed | MethodReady | MethodGone | MethodRenewed


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """Something happened at a provider. What exactly is asked of it, never read from here."""

    id: str
    """The provider's, by which it is known when it comes again."""
    kind: str
    """In the provider's words."""
    about: str
    """The provider's id of the thing it is about."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """A card is to be given on the provider's page."""

    reference: str
    """Ours, unique."""
    account: str
    customer: str
    """The provider's name for the holder; empty where it has none yet."""
    email: str
    return_url: str
    """Where the browser comes back to, whether or not a card was given."""
    mandate: str
    """Of the text to which the holder agreed: its version."""


@dataclass(frozen=True, slots=True)
class SetUpPage:
    """Where to send the browser."""

    id: str
    """The provider's, to ask by."""
    url: str
    customer: str


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment in the provider's own books, to compare with ours."""

    provider_id: str
    reference: str
    """Ours; empty when it is not of rtbill."""
    money: Money
    at: datetime
    is_refund: bool = False
    movement: str = ""
    """The provider's id of the movement of its balance, where it keeps one for us."""
