"""Orders to the service, and how it is: two listeners.

Orders change things: a Unix socket that only the service's own user can open, POST
/v1/orders/{verb}. Health shows how things are: HTTP with /healthz, /readyz, /metrics, and /v1/live
for those who have its token.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from rtbill.domain.errors import BadRecord, ConfigError, OutcomeUnknown, RtbillError
from rtbill.serving.control_client import ERROR_KINDS, ORDER_TIMEOUT_S, Arguments
from rtbill.serving.listening import serve, tcp_listener
from rtbill.serving.live_stream import LiveStream
from rtbill.serving.unix_socket import unix_listener

BODY_BYTES_MAX = 32 * 1024 * 1024
"""As much as a tariff of 500,000 lines."""
_SLICE = 500
"""Elements of a list that are written in one step."""
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Orders = Callable[[str, Arguments], Awaitable[dict[str, Any]]]
"""Carries out one order; raises RtbillError when it cannot."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, and the state of its parts by name."""

    problems: tuple[str, ...] = ()
    """Reasons why not; ready when there is none."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Such as `pbx hall` and `up`."""


async def serve_control(path: Path, orders: Orders, *, timeout_s: float = ORDER_TIMEOUT_S) -> None:
    """Answer orders on a Unix socket of mode 0600 until cancelled.

    Refused when another service answers there already.
    """
    with unix_listener(path) as listener:
        await serve(_orders_application(orders, timeout_s), listener)


async def serve_health(
    host: str,
    port: int,
    readiness: Callable[[], Readiness],
    metrics: Callable[[], bytes],
    live: LiveStream | None = None,
) -> None:
    """Answer health, metrics and, where there is one, the live stream over HTTP until cancelled.
    Refused when the port is taken.
    """
    with tcp_listener(host, port, "http") as listener:
        await serve(_health_application(readiness, metrics, live), listener)


def _orders_application(orders: Orders, timeout_s: float) -> Starlette:
    async def order(request: Request) -> Response:
        verb = request.path_params["verb"]
        try:
            async with asyncio.timeout(timeout_s):
                return await _content(await orders(verb, await _arguments(request)))
        except RtbillError as error:
            return _refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            text = f"{verb} took longer than {timeout_s:g} s; look whether it was done"
            return _refusal(OutcomeUnknown(text))
        except Exception:  # the edge of a task: a mistake of ours must not end the service
            _logger.exception("order failed", extra={"verb": verb})
            return _answer(500, "internal", f"{verb} failed inside rtbill; its log says where")

    return Starlette(routes=[Route("/v1/orders/{verb}", order, methods=["POST"])])


async def _arguments(request: Request) -> Arguments:
    """The JSON object of the body; BadRecord when it is none or too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BadRecord(f"an order is at most {BODY_BYTES_MAX // 1024 // 1024} MiB")
    try:
        arguments = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"the body is not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise BadRecord("the body is not a JSON object")
    return arguments


async def _content(answer: Mapping[str, Any]) -> Response:
    """The answer as JSON. That of long lists is written in a thread, a slice at a time: writing a
    list is one step, during which all else stands still.
    """
    if not any(isinstance(each, list) and len(each) > _SLICE for each in answer.values()):
        return JSONResponse(answer)
    body = await asyncio.to_thread(_written, answer)
    return Response(body, media_type=JSONResponse.media_type)


def _written(answer: Mapping[str, Any]) -> bytes:
    parts = [f"{json.dumps(key)}:{_value(value)}" for key, value in answer.items()]
    return f"{{{','.join(parts)}}}".encode()


def _value(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    slices = (value[start : start + _SLICE] for start in range(0, len(value), _SLICE))
    return f"[{','.join(json.dumps(each, ensure_ascii=False)[1:-1] for each in slices)}]"


def _refusal(error: RtbillError) -> Response:
    if isinstance(error, ConfigError):
        error = BadRecord(str(error))
    for kind, (raised, status) in ERROR_KINDS.items():
        if isinstance(error, raised):
            return _answer(status, kind, str(error))
    return _answer(409, "refused", str(error))


def _answer(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"error": kind, "message": message}, status_code=status)


def _health_application(
    readiness: Callable[[], Readiness], metrics: Callable[[], bytes], live: LiveStream | None
) -> Starlette:
    async def alive(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_request: Request) -> Response:
        found = readiness()
        content = {
            "ready": not found.problems,
            "problems": list(found.problems),
            "parts": dict(found.parts),
        }
        return JSONResponse(content, status_code=503 if found.problems else 200)

    async def measured(_request: Request) -> Response:
        return Response(metrics(), media_type=METRICS_TYPE)

    routes = [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", measured),
    ]
    if live is not None:
        routes.append(Route("/v1/live", live))
    return Starlette(routes=routes)
