"""Which calls and observations a question of a reader is about, and which version is newer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from rtbill.domain.errors import Conflict
from rtbill.domain.observation import ObservationFilter, PostedObservation
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.rated import RatedCall
from rtbill.domain.tariff import Tariff
from rtbill.ports import CallFilter

_P = TypeVar("_P", PricePlan, Tariff)


def looks_at(wanted: ObservationFilter, posted: PostedObservation) -> bool:
    """Whether the observation is asked for."""
    observation = posted.observation
    return (
        (wanted.since is None or observation.at >= wanted.since)
        and wanted.pbx in (None, observation.pbx)
        and wanted.account in (None, observation.account)
    )


def began_at(call: RatedCall) -> datetime:
    """The answer, or the end of what was not answered."""
    return call.record.answered_at or call.record.ended_at


def matches(call: RatedCall, wanted: CallFilter) -> bool:
    """Whether the call is asked for."""
    record = call.record
    return (
        wanted.account in (None, call.account)
        and wanted.extension in (None, (record.id.pbx, record.payer))
        and wanted.status in (None, call.status)
        and (wanted.since is None or began_at(call) >= wanted.since)
        and (wanted.until is None or began_at(call) < wanted.until)
        and (call.number or "").startswith(wanted.number_prefix or "")
    )


def check_newer(what: str, new: _P, known: Sequence[_P]) -> None:
    """Conflict unless it is newer than all of its name."""
    if any(each.name == new.name and each.version >= new.version for each in known):
        raise Conflict(f"{what} {new.name} has version {new.version} already")
