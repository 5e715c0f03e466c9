"""How holders come in and go out: a link opens a session once, and a provider leads back."""

from __future__ import annotations

import hmac
import logging
import re
import secrets

from starlette.responses import Response

from rtbill.domain.errors import Refused
from rtbill.pay.links import token_hash
from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_orders import PayOrders
from rtbill.web.pay_sessions import LIFE_S, Away, Ending, Session, Sessions
from rtbill.web.pay_template import Templates, host_of
from rtbill.web.pay_visit import Cookies, Stop, Visit, to
from rtbill.web.pay_words import LANGUAGES

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_OPENING = re.compile(r"[A-Za-z0-9_-]{22}")

_logger = logging.getLogger(__name__)


class Doors:
    """The pages of a link, and those between us and a provider."""

    def __init__(
        self, office: PayOffice, templates: Templates, sessions: Sessions, orders: PayOrders
    ) -> None:
        self._office = office
        self._templates = templates
        self._sessions = sessions
        self._orders = orders
        self._cookies = Cookies(office)

    async def land(self, visit: Visit) -> Response:
        """What a link shows before it is used: mail programs look at links too, and use none up."""
        token = visit.request.path_params["token"]
        if visit.session is not None and visit.session.link == token_hash(token):
            return to(_first_page(visit.session))
        if not _TOKEN.fullmatch(token):
            raise Stop(404, "link")
        try:
            link = await self._office.look(token)
            holder = await self._office.holder(link.account)
        except Refused as no:
            raise Stop(404, "link") from no
        if holder.language in LANGUAGES and not visit.is_language_chosen:
            visit.language = holder.language
        browser = visit.request.cookies.get(self._cookies.opening, "")
        if not _OPENING.fullmatch(browser):
            browser = secrets.token_urlsafe(16)
        response = self._templates.page(
            "landing",
            visit.language,
            path=f"/pay/{token}",
            token=token,
            stamp=self._sessions.stamp(browser, token),
            is_confirmation=bool(link.top_up),
        )
        self._cookies.put_opening(response, browser)
        return response

    async def open(self, visit: Visit) -> Response:
        """The link is used, and good for nothing from now on; this browser has the session."""
        token = visit.request.path_params["token"]
        if visit.session is not None and visit.session.link == token_hash(token):
            return to(_first_page(visit.session))
        if not _TOKEN.fullmatch(token):
            raise Stop(404, "link")
        browser = visit.request.cookies.get(self._cookies.opening, "")
        stamp = visit.form.get("stamp", "")
        if not browser or not _equal(stamp, self._sessions.stamp(browser, token)):
            raise Stop(403, "form")
        try:
            link = await self._office.look(token)
            await self._office.order("pay.open", {"token": token})
        except Refused as no:
            raise Stop(404, "link") from no
        if old := visit.request.cookies.get(self._cookies.session, ""):
            self._sessions.end(old)
        cookie, session = self._sessions.open(link, visit.language)
        _logger.info(
            "a pay link was opened",
            extra={"account": link.account, "purpose": link.purpose, "address": visit.address},
        )
        response = to(_first_page(session))
        self._cookies.put_session(response, cookie)
        return response

    async def go(self, visit: Visit) -> Response:
        """On to the provider: by a page of ours, so that forms are sent to us alone."""
        away = visit.own.away
        if away is None:
            return to("/pay/done")
        response = self._templates.page(
            "go", visit.language, path="/pay/go", url=away.url, host=host_of(away.url)
        )
        self._cookies.put_returning(response, self._sessions.expect_return(visit.own))
        return response

    async def back(self, visit: Visit) -> Response:
        """The browser comes from the provider, which is another site: by its own cookie."""
        cookie = visit.request.cookies.get(self._cookies.returning, "")
        session = self._sessions.returned(cookie)
        if session is None:
            raise Stop(403, "session")
        if not visit.is_language_chosen:
            visit.language = session.language
        away = session.away
        if away is not None and away.gateway:
            await self._finish(session, away)
        elif away is not None:
            session.away = None
            session.looked_s = -LIFE_S  # what came of it is asked at once
        return self._templates.page("back", visit.language, path="/pay/back")

    async def _finish(self, session: Session, away: Away) -> None:
        def ended(answer: dict[str, object]) -> Ending:
            return Ending(words="card_added" if answer["method"] else "card_none")

        arguments = {
            "account": session.account,
            "gateway": away.gateway,
            "page": away.page,
        }
        await self._orders.carry_out(session, "pay.method.finish", arguments, ended)

    async def leave(self, visit: Visit) -> Response:
        """The session ends; the browser knows nothing of it any more."""
        self._sessions.end(visit.request.cookies.get(self._cookies.session, ""))
        response = self._templates.page(
            "message", visit.language, words="closed", has_session=False
        )
        self._cookies.drop_all(response)
        return response


def _first_page(session: Session) -> str:
    return "/pay/confirm" if session.top_up else "/pay/account"


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
