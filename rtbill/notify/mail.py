"""ports.Notifier by e-mail: to holders of accounts about theirs, to the operator about the rest.

A mailbox that puts mails off holds up its own only; one that refuses them for good is noted beside
the contact, and the mail is given up. A server that takes nothing holds up all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rtbill.domain.changes import NoteBounce, NoteMailTaken
from rtbill.domain.contact import Bounce, Contact, Language, checked_address
from rtbill.domain.errors import BadRecord, Deferred, PortFailed
from rtbill.domain.notice import ACCOUNT_KINDS, Notice
from rtbill.notify.letters import Letters
from rtbill.notify.message import build, message_id
from rtbill.notify.smtp import Refusal
from rtbill.ports import Clock, Meter, Reader, Store

ALARM = "mail"
OPERATOR = "operator"
"""Subject of the alarm about the operator's own mailbox."""
PAUSE_MIN_S = 60.0
PAUSE_MAX_S = 3600.0
TRIES_MIN = 6
"""Before a mail is given up that was put off: half an hour at least."""
Aside = Callable[..., Awaitable[bytes]]
"""Runs a function, with its arguments, beside the event loop."""
_MAILS = "rtbill_mails_total"
_logger = logging.getLogger(__name__)


class AlarmBell(Protocol):
    """Where it is told that something cannot be delivered."""

    def raise_(self, kind: str, subject: str, text: str) -> None:
        """Something is wrong."""
        ...

    def clear(self, kind: str, subject: str) -> None:
        """It is over."""
        ...


