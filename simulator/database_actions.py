"""AMI actions on AstDB."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.channel import Message
from simulator.exchange import Exchange
from simulator.replies import Request, Session, action_id, error, list_reply, success


def _missing(request: Request, *needed: str, stop: str = ".") -> Message | None:
    """An error if a header is not there; all but DBPut end it with a full stop."""
    for header in needed:
        if not request.get(header, ""):
            return error(request, f"No {header} specified{stop}")
    return None


def db_put(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    if missing := _missing(request, "family", "key", stop=""):
        yield missing
        return
    exchange.database.put(request["family"], request["key"], request.get("val", ""))
    yield success(request, ("Message", "Updated database successfully"))


def db_get(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    if missing := _missing(request, "family", "key"):
        yield missing
        return
    family, key = request["family"], request["key"]
    value = exchange.database.get(family, key)
    if value is None:
        yield error(request, "Database entry not found")
        return
    row = (("Event", "DBGetResponse"), ("Family", family), ("Key", key), ("Val", value))
    items = [Message((*row, *action_id(request)))]
    yield from list_reply(request, "Result will follow", items, [("DBGetComplete", "1")])


def db_del(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    if missing := _missing(request, "family", "key"):
        yield missing
    elif exchange.database.delete(request["family"], request["key"]):
        yield success(request, ("Message", "Key deleted successfully"))
    else:
        not_there = "could not be deleted" if exchange.version >= 22 else "not found"
        yield error(request, f"Database entry {not_there}")


def db_del_tree(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    if missing := _missing(request, "family"):
        yield missing
    elif exchange.database.delete_tree(request["family"], request.get("key", "")):
        yield success(request, ("Message", "Key tree deleted successfully"))
    else:
        yield error(request, "Database entry not found")


def db_get_tree(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    rows = exchange.database.tree(request.get("family", ""), request.get("key", ""))
    end = action_id(request)
    items = [
        Message((("Event", "DBGetTreeResponse"), ("Key", path), ("Val", value), *end))
        for path, value in rows
    ]
    # Seen in the captures: 16 counts the whole tree as one item, 22 its rows.
    count = len(items) if exchange.version >= 22 else min(1, len(items))
    yield from list_reply(request, "Result will follow", items, [("DBGetTreeComplete", str(count))])
