"""Movements of money. A transfer is one row with two halves, so it cannot be unbalanced."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

REVENUE = "revenue"
CASH = "cash"
CORRECTIONS = "corrections"
WRITE_OFF = "write-off"
OVERSPEND = "overspend"
"""Talk after the end of the money: the biller's own loss (CC-43)."""
CLEARING = "clearing"
"""What a payment provider took in for us, as `clearing:<gateway>`."""
VAT_OUTPUT = "VAT output"
"""Tax that is due. Only entries of tax stand there and in the next one (rtbill/domain/vat.py)."""
VAT_DEFERRED = "VAT deferred"
"""Tax that was paid with credit which is not used yet."""
DISPUTED = "dispute receivable"
"""What a provider took back for holders who object, as `dispute receivable:<gateway>`."""
CONTRA_ACCOUNTS = (REVENUE, CASH, CORRECTIONS, WRITE_OFF, OVERSPEND, CLEARING, DISPUTED)
"""The biller's own side of every transfer; `revenue` is refined by class as `revenue:<class>`."""


class TransferKind(StrEnum):
    """Why money moved."""

    CALL = "call"
    TOP_UP = "top-up"
    CORRECTION = "correction"
    REVERSAL = "reversal"
    """Takes back the debit of a call that is rated again."""
    ADJUSTMENT = "adjustment"
    """What a call rated again costs more or less than its invoice says."""
    REFUND = "refund"
    """A top-up goes back to where it came from; or does not after all."""
    DISPUTE = "dispute"
    """A holder's bank takes a top-up back; or gives it again."""


class Transfer(NamedTuple):
    """Money moves from the debit account to the credit account; never changed once written. Light,
    because rating a month again makes millions.
    """

    key: str
    """Built from the business fact, unique for ever: `call:<call id>`, `credit:<key>`,
    `refunded:<key>`, `rerate:<run>:<account>:<call id>`, `absorbed:<call id>`.
    """
    debit: str
    """Account id that pays: its balance falls by the amount."""
    credit: str
    """Account id that receives: its balance rises."""
    amount_micros: int
    currency: str
    kind: TransferKind
    event_at: datetime
    """When it happened, as against when it was written."""
    account: str
    """The customer's side (debit or credit): whose version and balance follow."""
    version: int
    balance_after_micros: int
    call: str | None = None
    reason: str = ""
    reverses: str | None = None
    """Key of the transfer this one corrects."""

    @property
    def change_micros(self) -> int:
        """By how much the account's balance rises; negative where it falls."""
        return self.amount_micros if self.account == self.credit else -self.amount_micros
