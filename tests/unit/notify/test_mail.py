"""Who is mailed what, and what becomes of mails that are not taken."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from rtbill.alarms import Alarms
from rtbill.domain.changes import Change, CreateAccount, NoteBounce, NoteMailTaken, SetContact
from rtbill.domain.contact import Bounce, Contact, Language
from rtbill.domain.errors import Deferred, Unavailable
from rtbill.domain.notice import OPERATOR_KINDS, Notice
from rtbill.notify.letters import Letters
from rtbill.notify.mail import MailNotifier, MailTerms
from rtbill.notify.smtp import Refusal
from tests.fakes.books import an_account
from tests.fakes.environment import NOON, CountingMeter, ManualClock
from tests.fakes.mail_server import part, read_mail
from tests.fakes.memory_store import MemoryStore

LENA, DESK, NIGHT = "lena@example.org", "desk@example.org", "night@example.org"
LATER = Refusal(450, "4.2.1 try later")
NEVER = Refusal(550, "5.1.1 no such user")


class FakeConnection:
    """Takes mails, or refuses them as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, tuple[str, ...]]] = []
        self.refuses: dict[str, Refusal] = {}
        self.is_down = False
        self.tries = 0
        self.closed = 0

    async def send(
        self, sender: str, recipients: Sequence[str], message: bytes
    ) -> Mapping[str, Refusal]:
        self.tries += 1
        if self.is_down:
            raise Unavailable("mail server mail.example.org:587 cannot be reached")
        refused = {each: self.refuses[each] for each in recipients if each in self.refuses}
        if len(refused) < len(recipients):
            self.mails.append(read_mail(message))
            self.envelopes.append((sender, tuple(recipients)))
        return refused

    async def close(self) -> None:
        self.closed += 1


class ChosenStore(MemoryStore):
    """Cannot write changes of one kind, when told."""

    fails: type[object] | None = None

    async def change(self, change: Change) -> None:
        if self.fails is not None and isinstance(change, self.fails):
            raise Unavailable("disk full")
        await super().change(change)


class MailDesk:
    """A notifier with one account, s1, and everything around it in memory."""

    def __init__(self, operators: tuple[str, ...] = (DESK,)) -> None:
        self.clock = ManualClock()
        self.store = ChosenStore(self.clock)
        self.alarms = Alarms(self.clock)
        self.connection = FakeConnection()
        self.meter = CountingMeter()
        self.notifier = MailNotifier(
            terms=MailTerms(
                site="Hall",
                sender="rtbill@example.org",
                bounces_to="bounces@example.org",
                operators=operators,
                operator_kinds=frozenset(OPERATOR_KINDS) - {"call.emergency"},
                language=Language.DE,
                give_up=timedelta(hours=72),
            ),
            letters=Letters("Hall", ZoneInfo("Europe/Berlin")),
            connection=self.connection,
            reader=self.store,
            store=self.store,
            alarms=self.alarms,
            clock=self.clock,
            meter=self.meter,
        )

    async def write_to(self, email: str, language: Language | None = None) -> None:
        await self.store.change(CreateAccount(an_account("s1")))
        await self.store.change(SetContact("s1", Contact("s1", email, language)))

    async def low(self, left: str = "0.95") -> None:
        details = (("available", left), ("currency", "EUR"))
        await self.notifier.send(Notice("balance.low", "s1", "", self.clock.now(), details))

    async def alarm(self, subject: str = "link hall") -> None:
        await self.notifier.send(Notice("alarm.raised", subject, "lost", self.clock.now()))

    def alarmed(self) -> list[tuple[str, str]]:
        return [(each.subject, each.text) for each in self.alarms.active()]


@pytest.fixture
async def desk() -> MailDesk:
    made = MailDesk()
    await made.write_to(LENA)
    return made


# ---------------------------------------------------------------------- who is mailed


async def test_a_holder_is_mailed_in_the_language_of_the_site_unless_another_is_known(
    desk: MailDesk,
) -> None:
    await desk.low()
    await desk.store.change(SetContact("s1", Contact("s1", LENA, Language.EN)))
    await desk.low()

    assert desk.connection.envelopes == [("bounces@example.org", (LENA,))] * 2
    assert [each["Content-Language"] for each in desk.connection.mails] == ["de", "en"]
    assert desk.connection.mails[0]["From"] == "Hall <rtbill@example.org>"
    assert "Noch da: 0,95" in part(desk.connection.mails[0], "plain")


async def test_a_holder_without_an_address_is_not_mailed() -> None:
    desk = MailDesk()
    await desk.low()
    assert desk.connection.tries == 0


async def test_what_concerns_the_operator_goes_to_all_of_them_in_one_mail() -> None:
    desk = MailDesk((DESK, NIGHT))
    await desk.alarm()
    assert desk.connection.envelopes == [("bounces@example.org", (DESK, NIGHT))]
    assert desk.connection.mails[0]["To"] == f"{DESK}, {NIGHT}"


