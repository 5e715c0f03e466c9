"""Clocks that step, and restarts of either side."""

from __future__ import annotations

import pytest

from rtbill.calls.tracker import Tracker
from rtbill.domain.call import Outcome
from rtbill.domain.events import LiveLeg
from tests.fakes.builders import PBX, at, leg, told
from tests.unit.calls.feeding import fed, records


@pytest.mark.parametrize(
    "text",
    [
        "11:00:00 back\n12:00:05 answer 1\n11:59:00 end 1",
        "11:00:00 back\n11:59:00 end 1 answered=12:00:05",
        "12:10:00 back; done 1 answered=12:00:05 ended=11:59:00",
    ],
)
def test_a_clock_that_steps_back_leaves_the_call_in_doubt(text: str) -> None:
    [call] = records(text)

    assert call.outcome is Outcome.UNCONFIRMED
    assert call.talk_us == 0
    assert "clock stepped back" in call.evidence


def test_after_our_own_restart_a_live_call_goes_on() -> None:
    tracker = Tracker(PBX, heard_until=at("12:02:00"))
    tracker.resume(LiveLeg(leg("1"), "1001", "0041315550100", "carrier", at("12:00:05")))

    out = fed("12:05:00 back; live 1 answered=12:00:05\n12:06:05 end 1", tracker)

    assert told(out) == ["1 talks since 12:00:05", "1 ended 360.00s 1001 status"]


def test_after_a_crash_of_both_a_call_is_in_doubt_up_to_where_the_exchange_was_heard() -> None:
    tracker = Tracker(PBX, heard_until=at("12:02:00"))
    tracker.resume(LiveLeg(leg("1"), "1001", "0041315550100", "carrier", at("12:00:05")))

    assert told(fed("12:05:00 back", tracker)) == ["1 unconfirmed 115.00s 1001 status"]


def test_a_link_that_could_not_be_opened_proves_nothing() -> None:
    tracker = Tracker(PBX, heard_until=at("12:02:00"))
    tracker.resume(LiveLeg(leg("1"), "1001", "0041315550100", "carrier", at("12:00:05")))

    out = fed("12:04:00 lost\n12:05:00 back", tracker)

    assert told(out) == ["1 unconfirmed 115.00s 1001 status"]


def test_the_exchange_restarts_and_its_new_calls_are_not_the_old_ones() -> None:
    text = """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:05:00 back; gone 1 answered=12:00:05
        12:06:00 answer 2
        12:06:10 end 2
        """
    assert told(records(text)) == [
        "1 unconfirmed 115.00s 1001 events",
        "2 ended 10.00s 1001 events",
    ]


def test_closing_with_the_link_up_leaves_calls_live() -> None:
    tracker = Tracker(PBX)
    fed("11:00:00 back\n12:00:00 start 1\n12:00:05 answer 2", tracker)

    left = tracker.close(at("12:00:25"))

    assert told(left) == ["1 live 0.00s 1001 events", "2 live 20.00s 1001 events"]
    assert tracker.count() == 0


def test_closing_without_a_link_leaves_calls_in_doubt() -> None:
    tracker = Tracker(PBX)
    fed("11:00:00 back\n12:00:00 start 1\n12:00:05 answer 2\n12:00:10 lost", tracker)

    left = tracker.close(at("12:00:25"))

    assert told(left) == ["1 unconfirmed 0.00s 1001 events", "2 unconfirmed 5.00s 1001 events"]


def test_closing_when_no_link_ever_was_invents_no_talk() -> None:
    tracker = Tracker(PBX)
    fed("12:00:00 start 1\n12:00:05 answer 2", tracker)

    left = tracker.close(at("12:00:25"))

    assert [call.outcome for call in left] == [Outcome.UNCONFIRMED, Outcome.UNCONFIRMED]
    assert [call.talk_us for call in left] == [0, 0]
