"""Errors as problem documents (RFC 9457), each with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError
from starlette.responses import Response

from rtbill.domain.errors import (
    BadRecord,
    Conflict,
    OutcomeUnknown,
    Refused,
    RtbillError,
    Unavailable,
    UnknownAccount,
)
from rtbill.web.models import Problem

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """One sort of error, as clients tell it apart."""

    name: str
    status: int
    title: str
    remedy: str


UNAUTHORISED = Kind(
    "unauthorised",
    401,
    "The token is missing or wrong",
    "send a token of [[api.token]] as: Authorization: Bearer TOKEN",
)
FORBIDDEN = Kind(
    "forbidden", 403, "The token lacks the right", "add the right to its [[api.token]] table"
)
NOT_FOUND = Kind(
    "not-found", 404, "There is nothing here", "see /v1/openapi.json for what there is"
)
UNKNOWN_ACCOUNT = Kind(
    "unknown-account",
    404,
    "There is no such account",
    "GET /v1/accounts lists them; PUT /v1/accounts/{account} makes one",
)
WRONG_METHOD = Kind("wrong-method", 405, "This method is not answered here", "see the header Allow")
CONFLICT = Kind(
    "conflict", 409, "Another fact stands against it", "look at what is there, and send another"
)
KEY_REUSED = Kind(
    "key-reused",
    409,
    "The key was used for another request",
    "use a new Idempotency-Key for a new credit",
)
TOO_LARGE = Kind("too-large", 413, "The body is too large", "send less at once")
NOT_JSON = Kind(
    "not-json", 415, "The body is not JSON", "send it with Content-Type: application/json"
)
INVALID = Kind("invalid", 422, "The request cannot be read", "mend the field, and send it again")
TOO_MANY = Kind(
    "too-many",
    429,
    "Too many requests",
    "wait as the header Retry-After says; see api.requests_per_s",
)
INTERNAL = Kind(
    "internal", 500, "A mistake of rtbill", "the log of rtbill tells more; repeat with the same key"
)
UNAVAILABLE = Kind(
    "unavailable", 503, "Nothing was done just now", "send the same again after a moment"
)
LATE = Kind(
    "outcome-unknown",
    504,
    "Whether it was done is not known",
    "send the same again with the same key: it is done once",
)
KINDS = (
    *(UNAUTHORISED, FORBIDDEN, NOT_FOUND, UNKNOWN_ACCOUNT, WRONG_METHOD, CONFLICT, KEY_REUSED),
    *(TOO_LARGE, NOT_JSON, INVALID, TOO_MANY, INTERNAL, UNAVAILABLE, LATE),
)

_OF_ERRORS: tuple[tuple[type[RtbillError], Kind], ...] = (
    (UnknownAccount, UNKNOWN_ACCOUNT),
    (Conflict, CONFLICT),
    (Refused, CONFLICT),
    (BadRecord, INVALID),
    (Unavailable, UNAVAILABLE),
    (OutcomeUnknown, LATE),
)
"""The first whose class fits."""


class Trouble(Exception):
    """A request that is answered by a problem document."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})
        super().__init__(detail)


def of_error(error: RtbillError) -> Trouble:
    """What a client is told of an error of ours."""
    for raised, kind in _OF_ERRORS:
        if isinstance(error, raised):
            headers = {"Retry-After": "5"} if kind is UNAVAILABLE else None
            return Trouble(kind, str(error), headers=headers)
    return Trouble(INTERNAL, "rtbill could not do it; its log says why")


def of_validation(error: ValidationError) -> Trouble:
    """The first field that is wrong, and in words what is wrong with it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    said = str(first["msg"]).removeprefix("Value error, ")
    return Trouble(INVALID, f"{field}: {said}" if field else said, field=field)


def response(trouble: Trouble, path: str) -> Response:
    """The document."""
    kind = trouble.kind
    problem = Problem(
        type=f"urn:rtbill:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=trouble.detail,
        instance=path,
        field=trouble.field,
        remedy=kind.remedy,
    )
    return Response(
        problem.model_dump_json(),
        status_code=kind.status,
        headers=trouble.headers,
        media_type=MEDIA_TYPE,
    )
