"""The way out by e-mail, put together; heavy libraries are loaded only where mail is configured."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rtbill.app.books import Books
from rtbill.config import Config, MailConfig
from rtbill.domain.contact import Language, checked_address
from rtbill.domain.errors import Refused
from rtbill.domain.notice import Notice
from rtbill.ports import Clock, Meter, Notifier

if TYPE_CHECKING:
    from rtbill.notify.smtp import MailServer


async def mail_notifier(books: Books, meter: Meter) -> Notifier | None:
    """The notifier, with an alarm for every contact whose mails bounced before a restart; None
    where the configuration has no `[mail]`.
    """
    mail = books.config.mail
    if mail is None:
        return None
    from rtbill.notify.letters import Letters
    from rtbill.notify.mail import ALARM, MailNotifier, MailTerms, bounce_text
    from rtbill.notify.smtp import SmtpConnection

    for contact in await books.reader.contacts():
        if contact.bounce is not None:
            text = bounce_text(contact, contact.bounce.reason)
            books.alarms.raise_(ALARM, contact.account, text)
    site = books.config.site
    return MailNotifier(
        terms=MailTerms(
            site=site.name,
            sender=mail.sender,
            bounces_to=mail.bounces_to,
            operators=mail.operators,
            operator_kinds=mail.operator_kinds,
            language=mail.language,
            give_up=timedelta(hours=mail.give_up_h),
        ),
        letters=Letters(site.name, ZoneInfo(site.zone)),
        connection=SmtpConnection(_server(mail)),
        reader=books.reader,
        store=books.store,
        alarms=books.alarms,
        clock=books.clock,
        meter=meter,
    )


async def send_test(config: Config, address: str, language: Language | None, clock: Clock) -> str:
    """What became of a test mail, in one sentence; Refused or Unavailable say why none is on its
    way and what to do, BadRecord that the address is none.
    """
    from rtbill.notify.letters import Letters
    from rtbill.notify.message import build, message_id
    from rtbill.notify.smtp import SmtpConnection, remedy

    to = checked_address(address)
    mail = config.mail
    if mail is None:
        raise Refused("the configuration has no [mail] table, so nothing is mailed: docs/mail.md")
    notice = Notice("test", to, "", clock.now())
    letters = Letters(config.site.name, ZoneInfo(config.site.zone))
    message = build(
        letters.write(notice, language or mail.language),
        site=config.site.name,
        sender=mail.sender,
        recipients=(to,),
        identity=message_id(notice, mail.sender.rpartition("@")[2]),
        at=clock.now(),
    )
    server = _server(mail)
    connection = SmtpConnection(server)
    try:
        refused = (await connection.send(mail.bounces_to, (to,), message)).get(to)
    finally:
        await connection.close()
    if refused is None:
        return (
            f"{server} has taken the mail to {to}; if it does not arrive, look for one that came "
            f"back to {mail.bounces_to}"
        )
    raise Refused(f"{server} does not take a mail to {to}: {refused}; {remedy(refused)}")


def _server(mail: MailConfig) -> MailServer:
    from rtbill.notify.smtp import MailServer

    return MailServer(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        ca_file=mail.ca_file,
        username=mail.username,
        password=mail.password,
        connect_timeout_s=mail.connect_timeout_s,
        send_timeout_s=mail.send_timeout_s,
    )
