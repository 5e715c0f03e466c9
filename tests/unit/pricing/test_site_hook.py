"""Asking a site's hook: what it is told, and what happens when it goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from rtbill.alarms import Alarms
from rtbill.domain.errors import NoRate
from rtbill.hook import Adjustment, Call
from rtbill.pricing.site_hook import ALARM, CALM_S, SLOW, Caller, SiteHook
from rtbill.rating.chain import Asked
from tests.fakes.environment import ManualClock
from tests.fakes.hooks import Recorder, a_site_hook, half_price

HALF = Adjustment(percent=-50, reason="Half price")
NIGHT = Adjustment(price_list="night", reason="Night")
ANSWERED = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
"""Half past two in Berlin, for the second time that night."""
ASKED = Asked("+41315550100", ANSWERED, "room-1", "hotel")
CALLER = Caller("1001", "0041315550100", "Kim Lee")


class Desk:
    """A hook, its clock and its alarms."""

    def __init__(self, *answers: object, zone: str = "UTC") -> None:
        self.clock = ManualClock()
        self.alarms = Alarms(self.clock)
        self.function = Recorder(*answers)
        self.hook = a_site_hook(self.function, self.clock, self.alarms, zone=zone)

    def ask(self, caller: Caller = CALLER, knows: str = "night") -> str:
        """The reason of the adjustment; `-` for none."""
        return ask(self.hook, caller, knows)

    def alarm(self) -> str:
        """Text of the one alarm in force; empty when there is none."""
        return "; ".join(
            f"{each.kind} {each.subject}: {each.text}" for each in self.alarms.active()
        )


def ask(hook: SiteHook, caller: Caller = CALLER, knows: str = "night") -> str:
    def check_list(name: str) -> None:
        if name != knows:
            raise NoRate(f"there is no tariff or price plan {name!r}")

    found = hook.ask(
        ASKED,
        caller,
        trunk="carrier",
        account_class="student",
        price_list="retail",
        check_list=check_list,
    )
    return found.reason if found else "-"


def test_the_hook_sees_plain_values_on_the_sites_clock() -> None:
    desk = Desk(None, zone="Europe/Berlin")
    assert desk.ask() == "-"

    [call] = desk.function.calls
    assert call == Call(
        number="+41315550100",
        dialled="0041315550100",
        answered_at=ANSWERED.astimezone(ZoneInfo("Europe/Berlin")),
        pbx="hotel",
        trunk="carrier",
        extension="1001",
        account="room-1",
        account_class="student",
        person="Kim Lee",
        price_list="retail",
    )
    assert call.answered_at.isoformat() == "2026-10-25T02:30:00+01:00"


def test_a_hook_that_fails_changes_nothing_and_the_alarm_says_about_which_call_and_where() -> None:
    desk = Desk()

    def adjust(call: Call) -> Adjustment:
        raise LookupError(f"no room of {call.person}")

    hook = a_site_hook(adjust, desk.clock, desk.alarms)

    assert ask(hook) == "-"
    line = adjust.__code__.co_firstlineno + 1
    assert desk.alarm() == (
        "rating.hook mysite:adjust: call of room-1 to +41315550100 from hotel/1001: "
        f"LookupError: no room of Kim Lee (test_site_hook.py, line {line}); "
        "priced by its tariff alone"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        ("half", "it returned str; return rtbill.hook.Adjustment or None"),
        (Adjustment(percent=1), "without a reason"),
        (
            Adjustment(price_list="nobody", reason="Night"),
            "there is no tariff or price plan 'nobody'",
        ),
        (Adjustment(percent=0.5, reason="Half"), "percent is of type float"),  # type: ignore[arg-type]
    ],
)
def test_whatever_is_wrong_falls_back_to_the_tariff_and_alarms(answer: object, said: str) -> None:
    desk = Desk(answer)

    assert desk.ask() == "-"
    assert said in desk.alarm()


def test_a_person_who_ends_the_program_is_heard_also_within_a_hook() -> None:
    desk = Desk(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        desk.ask()


def test_the_first_good_answer_after_a_calm_minute_ends_the_alarm() -> None:
    desk = Desk(ValueError("no"), HALF)
    desk.ask()
    desk.clock.pass_time(CALM_S - 1)
    assert desk.ask() == "Half price"
    assert desk.alarm()

    desk.clock.pass_time(1)

    assert desk.ask() == "Half price"
    assert desk.alarm() == ""


def test_a_hook_that_fails_about_every_other_call_is_alarmed_once() -> None:
    desk = Desk(*[ValueError("no"), HALF] * 50, HALF)
    for _ in range(100):
        desk.ask()
        desk.clock.pass_time(1)

    assert [each.kind for each in desk.alarms.take_notices()] == ["alarm.raised"]


class Taking:
    """A hook that takes so many seconds, one after the other."""

    def __init__(self, desk: Desk, *seconds: float) -> None:
        self._desk = desk
        self._seconds = list(seconds)

    def __call__(self, call: Call) -> Adjustment:
        self._desk.clock.pass_time(self._seconds.pop(0))
        return half_price(call)


def test_a_hook_that_blocks_is_heeded_and_alarmed_at_once() -> None:
    desk = Desk()
    hook = a_site_hook(Taking(desk, 0.1), desk.clock, desk.alarms)

    assert ask(hook) == "Half price"
    assert desk.alarm() == (
        "rating.hook slow: call of room-1 to +41315550100 from hotel/1001: mysite:adjust took "
        "100 ms, in which nothing else is done; it must neither wait nor read files or networks"
    )


def test_a_hook_that_is_always_a_little_slow_is_alarmed_one_that_once_is_not() -> None:
    desk = Desk()
    hook = a_site_hook(
        Taking(desk, 0.011, 0.099, 0.01, 0.011, 0.011, 0.011), desk.clock, desk.alarms
    )

    alarmed = []
    for _ in range(6):
        ask(hook)
        alarmed.append(desk.alarm() != "")

    assert alarmed == [False, False, False, False, False, True]


def test_a_hook_that_has_been_quick_for_a_minute_is_no_longer_called_slow() -> None:
    desk = Desk()
    hook = a_site_hook(Taking(desk, 0.1, 0.0, 0.011, 0.0), desk.clock, desk.alarms)
    ask(hook)
    ask(hook)
    assert [(each.kind, each.subject) for each in desk.alarms.active()] == [(ALARM, SLOW)]
    desk.clock.pass_time(CALM_S)
    ask(hook)
    assert desk.alarm(), "it was slow again, if only once"
    ask(hook)
    assert desk.alarm() == ""


def test_the_same_question_about_a_call_is_asked_once_even_when_the_answer_was_none() -> None:
    desk = Desk(ValueError("no"), HALF)
    caller = CALLER._replace(answers={})

    assert [desk.ask(caller) for _ in range(3)] == ["-", "-", "-"]
    assert len(desk.function.calls) == 1


def test_another_person_or_list_is_another_question() -> None:
    desk = Desk(HALF, None)
    caller = CALLER._replace(answers={})

    assert [desk.ask(caller), desk.ask(caller._replace(person="")), desk.ask(caller)] == [
        *("Half price", "-", "Half price"),
    ]
