"""Administrative facts: what a desk, an alarm or a clock makes durable beside the calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.account import Account, DeskLock, Extension, Membership
from rtbill.domain.bundle import Allowance, Bundle
from rtbill.domain.contact import Bounce, Contact
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation
from rtbill.domain.outside import BalanceReport, WebhookEvent
from rtbill.domain.payer_key import Binding, PayerKey
from rtbill.domain.payment_changes import PaymentChange
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rerating import Difference, Run, RunState
from rtbill.domain.tariff import Tariff
from rtbill.domain.vat import SetVatTerms, VatClosing


@dataclass(frozen=True, slots=True)
class CreateAccount:
    """A new account with balance zero."""

    account: Account


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """New terms (name, kind, limit, class, tariff) for an existing account; its currency never
    changes.
    """

    account: Account


@dataclass(frozen=True, slots=True)
class Assign:
    """A membership begins; the one before it, if any, ends at that instant when `move` is set."""

    membership: Membership
    move: bool = False


@dataclass(frozen=True, slots=True)
class EndMembership:
    """Whatever account holds the extension at this instant ceases to."""

    account: str
    extension: Extension
    at: datetime


@dataclass(frozen=True, slots=True)
class Bind:
    """A key stands for an account; what it stood for before ends at that instant when `move` is
    set.
    """

    binding: Binding
    move: bool = False


@dataclass(frozen=True, slots=True)
class Unbind:
    """Whatever account the key stands for at this instant, it ceases to."""

    account: str
    key: PayerKey
    at: datetime


@dataclass(frozen=True, slots=True)
class SetContact:
    """Where the account's holder is written to, in place of what was known; None: nowhere."""

    account: str
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class NoteBounce:
    """A mail to the account was refused for good; nothing happens when it has another address by
    now.
    """

    account: str
    email: str
    bounce: Bounce


@dataclass(frozen=True, slots=True)
class NoteMailTaken:
    """A mail to the account was taken, so an earlier bounce says nothing any more."""

    account: str
    email: str


@dataclass(frozen=True, slots=True)
class AddTariff:
    """A new version of a tariff takes effect from its `valid_from`."""

    tariff: Tariff


@dataclass(frozen=True, slots=True)
class AddPricePlan:
    """A new version of a price plan takes effect from its `valid_from`."""

    plan: PricePlan


@dataclass(frozen=True, slots=True)
class AddBundle:
    """A new version of a bundle, for whoever is given it from now on."""

    bundle: Bundle


@dataclass(frozen=True, slots=True)
class GiveAllowance:
    """Accounts of the bundle's currency hold a bundle."""

    allowance: Allowance
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndAllowance:
    """The allowance of this key ends earlier than it would have."""

    key: str
    until: datetime


@dataclass(frozen=True, slots=True)
class SetDeskLock:
    """A lock by hand, replacing an earlier one; Refused when that may not be changed by whom."""

    lock: DeskLock


@dataclass(frozen=True, slots=True)
class LiftDeskLock:
    """The lock by hand is taken away, if there is one, and who did so and why is kept; Refused when
    it may not be.
    """

    extension: Extension
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DropCall:
    """An unrated or unconfirmed call will not be billed, for a reason that is kept."""

    call: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MarkInvoiced:
    """These calls, by key, are charged by this invoice, which is never changed."""

    calls: tuple[str, ...]
    invoice: str


@dataclass(frozen=True, slots=True)
class AddRun:
    """What a dry run found, by account; its id is the next."""

    run: Run
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class MoveRun:
    """A run is begun, finished or dropped."""

    run: int
    state: RunState
    at: datetime


@dataclass(frozen=True, slots=True)
class PostNotices:
    """Notices that belong to no account operation, such as alarms."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class AddObservations:
    """What would have been done and belongs to no account operation; known keys change nothing."""

    observations: tuple[Observation, ...]
    at: datetime
    """When they are told."""


@dataclass(frozen=True, slots=True)
class NoticesSent:
    """The outbox may forget these."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """The exchange was heard up to here; bounds the evidence of calls lost in a crash of both
    sides.
    """

    pbx: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportBalance:
    """Somebody else's books say what the balance was; the newest of each account is kept."""

    report: BalanceReport


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """An event waits for a webhook; one that waits already changes nothing."""

    event: WebhookEvent


@dataclass(frozen=True, slots=True)
class EventsSent:
    """These events need not wait any more."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DropEvents:
    """Nobody wants the events of this webhook any more."""

    webhook: str


@dataclass(frozen=True, slots=True)
class KeepEventsOf:
    """These webhooks there are; nobody wants the events of others any more."""

    webhooks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """Several changes in one transaction: all of them or none."""

    changes: tuple[Change, ...]


Change = (
    CreateAccount
    | ChangeAccount
    | Assign
    | EndMembership
    | Bind
    | Unbind
    | SetContact
    | NoteBounce
    | NoteMailTaken
    | AddTariff
    | AddPricePlan
    | AddBundle
    | GiveAllowance
    | EndAllowance
    | SetDeskLock
    | LiftDeskLock
    | DropCall
    | MarkInvoiced
    | AddRun
    | MoveRun
    | PaymentChange
    | PostNotices
    | AddObservations
    | NoticesSent
    | Heard
    | ReportBalance
    | QueueEvent
    | EventsSent
    | DropEvents
    | KeepEventsOf
    | SetVatTerms
    | VatClosing
    | Together
)
"""Administrative facts: applied one by one, in order with the operations. Raise Conflict, Refused,
UnknownAccount.
"""