@pytest.mark.parametrize(
    "kind", ["call.emergency", "service.would_lock", "bundle.low", "call.ending", "calls.rerated"]
)
async def test_what_nobody_wants_mailed_is_not(desk: MailDesk, kind: str) -> None:
    await desk.notifier.send(Notice(kind, "s1", "", NOON))
    assert desk.connection.tries == 0


async def test_without_an_operator_alarms_stay_in_the_log() -> None:
    desk = MailDesk(operators=())
    await desk.alarm()
    assert desk.connection.tries == 0


async def test_a_notice_that_is_sent_again_after_a_crash_has_the_same_message_id(
    desk: MailDesk,
) -> None:
    notice = Notice("alarm.raised", "link hall", "lost", NOON)
    await desk.notifier.send(notice)
    desk.clock.pass_time(600)
    await desk.notifier.send(notice)
    ids = [each["Message-ID"] for each in desk.connection.mails]
    assert ids[0] == ids[1]
    assert ids[0].endswith("@example.org>")


async def test_a_link_that_has_expired_while_the_mail_waited_is_not_mailed(
    desk: MailDesk, caplog: pytest.LogCaptureFixture
) -> None:
    details = (("link", "https://hall/pay/7f3a9c"), ("expires", "2026-10-05T12:00:00+00:00"))
    await desk.notifier.send(Notice("pay.link", "s1", "", NOON - timedelta(hours=1), details))
    assert desk.connection.tries == 0
    assert "pay.link of s1 is not mailed: its link expired" in caplog.text
    assert "7f3a9c" not in caplog.text


async def test_the_connection_rests_when_there_is_nothing_more(desk: MailDesk) -> None:
    await desk.low()
    await desk.notifier.rest()
    assert desk.connection.closed == 1


# ---------------------------------------------------------------------- refused for good


async def test_a_mailbox_that_refuses_for_good_is_noted_and_alarmed_and_holds_up_nothing(
    desk: MailDesk,
) -> None:
    desk.connection.refuses[LENA] = NEVER
    await desk.low()
    await desk.alarm()

    bounce = Bounce(desk.clock.now(), "550 5.1.1 no such user")
    assert await desk.store.contact("s1") == Contact("s1", LENA, bounce=bounce)
    assert desk.alarmed() == [
        (
            "s1",
            "lena@example.org takes no mail: 550 5.1.1 no such user; "
            "`rtbill accounts contact s1 --email ADDRESS` sets another",
        )
    ]
    assert len(desk.connection.mails) == 1


async def test_the_next_notice_is_tried_and_a_mail_that_is_taken_ends_the_bounce(
    desk: MailDesk,
) -> None:
    desk.connection.refuses[LENA] = NEVER
    await desk.low()
    desk.connection.refuses.clear()
    await desk.low("0.50")

    assert await desk.store.contact("s1") == Contact("s1", LENA)
    assert desk.alarmed() == []


async def test_a_mail_that_was_taken_is_not_sent_again_because_that_cannot_be_noted(
    desk: MailDesk,
) -> None:
    bounce = Bounce(NOON, "550 5.1.1 no such user")
    await desk.store.change(NoteBounce("s1", LENA, bounce))
    desk.store.fails = NoteMailTaken
    await desk.low()
    assert len(desk.connection.mails) == 1


async def test_a_refusal_that_cannot_be_noted_is_tried_again(desk: MailDesk) -> None:
    desk.connection.refuses[LENA] = NEVER
    desk.store.fails = NoteBounce
    with pytest.raises(Unavailable, match="disk full"):
        await desk.low()


async def test_an_address_that_is_none_counts_as_refused(desk: MailDesk) -> None:
    await desk.store.change(SetContact("s1", Contact("s1", "lena@@example")))
    await desk.low()
    contact = await desk.store.contact("s1")
    assert contact is not None
    assert contact.bounce is not None
    assert "is no e-mail address" in contact.bounce.reason
    assert desk.connection.tries == 0


async def test_one_operator_who_is_refused_is_alarmed_and_the_other_is_mailed() -> None:
    desk = MailDesk((DESK, NIGHT))
    desk.connection.refuses[NIGHT] = NEVER
    await desk.alarm()
    said = "mail is refused; see mail.operators: night@example.org: 550 5.1.1 no such user"
    assert desk.alarmed() == [("operator", said)]

    desk.connection.refuses.clear()
    await desk.alarm()
    assert desk.alarmed() == []


async def test_an_alarm_about_the_operators_mailbox_makes_no_further_alarm(desk: MailDesk) -> None:
    desk.connection.refuses[DESK] = NEVER
    await desk.alarm()
    for notice in desk.alarms.take_notices():
        await desk.notifier.send(notice)
    assert desk.alarms.take_notices() == []


