"""What goes over the wire, in and out. The OpenAPI document is made of these very models, which
read every body and write every answer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)

from rtbill.domain.rated import CallStatus

AMOUNT = r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"
LIMIT_MAX = 1000


def _instant(written: object) -> datetime:
    if isinstance(written, datetime):
        return written
    try:
        found = datetime.fromisoformat(written) if isinstance(written, str) else None
        if found is not None and found.tzinfo is not None and "T" in str(written).upper():
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{written!r} is not an instant with its zone, such as 2026-12-01T10:00:00Z")


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("it is one line without blanks at its ends")
    return text


Amount = Annotated[
    StrictStr,
    Field(pattern=AMOUNT, description="Decimal text, never a number: `12.50`.", examples=["12.50"]),
]
Currency = Annotated[StrictStr, Field(pattern="^[A-Z]{3}$", examples=["EUR"])]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 with its zone.",
            "examples": ["2026-12-01T10:00:00.000000Z"],
        }
    ),
]
Line = Annotated[StrictStr, Field(min_length=1, max_length=200), AfterValidator(_printable)]
OptionalLine = Annotated[StrictStr, Field(max_length=200), AfterValidator(_printable)]
AccountName = Annotated[StrictStr, Field(min_length=1, max_length=64)]
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX, description="Of one page.")]
Outgoing = Literal["open", "locked"]
Incoming = Literal["ring", "divert"]


class Wire(BaseModel):
    """Nothing that is not named here is read or written."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# ---------------------------------------------------------------------- in


class Terms(Wire):
    """The whole terms of an account: what is left out has its default."""

    name: Line
    kind: Literal["prepaid", "postpaid"]
    currency: Currency
    credit_limit: Amount = "0"
    account_class: Annotated[OptionalLine, Field(alias="class")] = "standard"
    tariff: OptionalLine = ""


class ExtensionTerms(Wire):
    """How an account holds an extension."""

    person: Line | None = None
    valid_from: Annotated[Instant | None, Field(alias="from")] = None
    move: Annotated[
        StrictBool, Field(description="Take it from the account that holds it now.")
    ] = False


class CreditOrder(Wire):
    """Money that came in, or a correction."""

    amount: Annotated[Amount, Field(description="In whole coins; below zero, it takes money back.")]
    currency: Currency
    reason: Line
    kind: Annotated[
        Literal["payment", "correction"],
        Field(description="A payment is above zero; a correction may be either."),
    ] = "payment"


class BalanceOrder(Wire):
    """What the account's balance was by the outside package's books."""

    balance: Amount
    currency: Currency
    as_of: Annotated[
        Instant,
        Field(
            description="Everything posted up to then is counted in it; see `as_of` of accounts."
        ),
    ]


class LockOrder(Wire):
    """Why the extensions of an account are locked by hand."""

    reason: Line
    incoming: Incoming = "ring"


class UnlockOrder(Wire):
    """Why they are unlocked; kept with the lock that is lifted."""

    reason: Line


# ---------------------------------------------------------------------- asked in the query


class Page(Wire):
    """A part of a list."""

    limit: Limit = 100


class AccountsQuery(Page):
    """Which accounts."""

    after: Annotated[StrictStr, Field(description="`next` of the page before.")] = ""


class CallsQuery(Page):
    """Which calls; the span is of their answer, or of their end without one."""

    cursor: Annotated[
        str,
        Field(
            pattern="^[0-9]{0,18}$", description="`next` of the page before; keep it, and go on."
        ),
    ] = ""
    account: AccountName | None = None
    status: CallStatus | None = None
    since: Instant | None = None
    until: Instant | None = None


class UsageQuery(Wire):
    """Rated calls answered from `since` up to, not including, `until`."""

    since: Instant
    until: Instant
    account: AccountName | None = None
    by: Annotated[
        Literal["account", "person", "destination"], Field(description="What is added up apart.")
    ] = "account"


# ---------------------------------------------------------------------- out


class ServiceView(Wire):
    """What the exchange shall do for the account's extensions, on account of money."""

    outgoing: Outgoing
    incoming: Incoming


