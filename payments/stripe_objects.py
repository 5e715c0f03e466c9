"""What every object of Stripe's API has: metadata, an amount, an instant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payments.secret_text import shown
from payments.stripe_amounts import money_of
from rtbill.domain.errors import BadRecord, OutcomeUnknown
from rtbill.domain.money import Money

YEAR_10000_S = 253_402_300_800


def metadata_text(thing: Mapping[str, Any], name: str) -> str:
    """What stands under a name in its metadata; empty where nothing does."""
    metadata = thing.get("metadata")
    text = metadata.get(name) if isinstance(metadata, Mapping) else None
    return text if isinstance(text, str) else ""


def read_money(thing: Mapping[str, Any], what: str) -> Money:
    """The amount of an object; OutcomeUnknown when it has none."""
    try:
        return money_of(thing.get("amount"), thing.get("currency"))
    except BadRecord as error:
        raise OutcomeUnknown(f"{what} at Stripe: {error}") from error


def read_instant(thing: Mapping[str, Any]) -> datetime:
    """When an object was made; OutcomeUnknown when it does not say."""
    created = thing.get("created")
    if not isinstance(created, int) or not 0 <= created < YEAR_10000_S:
        raise OutcomeUnknown(f"{shown(thing.get('id'))} at Stripe has no instant")
    return datetime.fromtimestamp(created, UTC)


def second_of(instant: datetime) -> int:
    """As Stripe counts instants."""
    return int(instant.timestamp())
