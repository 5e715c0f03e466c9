"""What a site's rating hook is told of a call, and what it may answer; docs/rating-hook.md.

    from decimal import Decimal
    from rtbill.hook import Adjustment, Call

    def adjust(call: Call) -> Adjustment | None:
        if call.account_class == "staff" and call.number.startswith("+41"):
            return Adjustment(percent=Decimal("-50"), reason="Staff to Switzerland")
        return None

Whoever writes a hook needs no other module of rtbill.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that is about to be dialled, or was answered. How long it lasts nobody knows yet."""

    number: str
    """Called number in E.164 with plus."""
    dialled: str
    """The digits as they were dialled, or stood on the trunk."""
    answered_at: datetime
    """On the site's clock; the present instant while it is not answered."""
    pbx: str
    trunk: str
    """Before the call is dialled, each that it may take is asked about."""
    extension: str
    """That the call is made from; empty where the exchange did not say."""
    account: str
    """That pays, by its id: the extension's, or that of a code, PIN or trunk."""
    account_class: str
    person: str
    """Who holds the extension, or whose code, PIN or trunk pays; empty where nobody is named."""
    price_list: str
    """Tariff or price plan by which the call is priced unless the hook names another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What is changed about the price of the call. Amounts are Decimal or int, in the main unit of
    the account's currency; never float.
    """

    reason: str = ""
    """Shown to the customer; needed with any change."""
    price_list: str = ""
    """Another tariff or price plan; empty keeps the call's own."""
    percent: Decimal | int = 0
    """Added to the price after the plan's markup; -100 leaves nothing."""
    per_minute: Decimal | int = 0
    """Added for the billed time; not below 0, or a longer call might cost less."""
    per_call: Decimal | int = 0
    """Added once; below 0 it is taken off, as far as there is anything."""
    charge_max: Decimal | int | None = None
    """The price is no more than this, before discounts, rounding and tax."""
    is_free: bool = False
    """The call costs nothing, whatever else a plan says."""
