"""Which calls and observations a question of a reader is about."""

from __future__ import annotations

from datetime import datetime

from rtbill.domain.observation import ObservationFilter, PostedObservation
from rtbill.domain.rated import RatedCall
from rtbill.ports import CallFilter


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