# ---------------------------------------------------------------------- put off


async def test_a_mailbox_that_puts_mails_off_holds_up_its_own_only(desk: MailDesk) -> None:
    desk.connection.refuses[LENA] = LATER
    with pytest.raises(Deferred, match=r"450 4\.2\.1 try later") as first:
        await desk.low()
    assert first.value.pause_s == 60.0

    desk.clock.pass_time(20)
    with pytest.raises(Deferred) as second:
        await desk.low("0.50")
    assert second.value.pause_s == 40.0  # behind the first, without asking the server
    assert desk.connection.tries == 1
    await desk.alarm()
    assert len(desk.connection.mails) == 1


async def test_pauses_grow_to_an_hour_and_end_with_the_first_mail_that_is_taken(
    desk: MailDesk,
) -> None:
    desk.connection.refuses[LENA] = LATER
    pauses = []
    for _ in range(8):
        with pytest.raises(Deferred) as later:
            await desk.low()
        pauses.append(later.value.pause_s)
        desk.clock.pass_time(later.value.pause_s)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]

    desk.connection.refuses.clear()
    await desk.low()
    desk.connection.refuses[LENA] = LATER
    with pytest.raises(Deferred) as again:
        await desk.low()
    assert again.value.pause_s == 60.0


async def test_a_mail_that_is_put_off_for_too_long_counts_as_refused(desk: MailDesk) -> None:
    desk.connection.refuses[LENA] = LATER
    details = (("available", "0.95"), ("currency", "EUR"))
    old = Notice("balance.low", "s1", "", NOON - timedelta(hours=73), details)
    waited = await put_off_until_given_up(desk, old)
    assert 1800 < waited < 3600  # what is old because the server was away gets its time too
    bounced_at = desk.clock.now()
    contact = await desk.store.contact("s1")
    assert contact is not None
    assert contact.bounce == Bounce(bounced_at, "put off for 72 h: 450 4.2.1 try later")

    # Those behind it do not wait once more.
    assert await put_off_until_given_up(desk, replace(old, at=old.at + timedelta(minutes=1))) == 0
    desk.connection.refuses.clear()
    await desk.low()
    assert await desk.store.contact("s1") == Contact("s1", LENA)


async def put_off_until_given_up(desk: MailDesk, notice: Notice) -> float:
    """Seconds that the mailbox was waited for."""
    waited = 0.0
    while True:
        try:
            await desk.notifier.send(notice)
        except Deferred as later:
            waited += later.pause_s
            desk.clock.pass_time(later.pause_s)
        else:
            return waited


async def test_a_server_that_will_not_relay_loses_no_mail(desk: MailDesk) -> None:
    desk.connection.refuses[LENA] = Refusal(554, "5.7.1 <lena@example.org>: Relay access denied")
    with pytest.raises(Deferred, match="Relay access denied"):
        await desk.low()
    assert await desk.store.contact("s1") == Contact("s1", LENA)


async def test_a_server_that_takes_nothing_is_not_the_fault_of_a_mailbox(desk: MailDesk) -> None:
    desk.connection.is_down = True
    with pytest.raises(Unavailable) as down:
        await desk.low()
    assert not isinstance(down.value, Deferred)
    desk.connection.is_down = False
    await desk.low()
    assert len(desk.connection.mails) == 1
    assert await desk.store.contact("s1") == Contact("s1", LENA)


# ---------------------------------------------------------------------- cannot be written


async def test_a_notice_that_cannot_be_written_is_alarmed_and_holds_up_nothing(
    desk: MailDesk,
) -> None:
    await desk.notifier.send(Notice("topup.done", "s1", "", NOON, (("amount", "20.00"),)))
    [(subject, said)] = desk.alarmed()
    assert subject == "topup.done"
    assert said.startswith("notice topup.done of s1 cannot be written")
    await desk.low()
    assert len(desk.connection.mails) == 1


async def test_nothing_of_a_link_is_ever_logged(
    desk: MailDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.connection.refuses[LENA] = LATER
    details = (("link", "https://hall/pay/7f3a9c"), ("expires", "2026-10-06T12:00:00+00:00"))
    with pytest.raises(Deferred) as later:
        await desk.notifier.send(Notice("pay.link", "s1", "", NOON, details))
    desk.clock.pass_time(60)
    broken = (("link", "https://hall/pay/7f3a9c"), ("expires", "soon"))
    await desk.notifier.send(Notice("pay.link", "s1", "", NOON, broken))
    assert "notice pay.link of s1 cannot be written" in str(desk.alarmed())
    said = caplog.text + str(later.value) + str(desk.alarmed())
    assert "7f3a9c" not in said


async def test_mails_are_counted_by_what_became_of_them(desk: MailDesk) -> None:
    await desk.low()
    await desk.alarm()
    assert desk.meter.counts["rtbill_mails_total"] == 2
