"""Alarms are told when they begin and when they are over."""

from __future__ import annotations

from rtbill.alarms import Alarms
from rtbill.domain.notice import Notice
from tests.fakes.builders import at
from tests.fakes.virtual_clock import VirtualClock


def told(alarms: Alarms) -> list[tuple[str, str]]:
    return [(notice.kind, notice.subject) for notice in alarms.take_notices()]


async def test_an_alarm_is_told_once_however_often_it_is_raised() -> None:
    clock = VirtualClock()
    alarms = Alarms(clock)
    alarms.raise_("link", "hotel", "connection refused")
    await clock.advance(60)
    alarms.raise_("link", "hotel", "no route to host")

    assert told(alarms) == [("alarm.raised", "link hotel")]
    [alarm] = alarms.active()
    assert (alarm.text, alarm.since) == ("no route to host", at("12:00:00"))


def test_its_end_is_told_once_and_then_it_can_begin_again() -> None:
    alarms = Alarms(VirtualClock())
    alarms.raise_("link", "hotel", "lost")
    alarms.clear("link", "hotel")
    alarms.clear("link", "hotel")
    alarms.raise_("link", "hotel", "lost")

    assert [kind for kind, _ in told(alarms)] == ["alarm.raised", "alarm.cleared", "alarm.raised"]


def test_alarms_of_two_subjects_are_two() -> None:
    alarms = Alarms(VirtualClock())
    alarms.raise_("link", "hotel", "lost")
    alarms.raise_("link", "annexe", "lost")
    alarms.clear("link", "hotel")

    assert [alarm.subject for alarm in alarms.active()] == ["annexe"]


def test_notices_that_could_not_be_stored_come_first_next_time() -> None:
    alarms = Alarms(VirtualClock())
    alarms.raise_("link", "hotel", "lost")
    not_stored = alarms.take_notices()
    alarms.raise_("link", "annexe", "lost")
    alarms.give_back(not_stored)

    assert [subject for _, subject in told(alarms)] == ["link hotel", "link annexe"]


def test_notices_waiting_are_bounded_and_the_newest_stay() -> None:
    alarms = Alarms(VirtualClock())
    for number in range(Alarms.NOTICES_MAX + 5):
        alarms.tell(Notice("call.emergency", str(number), "", at("12:00:00")))

    subjects = [subject for _, subject in told(alarms)]
    assert len(subjects) == Alarms.NOTICES_MAX
    assert subjects[-1] == str(Alarms.NOTICES_MAX + 4)