class ExtensionView(Wire):
    """An extension that the account holds now."""

    extension: Annotated[StrictStr, Field(examples=["hall/1001"])]
    person: StrictStr | None
    valid_from: Annotated[Instant, Field(alias="from")]
    until: Instant | None
    locked_by_hand: Annotated[StrictStr | None, Field(description="Why; null: it is not.")]
    locked_by: Annotated[
        StrictStr | None,
        Field(
            description="Who locked it by hand: `desk`, which alone unlocks it then, or `api:` and "
            "the name of a token.",
            examples=["api:billing"],
        ),
    ]


class LiveView(Wire):
    """Calls in progress."""

    talking: StrictInt
    ringing: StrictInt


class AccountView(Wire):
    """An account as it stands."""

    account: StrictStr
    name: StrictStr
    kind: Literal["prepaid", "postpaid"]
    account_class: Annotated[StrictStr, Field(alias="class")]
    tariff: StrictStr
    currency: Currency
    credit_limit: Amount
    balance: Amount
    version: Annotated[StrictInt, Field(description="Movements of money so far.")]
    as_of: Annotated[
        Instant | None,
        Field(description="When the latest movement in this balance was posted; null: none yet."),
    ]
    held: Annotated[Amount, Field(description="For calls in progress; still in the balance.")]
    grantable: Annotated[Amount, Field(description="Balance and credit limit less what is held.")]
    service: ServiceView
    live_calls: LiveView
    extensions: list[ExtensionView]


class AccountsPage(Wire):
    """Accounts by id; `next` is null on the last page."""

    accounts: list[AccountView]
    next: StrictStr | None


class ExtensionHeld(Wire):
    """An extension and its account."""

    account: StrictStr
    extension: StrictStr


class CreditView(Wire):
    """A credit as it was posted."""

    account: StrictStr
    key: StrictStr
    amount: Amount
    currency: Currency
    kind: Literal["payment", "correction"]
    reason: StrictStr
    balance_after: Amount
    version: StrictInt
    at: Instant


class BalanceView(Wire):
    """What became of a reported balance."""

    account: StrictStr
    currency: Currency
    as_of: Instant
    reported: Amount
    correction: Annotated[Amount, Field(description="What was posted for this report.")]
    balance: Annotated[Amount, Field(description="Now, with what was posted since.")]


class LockedExtension(Wire):
    """What one extension shall have after the order."""

    extension: StrictStr
    outgoing: Outgoing
    incoming: Incoming
    note: StrictStr | None


class LockView(Wire):
    """All extensions that the account holds now."""

    account: StrictStr
    extensions: list[LockedExtension]


class CallView(Wire):
    """A call as the books hold it, by the prices that hold now."""

    call: Annotated[StrictStr, Field(description="Its id, unique for ever.")]
    account: StrictStr
    status: CallStatus
    posted_at: Instant
    extension: StrictStr | None
    person: StrictStr | None
    dialled: StrictStr | None
    number: StrictStr | None
    trunk: StrictStr
    answered_at: Instant | None
    ended_at: Instant
    talk_s: Annotated[Amount, Field(description="Seconds of talk, to the microsecond.")]
    billed_s: StrictInt | None
    destination: StrictStr | None
    tariff: StrictStr | None
    price: Amount | None
    tax: Annotated[Amount | None, Field(description="Of the price.")]
    debit: Annotated[Amount | None, Field(description="The price less what bundles pay.")]
    currency: Currency | None
    note: StrictStr


class CallsPage(Wire):
    """Calls in the order of posting. `next` is always there: calls posted later come after it."""

    calls: list[CallView]
    next: StrictStr
    more: Annotated[StrictBool, Field(description="Whether there are more at once.")]


class UsageSum(Wire):
    """Calls added up."""

    account: StrictStr | None
    person: StrictStr | None
    destination: StrictStr | None
    currency: Currency
    calls: StrictInt
    talk_s: Amount
    billed_s: StrictInt
    price: Amount
    tax: Amount


class UsageView(Wire):
    """The sums, and how many calls of the span wait for a price and are in none of them."""

    since: Instant
    until: Instant
    usage: list[UsageSum]
    waiting: StrictInt


class Problem(Wire):
    """What went wrong (RFC 9457): where, and how to mend it."""

    type: Annotated[StrictStr, Field(examples=["urn:rtbill:problem:conflict"])]
    title: StrictStr
    status: StrictInt
    detail: StrictStr
    instance: Annotated[StrictStr, Field(description="The path that was asked.")]
    field: Annotated[StrictStr | None, Field(description="What was wrong, where it is one thing.")]
    remedy: StrictStr
