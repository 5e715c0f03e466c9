"""What a person sees: a screen that fits its terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from rtbill.alarms import Alarm
from rtbill.app.sentences import sentence
from rtbill.app.view import Line, LinkRow, LiveRow, clock_text, live_text, screen, show
from rtbill.chronicle import Answered, Posted, Served, What
from rtbill.domain.account import (
    Account,
    AccountKind,
    AccountState,
    Incoming,
    Outgoing,
    Service,
)
from rtbill.domain.call import CallId, CallRecord, CutBy, Outcome, Source
from rtbill.domain.events import CallRefused, LiveLeg
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from tests.fakes.books import an_observation

NOON = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def a_row(number: int = 1001, person: str = "Anna", left_s: float | None = 45.0) -> LiveRow:
    return LiveRow(
        call=f"hall/1782900000.{number}",
        extension=f"hall/{number}",
        person=person,
        number="+4930312****",
        destination="Germany",
        state="talking",
        talk_s=65.9,
        cost=Money(37_500, "EUR"),
        balance=Money(1_880_000, "EUR"),
        left_s=left_s,
    )


class Stage:
    """A view model that holds what the test puts there."""

    def __init__(self) -> None:
        self.rows: list[LiveRow] = []
        self.lines: list[Line] = []
        self.raised: list[Alarm] = []

    def live(self) -> Sequence[LiveRow]:
        return self.rows

    def happenings(self, since: int) -> Sequence[Line]:
        return [line for line in self.lines if line.sequence > since]

    def links(self) -> Sequence[LinkRow]:
        return [LinkRow("hall", "up", NOON)]

    def alarms(self) -> Sequence[Alarm]:
        return self.raised


class SteppedClock:
    """Time passes only by sleeping, and ends after a number of sleeps."""

    def __init__(self, sleeps: int) -> None:
        self._sleeps = sleeps
        self._passed_s = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        self._passed_s += seconds
        self._sleeps -= 1
        if self._sleeps == 0:
            raise asyncio.CancelledError


def drawn(stage: Stage, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(screen(stage, stage.lines, NOON, console.size, BERLIN))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_call_shows_who_whom_how_long_cost_balance_and_rest() -> None:
    stage = Stage()
    stage.rows = [a_row()]
    text = "\n".join(drawn(stage))
    for wanted in ("hall/1001", "Anna", "+4930312****", "1:05", "0.0375 EUR", "1.88 EUR", "0:45"):
        assert wanted in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 60)])
@pytest.mark.parametrize("calls", [0, 3, 500])
def test_the_screen_is_never_larger_than_the_terminal(width: int, height: int, calls: int) -> None:
    stage = Stage()
    stage.rows = [a_row(1000 + each, "A very long name indeed") for each in range(calls)]
    stage.lines = [Line(each, NOON, "ended " + "x" * 200) for each in range(1, 60)]
    stage.raised = [Alarm("link", "hall", "y" * 200, NOON)] * 5
    lines = drawn(stage, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_calls_that_do_not_fit_are_counted() -> None:
    stage = Stage()
    stage.rows = [a_row(1000 + each) for each in range(100)]
    (line,) = [line for line in drawn(stage) if line.startswith("and ")]
    shown = sum("hall/1" in line for line in drawn(stage))
    assert line.strip() == f"and {100 - shown} more"


def test_the_time_shown_is_that_of_the_site() -> None:
    stage = Stage()
    stage.lines = [Line(1, NOON, "locked hall/1001")]
    text = "\n".join(drawn(stage))
    assert "2026-07-01 12:00:00" in text
    assert "12:00:00 locked hall/1001" in text


def test_a_hostile_name_cannot_steer_the_terminal() -> None:
    stage = Stage()
    stage.rows = [a_row(person="\x1b[2J[red]")]
    text = "\n".join(drawn(stage, width=160))
    assert "\x1b" not in text
    assert "\\x1b[2J[red]" in text


async def test_a_terminal_is_given_back_when_the_view_is_cancelled() -> None:
    stage = Stage()
    stage.rows = [a_row()]
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, _environ={})
    with pytest.raises(asyncio.CancelledError):
        await show(stage, SteppedClock(8), console, "Europe/Berlin")
    written = file.getvalue()
    assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1
    assert written.index("\x1b[?1049l") > written.rindex("hall/1001")
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


async def test_elsewhere_each_happening_is_one_line_and_calls_are_told_every_five_seconds() -> None:
    stage = Stage()
    stage.rows = [a_row()]
    stage.lines = [Line(1, NOON, "ended hall/1002 0.12 EUR"), Line(2, NOON, "locked hall/1002")]
    stage.raised = [Alarm("link", "hall", "not heard", NOON)]
    file = io.StringIO()
    with pytest.raises(asyncio.CancelledError):
        await show(stage, SteppedClock(44), Console(file=file, width=40), "Europe/Berlin")
    assert file.getvalue().splitlines() == [
        "12:00:00 ended hall/1002 0.12 EUR",
        "12:00:00 locked hall/1002",
        "12:00:00 ALARM link hall: not heard",
        *(
            f"12:00:{second} in call   hall/1001 Anna -> +4930312**** Germany 1:05 "
            "cost 0.0375 EUR balance 1.88 EUR left 0:45"
            for second in ("05", "10")
        ),
    ]


def test_a_ringing_call_costs_nothing_yet() -> None:
    row = LiveRow(
        call="hall/1.1",
        extension="hall/1001",
        person="",
        number="030",
        destination="",
        state="ringing",
        talk_s=0,
        cost=None,
        balance=None,
        left_s=None,
    )
    assert "unknown" not in live_text(row)
    assert "ringing" in live_text(row)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "0:00"), (65.9, "1:05"), (7200, "2:00:00"), (-3, "0:00")]
)
def test_durations_are_whole_seconds_downwards(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


LEG = CallId("hall", "1.1")
STATE = AccountState(
    Account(id="anna", name="Anna", kind=AccountKind.PREPAID, currency="EUR"),
    1_880_000,
    1,
    Service(),
)


def a_call(status: CallStatus = CallStatus.RATED, cut_by: CutBy | None = None) -> RatedCall:
    record = CallRecord(
        id=LEG,
        payer="1001",
        dialled="030312345678",
        trunk="carrier",
        answered_at=NOON,
        ended_at=NOON + timedelta(seconds=83),
        cause=16,
        outcome=Outcome.ENDED,
        source=Source.EVENTS,
        cut_by=cut_by,
    )
    price = None
    if status is CallStatus.RATED:
        price = Price(37_500, "EUR", "germany", 1, "49", "Germany", 120)
    kind = NumberKind.EMERGENCY if status is CallStatus.FREE else NumberKind.CHARGEABLE
    return RatedCall(record, "anna", status, kind, "+4930312345678", price, "Anna")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            Posted(a_call(), STATE),
            "ended 1001 Anna 1:23 0.0375 EUR, has 1.88 EUR -> +493031234**** Germany",
        ),
        (Posted(a_call(cut_by=CutBy.PBX_TIMER), STATE), "cut 1001 Anna"),
        (Posted(a_call(CallStatus.FREE), STATE), "emergency, free"),
        (Posted(a_call(CallStatus.UNRATED), STATE), "price unknown, kept for later"),
        (Posted(a_call(CallStatus.UNCONFIRMED), STATE), "in doubt"),
        (Posted(a_call(CallStatus.UNANSWERED), STATE), "not answered"),
        (
            Served("hall", "1001", Service(Outgoing.LOCKED, Incoming.DIVERT)),
            "locked hall/1001: incoming calls go to voicemail",
        ),
        (Served("hall", "1001", Service()), "opened hall/1001"),
        (
            CallRefused("hall", NOON, "1001", "030312345678"),
            "refused hall/1001 -> 03031234****: extension is locked",
        ),
        (
            CallRefused("hall", NOON, "1001", "030312345678", "balance", "7.1"),
            "refused hall/1001 -> 03031234****: not enough money",
        ),
        (CallRefused("hall", NOON, None, "112", "unrated"), "112: its price is unknown"),
        (CallRefused("hall", NOON, None, "112", "dear"), "112: a minute costs more than its class"),
        (CallRefused("hall", NOON, None, "112", "unknown-payer"), "hall/unknown -> 112: nobody is"),
        (CallRefused("hall", NOON, None, None, "malformed"), "unknown number: not a number that"),
        (CallRefused("hall", NOON, "1001", "112", "silent"), "rtbill was silent"),
        (CallRefused("hall", NOON, "1001", "112", "new-word"), "112: new-word"),
        (
            Answered(LiveLeg(LEG, "1001", "030312345678", "carrier", NOON)),
            "answered 1001 -> 03031234****",
        ),
        (Notice("balance.low", "anna", "0.90 EUR left", NOON), "low anna: 0.90 EUR left"),
    ],
)
def test_a_happening_is_one_sentence_with_masked_numbers(what: What, words: str) -> None:
    said = sentence(what, 4)
    assert said is not None
    assert words in " ".join(said.split())


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        (
            an_observation("refuse:hotel/1", text="the call to +41315550100 would be refused: why"),
            "would refuse hotel/1001: the call to +4131555**** would be refused: why",
        ),
        (
            an_observation("cut:hotel/1", text="the call to +41315550100 would have been cut"),
            "would cut    hotel/1001: the call to +4131555**** would have been cut",
        ),
        (
            an_observation(extension=None, text="hotel/1001, 1002 would be locked: 0.00 EUR left"),
            "would lock   hotel: hotel/1001, 1002 would be locked: 0.00 EUR left",
        ),
    ],
)
def test_what_would_be_done_is_one_sentence_with_masked_numbers(
    observation: Observation, words: str
) -> None:
    assert sentence(observation, 4) == words


@pytest.mark.parametrize(
    "kind", ["service.would_lock", "service.would_open", "service.locked", "service.opened"]
)
def test_a_change_of_service_is_told_by_what_becomes_of_it(kind: str) -> None:
    assert sentence(Notice(kind, "anna", "", NOON), 4) is None


def test_a_warning_to_the_holder_is_told() -> None:
    said = sentence(Notice("service.warning", "anna", "would be locked", NOON), 4)
    assert said == "warning   anna: would be locked"


def test_a_fact_is_told_once() -> None:
    assert sentence(Notice("service.locked", "anna", "", NOON), 4) is None


@pytest.mark.parametrize(
    ("kind", "word"),
    [("topup.done", "bought   "), ("topup.failed", "unpaid   "), ("balance.low", "low      ")],
)
def test_a_purchase_is_told_by_a_word_that_needs_no_other(kind: str, word: str) -> None:
    notice = Notice(kind, "anna", "5.00 EUR paid in", NOON)
    assert sentence(notice, 4) == f"{word} anna: 5.00 EUR paid in"
