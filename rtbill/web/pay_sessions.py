"""What a link has opened: a short session in memory, known to one browser by its cookie.

Nothing of it survives the process. Whoever is in the middle of it then asks for a new link.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from rtbill.domain.replenishment import PayLink
from rtbill.ports import Clock
from rtbill.web.pay_limits import SESSION_AT_ONCE, SESSION_PER_S, Bucket

SESSIONS_MAX = 10_000
"""Then the oldest ends."""
IDLE_S = 20 * 60.0
LIFE_S = 2 * 3600.0
_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """The browser is on its way to a page of the provider."""

    url: str
    gateway: str = ""
    """Of the page on which a card is given; empty: a payment is confirmed."""
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Settings that were shown and wait to be agreed to; amounts as decimal text."""

    threshold: str
    increment: str
    day_max: str
    month_max: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the last step came to: a key of the words, and what stands in them."""

    words: str
    top_up: str = ""
    """Reference of the top-up whose state tells the rest."""


@dataclass(slots=True, kw_only=True)
class Session:
    """One browser's."""

    account: str
    link: str
    """Hash of the token that opened it."""
    language: str
    began_s: float
    seen_s: float
    bucket: Bucket
    top_up: str = ""
    """Reference of what the link is to confirm."""
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(_BYTES))
    once: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    """Stands in forms that may be sent once."""
    away: Away | None = None
    proposal: Proposal | None = None
    ending: Ending | None = None
    is_busy: bool = False
    """An order is being carried out."""
    looked_s: float = -LIFE_S
    looks: int = 0

    def use_once(self, given: str) -> bool:
        """Whether the form was not sent before."""
        is_new = hmac.compare_digest(given.encode(), self.once.encode())
        if is_new:
            self.once = secrets.token_urlsafe(16)
        return is_new


class Sessions:
    """All of them, by the hash of the cookie."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_cookie: OrderedDict[str, Session] = OrderedDict()
        self._by_return: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        self._key = secrets.token_bytes(_BYTES)

    def open(self, link: PayLink, language: str) -> tuple[str, Session]:
        """A new one, and its cookie."""
        while len(self._by_cookie) >= SESSIONS_MAX:
            self._by_cookie.popitem(last=False)
        now_s = self._clock.monotonic()
        session = Session(
            account=link.account,
            link=link.token_hash,
            language=language,
            began_s=now_s,
            seen_s=now_s,
            bucket=Bucket(SESSION_PER_S, SESSION_AT_ONCE, self._clock),
            top_up=link.top_up,
        )
        cookie = secrets.token_urlsafe(_BYTES)
        self._by_cookie[_hash(cookie)] = session
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        """The session of this cookie, if it has not ended."""
        key = _hash(cookie)
        session = self._by_cookie.get(key)
        if session is None:
            return None
        if self._has_ended(session):
            del self._by_cookie[key]
            return None
        session.seen_s = self._clock.monotonic()
        return session

    def _has_ended(self, session: Session) -> bool:
        now_s = self._clock.monotonic()
        return now_s - session.began_s >= LIFE_S or now_s - session.seen_s >= IDLE_S

    def end(self, cookie: str) -> None:
        """Its cookies are good for nothing any more."""
        session = self._by_cookie.pop(_hash(cookie), None)
        gone = [key for key, (each, _) in self._by_return.items() if each is session]
        for key in gone:
            del self._by_return[key]

    def expect_return(self, session: Session) -> str:
        """The cookie by which the browser is known when it comes back from the provider."""
        while len(self._by_return) >= SESSIONS_MAX:
            self._by_return.popitem(last=False)
        cookie = secrets.token_urlsafe(_BYTES)
        self._by_return[_hash(cookie)] = (session, self._clock.monotonic())
        return cookie

    def returned(self, cookie: str) -> Session | None:
        """Whose browser came back; a provider's page may take longer than a session idles."""
        session, went_s = self._by_return.get(_hash(cookie), (None, 0.0))
        now_s = self._clock.monotonic()
        if session is None or now_s - went_s >= LIFE_S or now_s - session.began_s >= LIFE_S:
            return None
        session.seen_s = now_s
        return session

    def stamp(self, browser: str, token: str) -> str:
        """Stands in the form that opens a link, so that no other site can have it sent: it is of
        this browser and this link.
        """
        return hmac.new(self._key, f"{browser} {token}".encode(), hashlib.sha256).hexdigest()


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
