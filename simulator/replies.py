"""What every AMI action needs: the session it came from, and the forms of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from simulator.channel import Headers, Message
from simulator.exchange import Exchange
from simulator.filters import FilterSet


@dataclass(slots=True)
class Rights:
    """What a manager user may hear and do; "all" means everything."""

    read: frozenset[str] = frozenset({"call", "cdr", "user", "system"})
    write: frozenset[str] = frozenset({"system", "call", "reporting"})

    def may_hear(self, privilege: str) -> bool:
        """Whether events of that class reach the user."""
        return "all" in self.read or privilege in self.read

    def may_do(self, classes: frozenset[str]) -> bool:
        """Whether one of the classes that allow an action is the user's."""
        return not classes or "all" in self.write or bool(classes & self.write)


@dataclass(slots=True)
class Session:
    """What the exchange knows of one AMI connection once it has signed in."""

    rights: Rights = field(default_factory=Rights)
    filters: FilterSet = field(default_factory=FilterSet)
    event_classes: frozenset[str] = frozenset({"all"})
    """As asked for by Login or Events; empty is off."""
    is_leaving: bool = False

    def hears(self, message: Message) -> bool:
        """Whether this event goes to this session."""
        wanted = "all" in self.event_classes or message.privilege in self.event_classes
        return wanted and self.rights.may_hear(message.privilege) and self.filters.admits(message)


Request = Mapping[str, str]
"""Headers of an action, keys in lower case."""
Handler = Callable[[Exchange, Session, Request], Iterable[Message]]


def success(request: Request, *headers: tuple[str, str]) -> Message:
    """Response: Success."""
    return Message((("Response", "Success"), *action_id(request), *headers))


def error(request: Request, text: str) -> Message:
    """Response: Error."""
    return Message((("Response", "Error"), *action_id(request), ("Message", text)))


def parse_classes(mask: str) -> frozenset[str]:
    """The value of Events: on, off, or a list of classes."""
    match mask.strip().lower():
        case "" | "on" | "all" | "yes" | "true" | "1":
            return frozenset({"all"})
        case "off" | "no" | "false" | "0":
            return frozenset()
        case listed:
            return frozenset(part.strip() for part in listed.split(","))


def action_id(request: Request) -> Headers:
    given = request.get("actionid", "")
    return [("ActionID", given)] if given else []


def list_reply(
    request: Request, message: str, items: list[Message], end: Headers
) -> Iterator[Message]:
    """A list: what is announced, its items, and the event `end` with its count."""
    yield success(request, ("EventList", "start"), ("Message", message))
    yield from items
    (name, count), *more = end
    closing: Headers = [("EventList", "Complete"), ("ListItems", count)]
    yield Message((("Event", name), *action_id(request), *closing, *more))
