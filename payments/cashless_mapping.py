"""How one provider of cashless cards speaks SOAP: its names, its words, its amounts and its codes.

rtbill knows four acts (authorise, capture, void, query; rules RP-60) and two that a provider may
lack (refund, list). A mapping says what each is called in the provider's WSDL, where our values go
in the question and where they stand in the answer. It is read by `cashless_table.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rtbill.domain.payment import DeclineClass

Place = tuple[str, ...]
"""Names of elements from the outside in; the last may be an attribute, written `@name`."""


class Act(StrEnum):
    """What a provider is asked to do."""

    AUTHORISE = "authorise"
    """Reserve the money on the card."""
    CAPTURE = "capture"
    """Take what is reserved."""
    VOID = "void"
    """Let go of what is reserved."""
    QUERY = "query"
    """Tell what became of our reference."""
    REFUND = "refund"
    LIST = "list"
    """Tell what moved in a span of time."""


class AmountForm(StrEnum):
    """How an amount is written."""

    MINOR = "minor"
    """EUR 12.50 is 1250."""
    DECIMAL = "decimal"
    """EUR 12.50 is 12.50."""


class Duplicates(StrEnum):
    """What the provider does with a reference that it knows already."""

    REFUSED = "refused"
    REPLAYED = "replayed"
    """It gives the first answer again."""
    ACCEPTED = "accepted"
    """It reserves a second time. Then nothing may be repeated without a person (RP-60)."""


class State(StrEnum):
    """What a word of the provider's means."""

    DONE = "done"
    """What was asked for: created, approved or cancelled by the act."""
    CREATED = "created"
    APPROVED = "approved"
    DECLINED = "declined"
    PENDING = "pending"
    CANCELLED = "cancelled"
    ABSENT = "absent"


class Trouble(StrEnum):
    """What a code can mean that is no decline."""

    DUPLICATE = "duplicate"
    """The reference was used before."""
    ABSENT = "absent"
    """It does not know the reference."""
    BUSY = "busy"
    """Nothing was done: once more soon."""


CodeMeaning = DeclineClass | Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class ActMapping:
    """One operation of the WSDL."""

    operation: str
    send: Mapping[str, Place]
    """Our words (`reference`, `amount` ...) and where they go."""
    read: Mapping[str, Place]
    """Our words and where they stand, within the one element of the answer's body."""
    fixed: Mapping[Place, str] = field(default_factory=dict)
    """What is always sent there."""
    states: Mapping[str, State] = field(default_factory=dict)
    """By the provider's word; `*` is every other word, but not no word at all."""
    codes: Mapping[str, CodeMeaning] = field(default_factory=dict)
    """By the provider's code, of a fault or of a refusal in a normal answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMapping(ActMapping):
    """The operation that lists payments: `read` stands within one item."""

    items: Place
    """Where the items stand: an element that repeats."""
    total: Place = ()
    """Where the answer says how many there are; empty when it does not."""
    refund_words: frozenset[str] = frozenset()
    """Of `kind`: what marks a refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashlessMapping:
    """How one provider speaks."""

    wsdl: Path
    service: str
    port: str
    amounts: AmountForm
    duplicates: Duplicates
    currency: str = ""
    """The only one it knows, where its answers name none; empty where they do."""
    zone: str = ""
    """IANA name, for instants that are written without an offset; empty when there are none."""
    fault_code: Place = ()
    """Within the Fault element; without it, or where nothing stands there, SOAP's own code."""
    fault_text: Place = ()
    acts: Mapping[Act, ActMapping]

    @property
    def finds(self) -> bool:
        """Whether what is unknown can be settled by asking (RP-60)."""
        return Act.QUERY in self.acts and self.duplicates is not Duplicates.ACCEPTED