class MailConnection(Protocol):
    """What hands mails to a server."""

    async def send(
        self, sender: str, recipients: Sequence[str], message: bytes
    ) -> Mapping[str, Refusal]:
        """Those of the recipients that were refused; Unavailable when nothing is taken now."""
        ...

    async def close(self) -> None:
        """Let go of the connection; never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTerms:
    """What the operator decided about mails."""

    site: str
    sender: str
    bounces_to: str
    """Envelope sender."""
    operators: tuple[str, ...]
    operator_kinds: frozenset[str]
    language: Language
    """Of the operator, and of holders for whom none is known."""
    give_up: timedelta
    """How long a mailbox may put a mail off."""

    @property
    def domain(self) -> str:
        """Right side of our Message-IDs."""
        return self.sender.rpartition("@")[2]


@dataclass(slots=True)
class _Lane:
    """A mailbox that puts mails off: those after the first wait behind it, so that order holds."""

    failures: int
    until: float
    """By the monotonic clock."""
    answer: Refusal


class MailNotifier:
    """Writes and hands over one mail for each notice that somebody is mailed."""

    name = "mail"

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        *,
        terms: MailTerms,
        letters: Letters,
        connection: MailConnection,
        reader: Reader,
        store: Store,
        alarms: AlarmBell,
        clock: Clock,
        meter: Meter,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        """`aside` runs what takes milliseconds where it holds up no call."""
        self._aside = aside
        self._terms = terms
        self._letters = letters
        self._connection = connection
        self._reader = reader
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._lanes: dict[str, _Lane] = {}

    async def send(self, notice: Notice) -> None:
        """Returns when the mail is with the server, nobody is mailed this notice, or it was refused
        for good and that is noted.
        """
        if notice.kind in ACCOUNT_KINDS:
            contact = await self._reader.contact(notice.subject)
            if contact is not None and not self._is_too_late(notice):
                await self._write_holder(contact, notice)
        elif notice.kind in self._terms.operator_kinds and self._terms.operators:
            await self._write_operators(notice)

    async def rest(self) -> None:
        """Close the connection until there is mail again."""
        await self._connection.close()

    async def _write_holder(self, contact: Contact, notice: Notice) -> None:
        try:
            address = checked_address(contact.email)
        except BadRecord as wrong:
            await self._note_bounce(contact, str(wrong))
            return
        language = contact.language or self._terms.language
        refused = await self._deliver(notice, language, (address,))
        if refused is None:
            return
        if (refusal := refused.get(address)) is not None:
            hours = self._terms.give_up // timedelta(hours=1)
            waited = "" if refusal.is_permanent else f"put off for {hours} h: "
            await self._note_bounce(contact, f"{waited}{refusal}")
        elif contact.bounce is not None:
            self._alarms.clear(ALARM, contact.account)
            # If it cannot be noted now, the next mail will do; this one must not be sent twice.
            with contextlib.suppress(PortFailed):
                await self._store.change(NoteMailTaken(contact.account, contact.email))

    async def _write_operators(self, notice: Notice) -> None:
        refused = await self._deliver(notice, self._terms.language, self._terms.operators)
        if refused is None:
            return
        if not refused:
            self._alarms.clear(ALARM, OPERATOR)
            return
        said = "; ".join(f"{address}: {refusal}" for address, refusal in refused.items())
        self._alarms.raise_(ALARM, OPERATOR, f"mail is refused; see mail.operators: {said}")

    async def _deliver(
        self, notice: Notice, language: Language, recipients: tuple[str, ...]
    ) -> Mapping[str, Refusal] | None:
        """The recipients that refuse it for good; None, and an alarm, when there is no writing it:
        one bad notice holds up no others. Deferred when nobody takes it and some may later,
        Unavailable as the connection.
        """
        lane = self._lanes.get(recipients[0])
        if lane is not None and (wait := lane.until - self._clock.monotonic()) > 0:
            raise Deferred(f"{recipients[0]}: {lane.answer}", wait)
        try:
            message = await self._aside(self._written, notice, language, recipients)
        except BadRecord as wrong:
            self._alarms.raise_(ALARM, notice.kind, f"{wrong}; it is in the log")
            return None
        refused = await self._connection.send(self._terms.bounces_to, recipients, message)
        passing = [each for each in refused.values() if not each.is_permanent]
        if passing and len(refused) == len(recipients):
            self._put_off(recipients[0], passing[0], notice)
        else:
            self._lanes.pop(recipients[0], None)
        self._meter.count(_MAILS, outcome="refused" if refused else "taken")
        return refused

    def _written(self, notice: Notice, language: Language, recipients: tuple[str, ...]) -> bytes:
        """The mail; BadRecord as `Letters.write`."""
        return build(
            self._letters.write(notice, language),
            site=self._terms.site,
            sender=self._terms.sender,
            recipients=recipients,
            identity=message_id(notice, self._terms.domain),
            at=self._clock.now(),
        )

    def _put_off(self, mailbox: str, answer: Refusal, notice: Notice) -> None:
        """Raise Deferred; returns when the mail was put off for too long already."""
        lane, now = self._lanes.get(mailbox), self._clock.monotonic()
        failures = lane.failures + 1 if lane else 1
        # A mail may be old because the server was away: its mailbox still gets some time.
        if failures >= TRIES_MIN and self._clock.now() - notice.at > self._terms.give_up:
            self._lanes[mailbox] = _Lane(failures, now, answer)
            return
        pause = min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(failures - 1, 16))
        self._lanes[mailbox] = _Lane(failures, now + pause, answer)
        self._meter.count(_MAILS, outcome="put_off")
        _logger.warning("mail to %s is put off: %s", mailbox, answer)
        raise Deferred(f"{mailbox}: {answer}", pause)

    async def _note_bounce(self, contact: Contact, reason: str) -> None:
        account, at = contact.account, self._clock.now()
        await self._store.change(NoteBounce(account, contact.email, Bounce(at, reason)))
        self._alarms.raise_(ALARM, account, bounce_text(contact, reason))

    def _is_too_late(self, notice: Notice) -> bool:
        """Whether the link in it has expired while the mail waited."""
        expires = dict(notice.details).get("expires")
        try:
            if expires is None or datetime.fromisoformat(expires) > self._clock.now():
                return False
        except (ValueError, TypeError):
            return False  # not an instant: the letter cannot be written, which is told there
        _logger.warning("%s of %s is not mailed: its link expired", notice.kind, notice.subject)
        return True


def bounce_text(contact: Contact, reason: str) -> str:
    """What an alarm says of a mailbox that refuses mails."""
    return (
        f"{contact.email} takes no mail: {reason}; "
        f"`rtbill accounts contact {contact.account} --email ADDRESS` sets another"
    )
