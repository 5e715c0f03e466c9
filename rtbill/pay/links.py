"""Links by which a holder pays without a login: mailed, used once, good for a while."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.alarms import Alarms
from rtbill.domain.changes import PostNotices, Together
from rtbill.domain.errors import PortFailed, Refused
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.domain.notice import Notice
from rtbill.domain.payment_changes import AddPayLink, UsePayLink
from rtbill.domain.replenishment import LinkPurpose, PayLink
from rtbill.domain.top_up import Follow, Paying, TopUp, TopUpState
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Store
from rtbill.replenishment.top_up_driver import TopUpDriver

TOKEN_BYTES = 32
"""Twice what no guess comes near (RP-32)."""
NOT_GOOD = "this link is not good any more; ask for a new one"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link, with the token that nobody can find again."""

    url: str
    expires_at: datetime


class PayLinks:
    """Makes links and takes them back."""

    def __init__(
        self,
        store: Store,
        reader: PaymentReader,
        clock: Clock,
        base_url: str,
        valid_for: timedelta = timedelta(hours=24),
    ) -> None:
        """`base_url` is where the pages are, without a slash at its end; empty: there are none."""
        self._store = store
        self._reader = reader
        self._clock = clock
        self._base_url = base_url
        self._valid_for = valid_for

    async def to_manage(self, account: str, *, is_mailed: bool) -> MadeLink:
        """For the account's holder, to see to card and settings; mailed where that is wanted."""
        made, link = self._make(account, LinkPurpose.MANAGE, "")
        notices: tuple[Notice, ...] = ()
        if is_mailed:
            details = (("link", made.url), ("expires", made.expires_at.isoformat()))
            text = "a link to see to the card and its settings was asked for"
            notices = (Notice("pay.link", account, text, link.made_at, details),)
        await self._store.change(Together((AddPayLink(link), PostNotices(notices))))
        return made

    async def to_confirm(self, top_up: TopUp) -> MadeLink:
        """For the holder to confirm a top-up that needs it; mailed."""
        made, link = self._make(top_up.account, LinkPurpose.CONFIRM, top_up.reference)
        currency = top_up.money.currency
        kept = await self._reader.method(top_up.gateway, top_up.method)
        details = (
            ("amount", decimal_text(top_up.money.micros, EXPONENTS[currency])),
            ("currency", currency),
            ("method", kept.method.label if kept else ""),
            ("reference", top_up.reference),
            ("link", made.url),
            ("expires", made.expires_at.isoformat()),
        )
        text = f"{top_up.money} wait for their holder's confirmation"
        kind = "topup.authentication_needed"
        notice = Notice(kind, top_up.account, text, link.made_at, details)
        await self._store.change(Together((AddPayLink(link), PostNotices((notice,)))))
        return made

    def _make(self, account: str, purpose: LinkPurpose, top_up: str) -> tuple[MadeLink, PayLink]:
        if not self._base_url:
            raise Refused("payments.url is not set, so there are no pages that a link could open")
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock.now()
        link = PayLink(
            token_hash=token_hash(token),
            account=account,
            purpose=purpose,
            expires_at=now + self._valid_for,
            made_at=now,
            top_up=top_up,
        )
        return MadeLink(f"{self._base_url}/pay/{token}", link.expires_at), link

    async def look(self, token: str) -> PayLink:
        """What a link is for, without using it up; Refused when it is not good, whatever the
        reason.
        """
        link = await self._reader.pay_link(token_hash(token))
        if link is None or link.used_at is not None or self._clock.now() >= link.expires_at:
            raise Refused(NOT_GOOD)
        return link

    async def use(self, token: str) -> PayLink:
        """The same, and from now on it is good for nothing."""
        link = await self.look(token)
        await self._store.change(UsePayLink(link.token_hash, self._clock.now()))
        if link.purpose is LinkPurpose.CONFIRM:
            row = await self._reader.top_up(link.top_up)
            if row is None or row.state is not TopUpState.ACTION_NEEDED:
                raise Refused("this payment does not wait for a confirmation any more")
        return link


def token_hash(token: str) -> str:
    """As the books keep it."""
    return hashlib.sha256(token.encode()).hexdigest()


class ConfirmationLinks:
    """Sends holders the links by which they confirm what waits for them."""

    def __init__(self, links: PayLinks, driver: TopUpDriver, alarms: Alarms) -> None:
        self._links = links
        self._alarms = alarms
        self._waiting: dict[str, TopUp] = {}
        self._arrived = asyncio.Event()
        driver.watch(self._moved)

    def _moved(self, paying: Paying) -> None:
        row = paying.top_up
        if row is None or Follow.LINK not in paying.follows or row.is_attended:
            return
        # One account has one top-up in flight: no more wait than there are accounts.
        self._waiting[row.account] = row
        self._arrived.set()

    async def serve(self) -> None:
        """Send for ever."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                account = next(iter(self._waiting))
                await self._send(self._waiting.pop(account))

    async def _send(self, row: TopUp) -> None:
        subject = f"link {row.account}"
        try:
            await self._links.to_confirm(row)
        except (Refused, PortFailed) as error:
            text = f"its holder cannot be asked to confirm {row.money}: {error}"
            self._alarms.raise_("top-ups", subject, text)
        except Exception:
            _logger.exception("a link cannot be sent", extra={"top_up": row.reference})
        else:
            self._alarms.clear("top-ups", subject)
