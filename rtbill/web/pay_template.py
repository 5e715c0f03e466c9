"""Pages from templates, with the headers that keep browsers from doing anything else with them."""

from __future__ import annotations

from urllib.parse import urlsplit

import jinja2
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rtbill.web.pay_words import LANGUAGES, NAMES, amount_text, say

CSP = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""No script, no frame, nothing from elsewhere; forms are sent to us alone. On to a provider a page
of ours leads, so that its address need not be allowed here.
"""
HSTS = "max-age=31536000"
_HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "X-Robots-Tag": "noindex, nofollow",
}


class SafeHeaders:
    """Around the application: every answer has them, errors too, and none is kept anywhere."""

    def __init__(self, application: ASGIApp, *, is_secure: bool) -> None:
        self._application = application
        headers = dict(_HEADERS)
        if is_secure:
            headers["Strict-Transport-Security"] = HSTS
        self._headers = [(name.lower().encode(), text.encode()) for name, text in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [*self._headers, (b"cache-control", b"no-store")]
                message["headers"] = [
                    *message["headers"],
                    *(each for each in more if each[0] not in given),
                ]
            await send(message)

        await self._application(scope, receive, with_headers)


class Templates:
    """The templates beside this module; what they miss is an error, what they show is escaped."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("rtbill.web", "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(
        self, name: str, language: str, status: int = 200, *, path: str = "", **values: object
    ) -> HTMLResponse:
        """A page of this language; `path` is where it can be had in the other."""

        def words(key: str, **places: str) -> str:
            return say(language, key, site=self._site, **places)

        def money(amount: str, currency: str) -> str:
            return amount_text(amount, currency, language)

        text = self._environment.get_template(f"{name}.html").render(
            language=language,
            languages=[(each, NAMES[each]) for each in LANGUAGES],
            site=self._site,
            path=path,
            say=words,
            money=money,
            **values,
        )
        return HTMLResponse(text, status)


def is_safe_page(url: str) -> bool:
    """Whether a browser may be sent to this page of a provider: it is over TLS, or of this
    machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_local = parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost")
    return bool(host) and (parts.scheme == "https" or is_local)


def host_of(url: str) -> str:
    """Whose page it is, for people."""
    return urlsplit(url).hostname or ""
