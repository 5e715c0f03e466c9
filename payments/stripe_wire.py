"""Calls to Stripe: repeated with the same key while that can help, and ended in one of four ways.

The SDK would repeat by itself, but keeps only the last failure. After a time-out and then a refused
connection that one says "nothing was sent", although the first attempt may have taken money. Here
every attempt is remembered: one that may have arrived leaves the call in doubt, whatever follows.
The SDK leaves 429 alone, and counts its time-out for each packet; both are put right here too.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import httpx
import stripe

from payments.secret_text import shown
from payments.stripe_settings import StripeSettings
from rtbill.domain.errors import OutcomeUnknown, RtbillError, Unavailable
from rtbill.ports import Clock

Answer = dict[str, Any]
Ask = Callable[[], Awaitable[object]]
PAGE = 100
PAGES_MAX = 500
NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
MISSING = "resource_missing"
SAYS_NOTHING_OF_EARLIER = (401, 403)
"""Refusals given at the door, before Stripe looks for what the key has done already."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Stripe read the call and refused it."""

    status: int
    error: Mapping[str, Any] = field(repr=False)
    """Its `error`; may be empty."""

    @property
    def kind(self) -> str:
        """Such as `card_error`."""
        return shown(self.error.get("type"))

    @property
    def code(self) -> str:
        """The code, or else the kind: what is kept of it."""
        return shown(self.error.get("code")) or self.kind or f"http_{self.status}"

    @property
    def text(self) -> str:
        """Stripe's sentence, safe to show."""
        return shown(self.error.get("message"))

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that ended without an answer to the question."""

    why: str
    may_have_arrived: bool
    is_worth_repeating: bool = True


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates we believe; reading them takes a tenth of a second, so once."""
    return httpx.create_ssl_context()


class _HttpxTransport(stripe.HTTPClient):
    """The SDK's way to httpx. Its own hands texts over by a parameter that httpx warns of and will
    drop.
    """

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 -- the SDK's signature
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers; APIConnectionError with httpx's own as its cause."""
        try:
            answer = await self._client.request(method, url, headers=headers, content=post_data)
        except httpx.HTTPError as error:
            failed = stripe.APIConnectionError(type(error).__name__)  # type: ignore[no-untyped-call]
            raise failed from error
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


