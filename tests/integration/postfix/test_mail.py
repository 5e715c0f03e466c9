"""Notices as mails in the mailboxes of a real mail server."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtbill import dispatch
from rtbill.app.books import Books, open_books
from rtbill.app.mailing import mail_notifier
from rtbill.clock import SystemClock
from rtbill.config import load_config
from rtbill.domain.account import Account, AccountKind
from rtbill.domain.changes import CreateAccount, PostNotices, SetContact, Together
from rtbill.domain.contact import Contact, Language
from rtbill.domain.notice import Notice
from tests.fakes.certificates import Authority
from tests.fakes.config_file import GOOD, SECRET
from tests.fakes.environment import NOON, CountingMeter
from tests.fakes.mail_server import PASSWORD, USER, part
from tests.integration import program
from tests.integration.postfix.server import Postfix

PAID = (
    ("amount", "20.00"),
    ("currency", "EUR"),
    ("balance", "1234.56"),
    ("method", "Visa 4242"),
    ("reference", "20261005120000000123"),
)
OWN = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
ENVIRON = {"RTBILL_PBX_HALL_SECRET": SECRET, "RTBILL_MAIL_PASSWORD": PASSWORD}


def a_config(folder: Path, postfix: Postfix, authority: Authority, more: str = "") -> Path:
    """Signs in over STARTTLS, and bounces come to a mailbox of their own."""
    path = folder / "config.toml"
    path.write_text(
        GOOD.replace('"Hall"', '"Studentenwerk München"')
        + '[mail]\nhost = "localhost"\nsender = "rtbill@example.org"\n'
        f'port = {postfix.port}\nca_file = "{authority.cert_file}"\nusername = "{USER}"\n'
        'bounces_to = "bounces@example.org"\noperators = ["desk@example.org"]\nlanguage = "de"\n'
        + more
    )
    return path


@asynccontextmanager
async def an_outbox(path: Path, contacts: dict[str, Contact]) -> AsyncIterator[Books]:
    """Books with these contacts, whose notices leave by mail."""
    config = load_config(path, ENVIRON)
    async with open_books(config, SystemClock(), CountingMeter()) as books:
        for name, contact in contacts.items():
            account = Account(id=name, name=name, kind=AccountKind.PREPAID, currency="EUR")
            await books.store.change(Together((CreateAccount(account), SetContact(name, contact))))
        mail = await mail_notifier(books, CountingMeter())
        assert mail is not None
        async with asyncio.TaskGroup() as group:
            pump = dispatch.pump_outbox(
                [mail], books.reader, books.store, books.alarms, books.clock, CountingMeter()
            )
            task = group.create_task(pump, name="outbox")
            try:
                yield books
            finally:
                task.cancel()


async def emptied(books: Books) -> None:
    """Return when no notice waits any more."""
    async with asyncio.timeout(30):
        while await books.reader.waiting_notices(10):  # noqa: ASYNC110 - the books ring no bell
            await asyncio.sleep(0.05)


async def test_mails_arrive_over_starttls_with_their_umlauts(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    contacts = {
        "s1": Contact("s1", "lena@example.org", Language.DE),
        "s2": Contact("s2", "tomas@example.org", Language.EN),
    }
    notices = (
        Notice("topup.done", "s1", "", NOON, PAID),
        Notice("topup.done", "s2", "", NOON, PAID),
        Notice("alarm.raised", "link hall", "lost", NOON),
    )
    async with an_outbox(a_config(tmp_path, postfix, authority), contacts) as books:
        await books.store.change(PostNotices(notices))
        await emptied(books)

    [german] = postfix.wait_for_mails("lena", 1)
    [english] = postfix.wait_for_mails("tomas", 1)
    [alarm] = postfix.wait_for_mails("desk", 1)
    assert german["From"] == "Studentenwerk München <rtbill@example.org>"
    assert german["Return-Path"] == "<bounces@example.org>"
    amount = "20,00\N{NO-BREAK SPACE}€"
    assert german["Subject"] == f"Beleg: Ihr Telefonkonto wurde um {amount} aufgeladen"
    assert "Guthaben jetzt: 1.234,56\N{NO-BREAK SPACE}€" in part(german, "plain")
    assert "1.234,56\N{NO-BREAK SPACE}€" in part(german, "html")
    assert "Balance now: €1,234.56" in part(english, "plain")
    assert "with ESMTPSA id" in german["Received"]  # by TLS, and signed in
    assert alarm["Subject"] == "Alarm: link hall"
    assert postfix.log.count("sasl_username=rtbill") == 3
    assert postfix.log.count("]: connect from") == 2, "one to see whether it is up, one for all"


async def test_a_mailbox_that_is_not_there_is_noted_and_the_rest_goes_on(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    contacts = {
        "s1": Contact("s1", "nobody@example.org"),
        "s2": Contact("s2", "later@example.org"),
        "s3": Contact("s3", "lena@example.org"),
    }
    before = len(postfix.mails("lena"))
    now = SystemClock().now()
    notices = tuple(Notice("topup.refunded", each, "", now, PAID) for each in contacts)
    async with an_outbox(a_config(tmp_path, postfix, authority), contacts) as books:
        await books.store.change(PostNotices(notices))
        await asyncio.to_thread(postfix.wait_for_mails, "lena", before + 1)
        bounced = await books.reader.contact("s1")
        waiting = [each.notice.subject for each in await books.reader.waiting_notices(10)]

    assert bounced is not None
    assert bounced.bounce is not None
    assert bounced.bounce.reason.startswith("550 5.1.1 <nobody@example.org>")
    assert "s2" in waiting
    assert [alarm.subject for alarm in books.alarms.active()] == ["s1"]


async def test_a_mail_that_is_refused_later_comes_back_to_the_mailbox_for_bounces(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    contacts = {"s1": Contact("s1", "gone@example.org")}
    async with an_outbox(a_config(tmp_path, postfix, authority), contacts) as books:
        await books.store.change(PostNotices((Notice("topup.done", "s1", "", NOON, PAID),)))
        await emptied(books)

    [returned] = postfix.wait_for_mails("bounces", 1)
    assert returned.get_content_type() == "multipart/report"
    assert "gone@example.org" in returned.as_string()


async def test_a_mail_that_is_sent_again_after_a_crash_is_known_by_its_id(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    path = a_config(tmp_path, postfix, authority)
    before = len(postfix.mails("tomas"))
    async with open_books(load_config(path, ENVIRON), SystemClock(), CountingMeter()) as books:
        account = Account(id="s1", name="s1", kind=AccountKind.PREPAID, currency="EUR")
        contact = SetContact("s1", Contact("s1", "tomas@example.org"))
        notice = Notice("topup.done", "s1", "", NOON, PAID)
        await books.store.change(
            Together((CreateAccount(account), contact, PostNotices((notice,))))
        )
        mail = await mail_notifier(books, CountingMeter())
        assert mail is not None
        [waiting] = await books.reader.waiting_notices(10)
        await mail.send(waiting.notice)
        await mail.rest()
    # It ends here, before the books learn that the mail is out.
    async with an_outbox(path, {}) as books:
        await emptied(books)

    # The account has no money, and is locked with the second start: that is a third mail.
    found = postfix.wait_for_mails("tomas", before + 3)[before:]
    first, second = (mail for mail in found if mail["Subject"].startswith("Beleg"))
    assert sum(mail["Subject"].startswith("Ihr Telefon ist gesperrt") for mail in found) == 1
    assert first["Message-ID"] == second["Message-ID"]
    assert part(first, "plain") == part(second, "plain")


def test_a_running_service_mails_its_alarms(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    before = len(postfix.mails("desk"))
    config = a_config(tmp_path, postfix, authority, 'operator_kinds = ["alarm.raised"]\n')
    # Nobody is at this port, so that the link to the exchange does not come up.
    config.write_text(config.read_text().replace('user = "rtbill"', 'user = "rtbill"\nport = 1', 1))
    words = ["run", "--view", "none", "--config", str(config)]
    with (tmp_path / "service.log").open("w+b") as log:
        service = program.forked(words, log, environment=OWN | ENVIRON)
        try:
            found = postfix.wait_for_mails("desk", before + 1)[before]
        finally:
            service.send_signal(signal.SIGTERM)
            code = service.wait(20)
        log.seek(0)
        said = log.read().decode()
    assert found["Subject"].startswith("Alarm: unreachable hall")
    assert PASSWORD not in said
    assert code == 0, said[-2000:]


def send_test(config: Path, address: str, **environ: str) -> subprocess.CompletedProcess[str]:
    words = ["mail", "test", address, "--config", str(config)]
    return program.run(words, OWN | ENVIRON | environ)


def test_the_command_says_that_a_mail_was_taken(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    before = len(postfix.mails("tomas"))
    done = send_test(a_config(tmp_path, postfix, authority), "tomas@example.org")
    assert done.returncode == 0, done.stderr
    assert "has taken the mail to tomas@example.org" in done.stdout
    assert "Test" in postfix.wait_for_mails("tomas", before + 1)[-1]["Subject"]


@pytest.mark.parametrize(
    ("change", "address", "environ", "said"),
    [
        (("", ""), "nobody@example.org", {}, "550 5.1.1"),
        (("", ""), "x@elsewhere.test", {"RTBILL_MAIL_PASSWORD": "wrong"}, "535 5.7.8"),
        (('"localhost"', '"127.0.0.2"'), "lena@example.org", {}, "mail.host"),
        (("ca_file", "# ca_file"), "lena@example.org", {}, "mail.ca_file"),
        (("[mail]", '[mail]\nsecurity = "tls"'), "lena@example.org", {}, "does not speak TLS"),
    ],
)
def test_the_command_says_in_one_sentence_what_is_wrong(
    postfix: Postfix,
    authority: Authority,
    tmp_path: Path,
    change: tuple[str, str],
    address: str,
    environ: dict[str, str],
    said: str,
) -> None:
    config = a_config(tmp_path, postfix, authority)
    config.write_text(config.read_text().replace(*change, 1))
    done = send_test(config, address, **environ)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "wrong" not in done.stderr
    assert PASSWORD not in done.stderr


def test_a_server_that_will_not_relay_for_strangers_is_told_with_the_remedy(
    postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    config = a_config(tmp_path, postfix, authority)
    config.write_text(config.read_text().replace(f'username = "{USER}"\n', ""))
    stranger = send_test(config, "x@elsewhere.test", RTBILL_MAIL_PASSWORD="")
    assert "Relay access denied; it does not pass mail on for us: set mail.username" in (
        stranger.stderr
    )
    known = send_test(a_config(tmp_path, postfix, authority), "x@elsewhere.test")
    assert known.returncode == 0, known.stderr
