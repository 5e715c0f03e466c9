"""Event filters made from the trunk matchers: four events for a trunk call, none for any other.

Filters live as long as the session, so they are sent after every sign-in. Two forms exist. A
regular expression over the whole event works everywhere. Newer versions also compare one header of
one event by name, which costs the exchange less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Headers = tuple[tuple[str, str], ...]

_ADVANCED_SINCE = {20: 11, 21: 6, 22: 1}
"""The first release of each series that knows MatchCriteria; all later series do."""
_LEG_EVENTS = (("DialBegin", "DestChannel"), ("Newstate", "Channel"), ("Hangup", "Channel"))
_PLAIN_EVENTS = ("FullyBooted", "Shutdown", "Rename")
_USER_EVENTS = ("RtbillRefused",)
_SPECIAL = re.compile(r"([][.*+?^$(){}|\\])")


def has_advanced_filters(version: str) -> bool:
    """Whether an Asterisk of this version (`22.10.1`) knows MatchCriteria."""
    found = re.search(r"(?<!\d)(\d+)\.(\d+)", version)
    if found is None or "cert" in version:
        return False
    series, release = int(found[1]), int(found[2])
    return series > max(_ADVANCED_SINCE) or release >= _ADVANCED_SINCE.get(series, release + 1)


def event_filters(matchers: Iterable[str], *, advanced: bool) -> list[Headers]:
    """The headers of one Filter action each; several filters are alternatives."""
    starts = list(matchers)
    wanted = _advanced(starts) if advanced else _regular(starts)
    return [(("Operation", "Add"), *headers) for headers in wanted]


def _regular(starts: list[str]) -> list[Headers]:
    channel = "|".join(_SPECIAL.sub(r"\\\1", start) for start in starts)
    # The character after the name keeps Hangup from meaning HangupRequest as well.
    expressions = [f"Event: {name}[^A-Za-z].*{header}: ({channel})" for name, header in _LEG_EVENTS]
    expressions.append(f"Event: ({'|'.join(_PLAIN_EVENTS)})[^A-Za-z]")
    expressions += [f"Event: UserEvent.*UserEvent: {name}" for name in _USER_EVENTS]
    return [(("Filter", expression),) for expression in expressions]


def _advanced(starts: list[str]) -> list[Headers]:
    wanted: list[tuple[str, str]] = []
    for name, header in _LEG_EVENTS:
        wanted += [
            (f"name({name}),header({header}),method(starts_with)", start) for start in starts
        ]
    wanted += [(f"name({name}),method(none)", "") for name in _PLAIN_EVENTS]
    wanted += [("name(UserEvent),header(UserEvent),method(exact)", name) for name in _USER_EVENTS]
    return [(("MatchCriteria", criteria), ("Filter", text)) for criteria, text in wanted]
