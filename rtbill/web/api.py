"""The API of an outside billing package, over HTTP or HTTPS on a listener of its own.

    GET /v1/accounts/s1001                  POST /v1/accounts/s1001/credits
    Authorization: Bearer TOKEN             Authorization: Bearer TOKEN
                                            Idempotency-Key: receipt-4711

Everything that is said to come in is read and checked before the desk hears of it; every request
has a deadline; every error says what to do. What is there is told by GET /v1/openapi.json.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from rtbill.config import ApiToken
from rtbill.domain.errors import RtbillError, Unavailable
from rtbill.ports import Meter
from rtbill.serving.listening import serve, tcp_listener
from rtbill.web import problems
from rtbill.web.access import Access
from rtbill.web.openapi import KEY_PATTERN, document
from rtbill.web.operation import Asked, Operation, Reply
from rtbill.web.problems import Trouble

BODY_BYTES_MAX = 64 * 1024
REQUEST_TIMEOUT_S = 10.0
CONNECTIONS_MAX = 200
"""More are answered with 503 at once."""
OPENAPI = "/v1/openapi.json"

_KEY = re.compile(KEY_PATTERN)
_logger = logging.getLogger(__name__)


async def serve_api(
    host: str, port: int, application: Starlette, tls: ssl.SSLContext | None
) -> None:
    """Answer until cancelled. Refused when the port is taken."""
    with tcp_listener(host, port, "api") as listener:
        await serve(application, listener, tls=tls, connections_max=CONNECTIONS_MAX)


def api_application(
    operations: Sequence[Operation],
    access: Access,
    meter: Meter,
    work: asyncio.TaskGroup,
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> Starlette:
    """The web application of these operations. What changes something goes on in `work` when its
    request has run out of time: money that moved must be followed, whoever waits for the answer.
    """
    described = json.dumps(document(operations)).encode()

    async def openapi(request: Request) -> Response:
        if wait_s := access.wait_s(None):
            return problems.response(_too_many(wait_s), request.url.path)
        return Response(described, media_type="application/json")

    routes = [Route(OPENAPI, openapi, methods=["GET"])]
    by_path: dict[str, dict[str, Operation]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = each
    for path, methods in by_path.items():
        endpoint = _Endpoint(methods, access, meter, Work(work, timeout_s))
        routes.append(Route(path, endpoint.answer, methods=[*methods]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _unrouted})


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = problems.WRONG_METHOD if error.status_code == 405 else problems.NOT_FOUND
    text = f"{request.method} {request.url.path}: {kind.title}"
    return problems.response(Trouble(kind, text, headers=error.headers), request.url.path)


class Work:
    """What is being done for requests."""

    def __init__(self, group: asyncio.TaskGroup, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._group = group
        self._under_way = 0

    async def done(self, operation: Operation, asked: Asked[Any, Any]) -> Reply:
        """The answer. What only reads is broken off with its request, all else goes on without."""
        if operation.method == "GET":
            return await operation.handler(asked)
        if self._under_way >= CONNECTIONS_MAX:
            raise Unavailable("too many orders wait to be carried out")
        task = self._group.create_task(self._carried_out(operation, asked), name=operation.name)
        outcome = await asyncio.shield(task)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _carried_out(self, operation: Operation, asked: Asked[Any, Any]) -> Reply | Exception:
        self._under_way += 1
        try:
            return await operation.handler(asked)
        except Exception as error:  # noqa: BLE001 - told to whoever waits; it ends nothing else
            return error
        finally:
            self._under_way -= 1


class _Endpoint:
    """Answers all methods of one address."""

    def __init__(
        self, methods: dict[str, Operation], access: Access, meter: Meter, work: Work
    ) -> None:
        self._methods = methods
        self._access = access
        self._meter = meter
        self._work = work

    async def answer(self, request: Request) -> Response:
        """What is said to one request, whatever happens."""
        method = "GET" if request.method == "HEAD" else request.method
        operation, token = self._methods[method], self._access.holder(request.headers.raw)
        try:
            async with asyncio.timeout(self._work.timeout_s):
                self._check(operation, token)
                assert token is not None
                asked = await _asked(request, operation, token)
                reply = await self._work.done(operation, asked)
            _note(operation, request, token)
            response = _written(reply)
        except Trouble as trouble:
            response = problems.response(trouble, request.url.path)
        except RtbillError as error:
            response = problems.response(problems.of_error(error), request.url.path)
        except ClientDisconnect:
            response = Response(status_code=400)
        except TimeoutError:
            text = f"it took longer than {self._work.timeout_s:g} s"
            response = problems.response(Trouble(problems.LATE, text), request.url.path)
        except Exception:  # the edge of a task: a mistake of ours must not end the service
            _logger.exception("a request of the API failed", extra={"operation": operation.name})
            text = f"{operation.name} failed inside rtbill"
            response = problems.response(Trouble(problems.INTERNAL, text), request.url.path)
        status = str(response.status_code)
        self._meter.count("rtbill_api_requests_total", operation=operation.name, status=status)
        return response

    def _check(self, operation: Operation, token: ApiToken | None) -> None:
        if wait_s := self._access.wait_s(token):
            raise _too_many(wait_s)
        if token is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="rtbill"'}
            text = "there is no good token in the header Authorization"
            raise Trouble(problems.UNAUTHORISED, text, headers=challenge)
        if operation.right not in token.rights:
            text = f"token {token.name!r} has no right `{operation.right}`"
            raise Trouble(problems.FORBIDDEN, text)


def _too_many(wait_s: int) -> Trouble:
    text = f"wait {wait_s} s"
    return Trouble(problems.TOO_MANY, text, headers={"Retry-After": str(wait_s)})


def _note(operation: Operation, request: Request, token: ApiToken) -> None:
    """Who changed what stands in the log; amounts and reasons are in the books."""
    if operation.method != "GET":
        _logger.info("%s by token %s: %s", operation.name, token.name, request.url.path)


def _written(reply: Reply) -> Response:
    return Response(
        reply.content.model_dump_json(by_alias=True),
        status_code=reply.status,
        headers={"Cache-Control": "no-store", **reply.headers},
        media_type="application/json",
    )


async def _asked(request: Request, operation: Operation, token: ApiToken) -> Asked[Any, Any]:
    """The request as the operation wants it; Trouble names what is wrong with it."""
    key = _key(request) if operation.needs_key else ""
    query = None
    if operation.query is not None:
        query = _read(operation.query, _query(request))
    elif request.query_params:
        name = next(iter(request.query_params))
        raise Trouble(problems.INVALID, f"{name}: nothing is asked in the query here", field=name)
    body = None
    if operation.body is not None:
        body = _read_json(operation.body, await _body(request))
    return Asked(token.name, request.path_params, body, query, key)


def _key(request: Request) -> str:
    given = request.headers.getlist("idempotency-key")
    if len(given) != 1 or not _KEY.fullmatch(given[0]):
        text = "Idempotency-Key: is needed once, 1 to 64 visible characters of ASCII"
        raise Trouble(problems.INVALID, text, field="Idempotency-Key")
    return given[0].strip('"')


def _query(request: Request) -> dict[str, Any]:
    values = request.query_params.multi_items()
    names = [name for name, _ in values]
    for name in names:
        if names.count(name) > 1:
            raise Trouble(problems.INVALID, f"{name}: is given twice", field=name)
    return dict(values)


async def _body(request: Request) -> bytes:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Trouble(problems.NOT_JSON, f"the body is {media or 'of no type'}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            # What is still to come is not read, so no other request can follow on this connection.
            text = f"a body has at most {BODY_BYTES_MAX // 1024} KiB"
            raise Trouble(problems.TOO_LARGE, text, headers={"Connection": "close"})
    return bytes(body)


def _read(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise problems.of_validation(error) from error


def _read_json(model: type[BaseModel], body: bytes) -> BaseModel:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise problems.of_validation(error) from error