class StripeWire:
    """A client of the API, in one mode. `post` and `get` end with an answer, a Rejection,
    Unavailable or OutcomeUnknown.
    """

    def __init__(self, settings: StripeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random.SystemRandom()
        # Connecting has its own, shorter time-out: what ends there has surely sent nothing.
        connect_s = settings.timeout_s / 2
        timeout = httpx.Timeout(settings.timeout_s, connect=connect_s, pool=connect_s)
        self._http = _HttpxTransport(httpx.AsyncClient(timeout=timeout, verify=_trusted()))
        self.api = stripe.StripeClient(
            settings.api_key,
            http_client=self._http,
            base_addresses={"api": settings.api_base},
            max_network_retries=0,
        ).v1
        # On DEBUG the SDK writes whole bodies: names, addresses and client secrets.
        logging.getLogger("stripe").setLevel(logging.WARNING)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close_async()

    async def post(self, what: str, ask: Ask) -> Answer | Rejection:
        """Change something; `ask` must carry its own idempotency key. Unavailable: surely nothing
        was done.
        """
        result = await self._repeat(what, ask)
        if isinstance(result, _Failure):
            if result.may_have_arrived:
                raise OutcomeUnknown(f"{what}: {result.why}")
            raise Unavailable(f"{what}: {result.why}")
        return result

    async def get(self, what: str, ask: Ask) -> Answer | None:
        """Read something; None when Stripe itself says that it has no such thing. Every failure is
        Unavailable, also a key that Stripe refuses and a 404 of who knows whom, but an answer of
        the other mode is OutcomeUnknown.
        """
        result = await self._repeat(what, ask)
        if isinstance(result, _Failure):
            raise Unavailable(f"{what}: {result.why}")
        if not isinstance(result, Rejection):
            return result
        if result.status in SAYS_NOTHING_OF_EARLIER:
            raise Unavailable(f"{what}: Stripe refuses our key, {result}")
        if result.code != MISSING:
            raise Unavailable(f"{what}: {result}")
        return None

    async def pages(
        self,
        what: str,
        ask: Callable[[Any], Awaitable[object]],
        pages_max: int,
        refused: type[RtbillError] = Unavailable,
        **wanted: object,
    ) -> AsyncIterator[list[Answer]]:
        """A list, page by page as Stripe orders it; Unavailable when it has more pages than that,
        `refused` when Stripe does not know what it is asked about.
        """
        asked: dict[str, object] = {"limit": PAGE, **wanted}
        for _ in range(pages_max):
            answer = await self.get(what, partial(ask, dict(asked)))
            if answer is None:
                raise refused(f"{what}: Stripe does not know what this is about")
            found = answer.get("data")
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
                raise Unavailable(f"{what}: Stripe's answer is no list")
            yield found
            if not answer.get("has_more") or not found:
                return
            asked["starting_after"] = found[-1].get("id")
        raise Unavailable(f"{what}: there are more than {pages_max * PAGE}")

    async def _repeat(self, what: str, ask: Ask) -> Answer | Rejection | _Failure:
        started = self._clock.monotonic()
        may_have_arrived = False
        for number in range(self._settings.attempts_max):
            result = await self._attempt(what, ask)
            if isinstance(result, Rejection) and may_have_arrived:
                if result.status in SAYS_NOTHING_OF_EARLIER:
                    return _Failure(f"no answer, and then {result}", may_have_arrived=True)
                return result
            if not isinstance(result, _Failure):
                return result
            may_have_arrived |= result.may_have_arrived
            is_late = self._clock.monotonic() - started >= self._settings.timeout_s
            is_last = number + 1 == self._settings.attempts_max
            if is_last or is_late or not result.is_worth_repeating:
                return _Failure(result.why, may_have_arrived)
            _logger.info("Stripe is asked again", extra={"what": what, "why": result.why})
            await self._clock.sleep(self._random.uniform(0.5, 1.0) * 2**number)
        raise AssertionError("attempts_max is at least 1")

    async def _attempt(self, what: str, ask: Ask) -> Answer | Rejection | _Failure:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                answer = await ask()
        except TimeoutError:
            why = f"no answer within {self._settings.timeout_s:g} s"
            return _Failure(why, may_have_arrived=True)
        except stripe.APIConnectionError as error:
            cause = error.__cause__
            why = f"the connection failed, {type(cause).__name__}: {shown(str(cause))}"
            return _Failure(why, may_have_arrived=not isinstance(cause, NOTHING_SENT))
        except stripe.StripeError as error:
            return _read_error(error)
        except (ValueError, TypeError, AttributeError, KeyError):
            # The SDK stumbled over the shape of the answer.
            return _unreadable()
        if not isinstance(answer, stripe.StripeObject):
            return _unreadable()
        return self._of_our_mode(what, answer.to_dict())

    def _of_our_mode(self, what: str, answer: Answer) -> Answer:
        is_live = answer.get("livemode", self._settings.is_live)
        if is_live is not self._settings.is_live:
            raise OutcomeUnknown(
                f"{what}: the answer is of livemode {is_live!r}, and we are of livemode "
                f"{self._settings.is_live!r}; compare the API key with the configured mode"
            )
        return answer


def _unreadable() -> _Failure:
    return _Failure(
        "Stripe's answer cannot be read", may_have_arrived=True, is_worth_repeating=False
    )


def _read_error(error: stripe.StripeError) -> Rejection | _Failure:
    """What an error answer means. The SDK's exception itself goes no further: it repeats the body,
    and a provider that is told a wrong key may repeat the key.
    """
    status = error.http_status or 0
    should_retry = {"true": True, "false": False}.get(
        str((error.headers or {}).get("stripe-should-retry", "")).lower()
    )
    body = error.json_body if isinstance(error.json_body, dict) else {}
    content = body.get("error")
    rejection = Rejection(status, content if isinstance(content, dict) else {})
    if isinstance(error, stripe.RateLimitError):
        return _Failure(
            f"Stripe has too much to do, {rejection}",
            may_have_arrived=False,
            is_worth_repeating=should_retry is not False,
        )
    if status == 409 or status >= 500 or not 400 <= status < 600:
        return _Failure(
            f"Stripe failed, {rejection}",
            may_have_arrived=True,
            is_worth_repeating=should_retry is not False and (status == 409 or status >= 500),
        )
    if should_retry:
        return _Failure(f"Stripe asks to repeat, {rejection}", may_have_arrived=True)
    return rejection
