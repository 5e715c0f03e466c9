"""Why a call ended, by the numbers of ITU-T Q.850 that exchanges tell, and by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rtbill.domain.errors import BadRecord

CAUSES: Mapping[str, int] = MappingProxyType(
    {
        "unallocated-number": 1,
        "no-route-to-network": 2,
        "no-route-to-destination": 3,
        "normal-clearing": 16,
        "user-busy": 17,
        "no-user-responding": 18,
        "no-answer": 19,
        "subscriber-absent": 20,
        "call-rejected": 21,
        "number-changed": 22,
        "destination-out-of-order": 27,
        "invalid-number-format": 28,
        "facility-rejected": 29,
        "normal-unspecified": 31,
        "no-circuit-available": 34,
        "network-out-of-order": 38,
        "temporary-failure": 41,
        "switching-congestion": 42,
        "channel-unavailable": 44,
        "bearer-not-authorised": 57,
        "bearer-not-available": 58,
        "incompatible-destination": 88,
        "timer-expired": 102,
        "interworking": 127,
    }
)
"""The numbers that have a name here; others are written as numbers."""
_NUMBER_MAX = 127


def cause_number(text: str) -> int:
    """Of `17` or `user-busy`; BadRecord names what is known."""
    word = text.strip().lower().replace("_", "-")
    if word in CAUSES:
        return CAUSES[word]
    if word.isascii() and word.isdecimal() and 0 <= int(word) <= _NUMBER_MAX:
        return int(word)
    raise BadRecord(
        f"{text!r} is no cause: a number of Q.850 (0 to {_NUMBER_MAX}), or one of: "
        f"{', '.join(CAUSES)}"
    )
