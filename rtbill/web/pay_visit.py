"""One request to the pay pages, checked before a page sees it, and what pages answer with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rtbill.web.pay_office import PayOffice
from rtbill.web.pay_sessions import LIFE_S, Session

OPEN_S = 15 * 60
"""How long a link may stand open before its button is pressed."""


class Stop(Exception):
    """The request ends with a page that says why, and what to do."""

    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.headers = headers


@dataclass(slots=True, kw_only=True)
class Visit:
    """What is known of a request."""

    request: Request
    address: str
    """From where it comes."""
    language: str
    is_language_chosen: bool
    """By the reader, not by the browser's wishes."""
    session: Session | None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def own(self) -> Session:
        """The session of a page that needs one."""
        assert self.session is not None
        return self.session


Page = Callable[[Visit], Awaitable[Response]]


class Cookies:
    """The three cookies: of a session, of a link that is open, of a return from a provider."""

    def __init__(self, office: PayOffice) -> None:
        self._is_secure = office.is_secure
        host, secure = ("__Host-", "__Secure-") if office.is_secure else ("", "")
        self.session = f"{host}rtbill-pay"
        self.opening = f"{host}rtbill-pay-open"
        self.returning = f"{secure}rtbill-pay-return"

    def put_session(self, response: Response, value: str) -> None:
        """Only our own pages have it sent."""
        self._put(response, self.session, value, int(LIFE_S), samesite="strict")

    def put_opening(self, response: Response, value: str) -> None:
        """The browser in which the link is open."""
        self._put(response, self.opening, value, OPEN_S, samesite="strict")

    def put_returning(self, response: Response, value: str) -> None:
        """Sent when the provider's page leads back, and to that one address."""
        path = "/pay/back"
        self._put(response, self.returning, value, int(LIFE_S), samesite="lax", path=path)

    def drop_all(self, response: Response) -> None:
        """Whoever comes to this browser next finds nothing."""
        for name in (self.session, self.opening):
            self._put(response, name, "", 0, samesite="strict")
        self._put(response, self.returning, "", 0, samesite="lax", path="/pay/back")

    def _put(  # noqa: PLR0913 - the parts of a cookie
        self,
        response: Response,
        name: str,
        value: str,
        max_age: int,
        *,
        samesite: Literal["strict", "lax"],
        path: str = "/",
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=path,
            secure=self._is_secure,
            httponly=True,
            samesite=samesite,
        )


def to(path: str) -> RedirectResponse:
    """The browser reads another page of ours."""
    return RedirectResponse(path, 303)
