"""Where providers tell us that something happened: POST /webhooks/<gateway>.

    200 kept        400 forged, stale or of another mode    404 no such gateway
    413 too large   408 too slow                            503 not kept: tell it again

What was told is durable before it is answered, and looked into afterwards. A genuine one is never
put off because there are many: the provider would take that for a failure of ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rtbill.domain.errors import BadRecord, PortFailed, Refused
from rtbill.web.pay_template import SafeHeaders

BODY_BYTES_MAX = 1 << 20
BODY_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 1.8
"""From the whole body to our answer: a provider waits two seconds."""

Hear = Callable[[str, bytes, Mapping[str, str]], Awaitable[str]]
"""GatewayInbox.hear: BadRecord when it is not genuine, PortFailed when it is not kept."""

_logger = logging.getLogger(__name__)


class TooLarge(Exception):
    """The body is larger than it may be; the rest of it is not read."""


class Webhooks:
    """Reads them as they come, and hands them on."""

    def __init__(self, hear: Hear, gateways: Collection[str]) -> None:
        self._hear = hear
        self._gateways = frozenset(gateways)

    def route(self) -> Route:
        """For an application."""
        return Route("/webhooks/{gateway}", self.answer, methods=["POST"])

    async def answer(self, request: Request) -> Response:
        """As the provider understands it."""
        gateway = request.path_params["gateway"]
        if gateway not in self._gateways:
            return PlainTextResponse("there is no such gateway here\n", 404)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                raw = await whole_body(request, BODY_BYTES_MAX)
        except TooLarge:
            text = f"a webhook is at most {BODY_BYTES_MAX} bytes\n"
            return PlainTextResponse(text, 413, {"Connection": "close"})
        except TimeoutError:
            return PlainTextResponse("the body came too slowly\n", 408, {"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)
        return await self._heard(gateway, raw, dict(request.headers))

    async def _heard(self, gateway: str, raw: bytes, headers: Mapping[str, str]) -> Response:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._hear(gateway, raw, headers)
        except BadRecord as bad:
            _logger.warning("a webhook was refused", extra={"gateway": gateway, "why": str(bad)})
            return PlainTextResponse("this is not genuine, or too old\n", 400)
        except (PortFailed, Refused, TimeoutError) as error:
            why = str(error) or "the books did not answer in time"
            _logger.warning("a webhook is not kept", extra={"gateway": gateway, "why": why})
            return _again()
        except Exception:  # the edge of a task: the provider tells it again
            _logger.exception("a webhook failed", extra={"gateway": gateway})
            return _again()
        return PlainTextResponse("kept\n")


def webhook_application(webhooks: Webhooks, *, is_secure: bool) -> SafeHeaders:
    """For a listener of their own."""
    return SafeHeaders(Starlette(routes=[webhooks.route()]), is_secure=is_secure)


def _again() -> Response:
    return PlainTextResponse("not kept; tell it again\n", 503, {"Retry-After": "10"})


async def whole_body(request: Request, bytes_max: int) -> bytes:
    """The raw body; TooLarge as soon as it says it is, or is."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > bytes_max:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise TooLarge
    return bytes(body)
