"""Event filters of one AMI session, as the action Filter of Asterisk 16 and 22 sets them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from simulator.channel import Message

METHODS = ("regex", "exact", "starts_with", "ends_with", "contains", "none")


class BadFilter(ValueError):
    """A filter the exchange refuses; the text is its answer."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """One condition on an event."""

    text: str
    method: str = "regex"
    event_name: str = ""
    header: str = ""
    excludes: bool = False
    pattern: re.Pattern[str] | None = None

    def matches(self, message: Message) -> bool:
        """Whether the event fulfils it. Without a header the whole text is looked at."""
        if self.event_name and message.name != self.event_name:
            return False
        if self.method == "none":
            return True
        if not self.header:
            return self._fits(message.text())
        return any(self._fits(value) for key, value in message.headers if key == self.header)

    def _fits(self, value: str) -> bool:
        match self.method:
            case "exact":
                return value == self.text
            case "starts_with":
                return value.startswith(self.text)
            case "ends_with":
                return value.endswith(self.text)
            case "contains":
                return self.text in value
            case _:
                assert self.pattern is not None
                return self.pattern.search(value) is not None


@dataclass(slots=True)
class FilterSet:
    """All filters of a session. None lets everything pass."""

    includes: list[EventFilter] = field(default_factory=list)
    excludes: list[EventFilter] = field(default_factory=list)

    def add(self, event_filter: EventFilter) -> None:
        """One more; several includes are alternatives."""
        (self.excludes if event_filter.excludes else self.includes).append(event_filter)

    def admits(self, message: Message) -> bool:
        """Whether the session hears of this event."""
        if self.includes and not any(one.matches(message) for one in self.includes):
            return False
        return not any(one.matches(message) for one in self.excludes)


def parse_filter(text: str, match_criteria: str, version: int) -> EventFilter:
    """Read the headers Filter and MatchCriteria.

    Asterisk 16 does not know the second and ignores it.
    """
    if version >= 22 and match_criteria:
        return _parse_advanced(text, match_criteria)
    excludes = text.startswith("!")
    expression = text[1:] if excludes else text
    return EventFilter(expression, excludes=excludes, pattern=_compile(expression))


def _parse_advanced(text: str, match_criteria: str) -> EventFilter:
    criteria: dict[str, str] = {}
    for part in match_criteria.split(","):
        found = re.fullmatch(r"\s*(action|name|header|method)\(([^()]*)\)\s*", part)
        if found is None or found[1] in criteria:
            raise BadFilter(
                "Filter was formatted incorrectly.  Check the syntax of the filter given."
            )
        criteria[found[1]] = found[2]
    method = criteria.get("method") or ("regex" if text else "none")
    action = criteria.get("action", "include")
    misfit = (method == "none") == bool(text)
    if method not in METHODS or action not in ("include", "exclude") or misfit:
        raise BadFilter("Filter was formatted incorrectly.  Check the syntax of the filter given.")
    return EventFilter(
        text,
        method,
        event_name=criteria.get("name", ""),
        header=criteria.get("header", ""),
        excludes=action == "exclude",
        pattern=_compile(text) if method == "regex" else None,
    )


def _compile(expression: str) -> re.Pattern[str]:
    """POSIX extended as far as Python's dialect agrees.

    `.` spans lines, `^` and `$` mean the whole event.
    """
    try:
        return re.compile(expression, re.DOTALL)
    except re.error as error:
        raise BadFilter("Filter did not compile.  Check the syntax of the filter given.") from error
