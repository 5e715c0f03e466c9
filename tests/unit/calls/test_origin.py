"""Where a call came from goes with it from wherever it was heard of first."""

from __future__ import annotations

import pytest

from rtbill.calls.tracker import Tracker
from rtbill.domain.call import CallRecord
from rtbill.domain.origin import Origin
from tests.fakes.builders import PBX, events

ORIGIN = "origin=4711/branch"


@pytest.mark.parametrize(
    "text",
    [
        f"12:00:00 back\n12:00:01 start 1 {ORIGIN}\n12:00:05 answer 1\n12:01:05 end 1",
        f"12:00:00 back\n12:00:05 answer 1 {ORIGIN}\n12:01:05 end 1",
        f"12:00:00 back\n12:00:05 answer 1\n12:01:05 end 1 {ORIGIN}",
        f"12:00:00 back; live 1 answered=11:59:00 {ORIGIN}\n12:01:05 end 1",
        f"12:00:00 back; live 1\n12:00:30 snapshot; live 1 {ORIGIN}\n12:01:05 end 1",
        f"12:00:00 back; done 1 answered=11:58:00 ended=11:59:00 {ORIGIN}",
        f"12:00:00 back; gone 1 answered=11:58:00 {ORIGIN}",
        f"12:00:00 back\n12:00:05 end 1 answered=12:00:01 {ORIGIN}",
        f"12:00:00 back\n12:00:01 start 1 {ORIGIN}\n12:00:02 lost\n"
        "12:05:00 back; done 1 answered=12:00:03 ended=12:01:00",
    ],
)
def test_a_call_ends_with_the_origin_that_was_told_of_it(text: str) -> None:
    tracker = Tracker(PBX)
    said = [each for event in events(text) for each in tracker.feed(event)]
    [record] = [each for each in said if isinstance(each, CallRecord)]
    assert record.origin == Origin("4711", "branch")


def test_a_leg_taken_up_after_a_restart_keeps_it() -> None:
    tracker = Tracker(PBX)
    [live] = Tracker(PBX).feed(events(f"12:00:05 answer 1 {ORIGIN}")[0])
    assert not isinstance(live, CallRecord)
    tracker.resume(live)
    [record] = tracker.feed(events("12:05:00 back; done 1 answered=12:00:05 ended=12:01:00")[0])
    assert record.origin == Origin("4711", "branch")
