"""One thing that can be asked: its address, who may, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from rtbill.config import Right
from rtbill.web.models import Wire

Body = TypeVar("Body", bound=BaseModel | None)
Query = TypeVar("Query", bound=BaseModel | None)


@dataclass(frozen=True, slots=True)
class Asked(Generic[Body, Query]):
    """A request, read and checked."""

    token: str
    """Name of the token."""
    path: Mapping[str, str]
    body: Body
    query: Query
    key: str
    """Of Idempotency-Key; empty where none is needed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no error."""

    content: Wire
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method does at one address."""

    name: str
    method: str
    path: str
    right: Right
    summary: str
    handler: Callable[[Asked], Awaitable[Reply]]  # type: ignore[type-arg]  # each has its own
    reply: type[Wire]
    status: tuple[int, ...] = (200,)
    body: type[Wire] | None = None
    query: type[Wire] | None = None
    needs_key: bool = False
    replies_also: tuple[int, ...] = ()
    """Statuses of problems beyond those that every operation may give."""
