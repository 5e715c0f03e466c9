"""What an account may still spend while nobody knows whether its top-up was paid (RP-72). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.domain.top_up import TopUp, TopUpState


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """The lock waits for so long, or until so much is spent: whichever is sooner."""

    span: timedelta = timedelta(minutes=15)
    micros: int = 2_000_000


NO_GRACE = Grace(span=timedelta(0), micros=0)


def began(top_up: TopUp) -> datetime | None:
    """Since when nobody knows, or the provider cannot be reached; None: all is as it should be."""
    if top_up.is_final:
        return None
    if top_up.state is TopUpState.WANTED:
        return top_up.first_sent_at  # it was to be sent, and the provider was not there
    return top_up.unknown_at


def ends(top_up: TopUp, grace: Grace) -> datetime | None:
    """When the account has grace no more; None: it has none."""
    since = began(top_up)
    return None if since is None or not grace.micros else since + grace.span


def left_micros(top_up: TopUp, grace: Grace, at: datetime) -> int:
    """What the account may spend beyond its money now. A declined one leaves nothing: it locks at
    once.
    """
    end = ends(top_up, grace)
    return grace.micros if end is not None and at < end else 0
