"""A rating hook to start from.

Put it beside config.toml as mysite.py and name it there:

    [rating]
    hook = "mysite:adjust"
    [rating.hook_bounds]
    per_call = "0.10"

docs/rating-hook.md tells what a call and an adjustment hold. Try it before the service uses it:

    rtbill check-config
    rtbill rate 0041315550100 --account s1001 --extension 1001
"""

from __future__ import annotations

from decimal import Decimal

from rtbill.hook import Adjustment, Call

LIFT_TELEPHONES = {"1990", "1991"}


def adjust(call: Call) -> Adjustment | None:
    """Free calls from lifts, half price in the student hall on Sundays, ten cents for a mobile."""
    if call.extension in LIFT_TELEPHONES:
        return Adjustment(is_free=True, reason="Lift telephone")
    is_sunday = call.answered_at.weekday() == 6
    if call.account_class == "student" and is_sunday:
        return Adjustment(percent=-50, charge_max=Decimal("2.00"), reason="Sunday in the hall")
    if call.number.startswith("+4915"):
        return Adjustment(per_call=Decimal("0.10"), reason="Mobile")
    return None
