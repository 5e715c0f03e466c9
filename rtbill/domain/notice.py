"""What a person or a machine should hear about; leaves through the outbox after the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SECRET_DETAILS = frozenset({"link"})
"""Names of details that open a door to whoever reads them: mailed, and never logged."""

ACCOUNT_KINDS = (
    "balance.low",
    "service.locked",
    "service.opened",
    "service.warning",
    "topup.done",
    "topup.failed",
    "topup.authentication_needed",
    "topup.refunded",
    "pay.link",
    "card.expiring",
)
"""Of notices that the holder of the account is written; the subject is the account."""
OPERATOR_KINDS = (
    "alarm.raised",
    "alarm.cleared",
    "call.unrated",
    "call.unconfirmed",
    "call.emergency",
    "call.evasion",
    "topup.disputed",
)
"""Of notices that the operator is written, as far as the configuration wants."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for whoever listens: the log; mail, MQTT and webhooks by configuration."""

    kind: str
    """For an account's holder, with the details that each carries:

    - `balance.low`: available, currency
    - `service.locked`, `service.opened`, `service.warning` (would be locked, were that enforced):
      available, currency, outgoing, incoming
    - `topup.done`: amount, currency, balance (after it), method, reference, and where tax is due
      with it `vat` (the tax in the amount) and `vat_percent` (`19 %`)
    - `topup.failed`: amount, currency, method, reference, decline (a DeclineClass), and where there
      is one `retry_at`, the instant of the next attempt, and `link`, to mend it
    - `topup.authentication_needed`: amount, currency, method, link (single-use), expires
    - `topup.refunded`: amount, currency, balance (after it), method, reference
    - `pay.link`: link (to add or change a card), expires
    - `card.expiring`: method, month (`2027-03`, the last in which it is good), and where there is
      one `link`
    - `account.credited` (for machines: nobody is mailed): amount (below zero when it was taken
      back), currency, balance (after it), kind (a TransferKind), reference (key of the transfer)
    - `bundle.low`, `bundle.used_up`: allowance, bundle; `calls.rerated`, `call.ending`: none

    For the operator `service.would_lock`, `service.would_open`: pbx, extensions; `call.unrated`,
    `call.unconfirmed`, `call.emergency`, `call.evasion`, `alarm.raised`, `alarm.cleared`: none;
    `topup.disputed`, whose subject is the account: amount, currency, reference, state (a
    DisputeState).
    """
    subject: str
    """The identity of the thing: an account, a call, an exchange."""
    text: str
    """In one English sentence. A link never stands here."""
    at: datetime
    details: tuple[tuple[str, str], ...] = ()
    """Amounts are decimal text such as `20.00`, instants ISO 8601 with their offset; a method is
    the label of a PaymentMethod, a reference is ours.
    """
