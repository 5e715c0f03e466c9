"""The pay pages: what holders of accounts see and do by a link, without a login.

    GET  /pay/<token>      what the link is for, with a button    POST /pay/<token>   it is used
    GET  /pay/account      what pays, and when credit is bought
    /pay/card  /pay/remove  /pay/settings  /pay/agree  /pay/top-up  /pay/confirm
    GET  /pay/go           on to the provider's page              GET  /pay/back      and back
    GET  /pay/done         what the last step came to             POST /pay/end       it is over

A link opens one session, known by a cookie that only our own pages have sent. Whatever changes
something is a POST with a word of the session in its form. Nothing here needs a script.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib.resources
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rtbill.domain.errors import PortFailed, Refused
from rtbill.ports import Meter
from rtbill.serving.form_server import form_fields
from rtbill.web.pay_buying import Buying
from rtbill.web.pay_cards import Cards
from rtbill.web.pay_doors import Doors
from rtbill.web.pay_limits import Strangers, caller
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_orders import WAIT_S, PayOrders
from rtbill.web.pay_sessions import Sessions
from rtbill.web.pay_settings import Settings
from rtbill.web.pay_template import SafeHeaders, Templates
from rtbill.web.pay_visit import Cookies, Page, Stop, Visit
from rtbill.web.pay_words import LANGUAGES, accepted
from rtbill.web.webhooks import TooLarge, Webhooks, whole_body

BODY_BYTES_MAX = 16 * 1024
BODY_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 30.0
CONNECTIONS_MAX = 500
_FORM = "application/x-www-form-urlencoded"

_logger = logging.getLogger(__name__)


class _Place(NamedTuple):
    """A page and who may see it."""

    path: str
    method: str
    page: Page
    needs_session: bool = True


class PayPages:
    """The pages and what they share."""

    def __init__(
        self,
        office: PayOffice,
        work: asyncio.TaskGroup,
        meter: Meter,
        *,
        wait_s: float = WAIT_S,
    ) -> None:
        """What a holder orders goes on in `work` when its request has run out of time."""
        self._office = office
        self._meter = meter
        self._templates = Templates(office.site)
        self._sessions = Sessions(office.clock)
        self._strangers = Strangers(office.clock)
        self._cookies = Cookies(office)
        orders = PayOrders(office, work, wait_s)
        self._doors = Doors(office, self._templates, self._sessions, orders)
        self._cards = Cards(office, self._templates, orders)
        self._settings = Settings(office, self._templates, orders)
        self._buying = Buying(office, self._templates, orders)
        style = importlib.resources.files("rtbill.web") / "static" / "pay.css"
        self._style = style.read_bytes()

    def application(self, webhooks: Webhooks | None = None) -> SafeHeaders:
        """The web application, and on the same listener webhooks where they shall come there."""
        routes: list[BaseRoute] = [Route("/pay/style.css", self._sheet, methods=["GET"])]
        routes += [
            Route(each.path, self._endpoint(each), methods=[each.method]) for each in self._places()
        ]
        if webhooks is not None:
            routes.append(webhooks.route())
        application = Starlette(
            routes=_merged(routes), exception_handlers={HTTPException: self._unrouted}
        )
        return SafeHeaders(application, is_secure=self._office.is_secure)

    def _places(self) -> list[_Place]:
        doors, cards, settings, buying = self._doors, self._cards, self._settings, self._buying
        return [
            _Place("/pay/account", "GET", cards.account),
            _Place("/pay/card", "GET", cards.card),
            _Place("/pay/card", "POST", cards.add),
            _Place("/pay/remove", "GET", cards.ask_remove),
            _Place("/pay/remove", "POST", cards.remove),
            _Place("/pay/settings", "GET", settings.show),
            _Place("/pay/settings", "POST", settings.propose),
            _Place("/pay/agree", "GET", settings.read),
            _Place("/pay/agree", "POST", settings.agree),
            _Place("/pay/off", "POST", settings.stop),
            _Place("/pay/top-up", "GET", buying.show),
            _Place("/pay/top-up", "POST", buying.buy),
            _Place("/pay/confirm", "GET", buying.ask_confirm),
            _Place("/pay/confirm", "POST", buying.confirm),
            _Place("/pay/done", "GET", buying.done),
            _Place("/pay/go", "GET", doors.go),
            _Place("/pay/end", "POST", doors.leave),
            _Place("/pay/back", "GET", doors.back, needs_session=False),
            _Place("/pay/{token}", "GET", doors.land, needs_session=False),
            _Place("/pay/{token}", "POST", doors.open, needs_session=False),
        ]

    async def _sheet(self, _request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(self._style, media_type="text/css", headers=headers)

    def _endpoint(self, place: _Place) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = self._visit(request)
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    response = await self._answer(place, visit)
            except Stop as stop:
                return self._stopped(stop, visit, place.path)
            except ClientDisconnect:
                self._count(place.path, "gone")
                return Response(status_code=400)
            except (PortFailed, Refused, TimeoutError) as error:
                why = {"page": place.path, "why": str(error)}
                _logger.warning("a pay page cannot be made", extra=why)
                return self._stopped(Stop(503, "unavailable"), visit, place.path)
            except Exception:  # the edge of a request; its address may hold a token and is not told
                _logger.exception("a pay page failed", extra={"page": place.path})
                return self._stopped(Stop(500, "unavailable"), visit, place.path)
            self._count(place.path, _outcome(response))
            return response

        return endpoint

    def _count(self, page: str, outcome: str) -> None:
        self._meter.count("rtbill_pay_requests_total", page=page, outcome=outcome)

    def _visit(self, request: Request) -> Visit:
        session = self._sessions.find(request.cookies.get(self._cookies.session, ""))
        chosen = request.query_params.get("lang", "")
        language = accepted(request.headers.get("accept-language", ""))
        if chosen in LANGUAGES:
            language = chosen
        elif session is not None:
            language = session.language
        if session is not None:
            session.language = language
        peer = request.client.host if request.client else ""
        forwarded = request.headers.get("x-forwarded-for", "")
        return Visit(
            request=request,
            address=caller(peer, forwarded, self._office.trusted_proxy),
            language=language,
            is_language_chosen=chosen in LANGUAGES,
            session=session,
        )

    async def _answer(self, place: _Place, visit: Visit) -> Response:
        if visit.session is not None:
            wait_s = visit.session.bucket.take()
        else:
            wait_s = self._strangers.wait_s(visit.address)
        if wait_s:
            raise Stop(429, "too_many", **{"Retry-After": str(wait_s)})
        if place.needs_session and visit.session is None:
            raise Stop(403, "session")
        if place.method == "POST":
            await self._read_form(visit, is_of_session=place.needs_session)
        return await place.page(visit)

    async def _read_form(self, visit: Visit, *, is_of_session: bool) -> None:
        headers = visit.request.headers
        if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise Stop(415, "form", Connection="close")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Stop(403, "form", Connection="close")
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await whole_body(visit.request, BODY_BYTES_MAX)
        except TooLarge as large:
            raise Stop(413, "form", Connection="close") from large
        except TimeoutError as late:
            raise Stop(408, "form", Connection="close") from late
        fields = form_fields(body)
        if fields is None:
            raise Stop(400, "form")
        visit.form = dict(fields)
        if chosen := fields.get("lang", ""):
            visit.language = chosen if chosen in LANGUAGES else visit.language
        given = visit.form.pop("csrf", "")
        if is_of_session and not hmac.compare_digest(given.encode(), visit.own.csrf.encode()):
            raise Stop(403, "form")

    def _stopped(self, stop: Stop, visit: Visit, page: str) -> Response:
        self._count(page, stop.words)
        is_read = visit.request.method == "GET"
        response = self._templates.page(
            "message",
            visit.language,
            stop.status,
            path=visit.request.url.path if is_read else "",
            words=stop.words,
            has_session=visit.session is not None,
        )
        response.headers.update(stop.headers)
        return response

    async def _unrouted(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        visit = self._visit(request)
        response = self._stopped(Stop(error.status_code, "nothing"), visit, "none")
        response.headers.update(error.headers or {})
        return response


def _outcome(response: Response) -> str:
    """For the metrics: a page was shown, the browser was sent on, or a form has to be filled in
    again.
    """
    if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return "shown"
    return "sent_on" if response.status_code < HTTPStatus.BAD_REQUEST else "again"


def _merged(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Each address once, with all its methods: otherwise the first that fits would refuse the
    others.
    """
    found: dict[str, list[Route]] = {}
    for each in routes:
        assert isinstance(each, Route)
        found.setdefault(each.path, []).append(each)
    return [_one(path, each) for path, each in found.items()]


def _one(path: str, routes: list[Route]) -> Route:
    by_method = {method: each.endpoint for each in routes for method in each.methods or ()}

    async def endpoint(request: Request) -> Response:
        response: Response = await by_method[request.method](request)
        return response

    return Route(path, endpoint, methods=[each for each in by_method if each != "HEAD"])
