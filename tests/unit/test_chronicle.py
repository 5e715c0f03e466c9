"""The latest happenings, for whoever looks on."""

from __future__ import annotations

from rtbill.chronicle import Chronicle
from rtbill.domain.events import CallRefused
from rtbill.domain.notice import Notice
from tests.fakes.builders import at
from tests.fakes.environment import CountingMeter

NOTICE = Notice("alarm.raised", "link hotel", "", at("12:00:00"))


def test_whoever_looks_again_sees_only_what_is_new() -> None:
    chronicle = Chronicle()
    chronicle.add(NOTICE.at, NOTICE)
    [first] = chronicle.since(0)
    chronicle.add(NOTICE.at, NOTICE)

    assert [each.sequence for each in chronicle.since(first.sequence)] == [first.sequence + 1]


def test_only_the_last_happenings_are_kept() -> None:
    chronicle = Chronicle(size_max=3)
    for _ in range(5):
        chronicle.add(NOTICE.at, NOTICE)

    assert [each.sequence for each in chronicle.since(0)] == [3, 4, 5]


def test_nothing_new_is_nothing() -> None:
    assert Chronicle().since(0) == []


def test_a_refusal_is_counted_once_though_the_exchange_tells_of_it_again() -> None:
    meter = CountingMeter()
    chronicle = Chronicle(meter=meter)
    ours = CallRefused("hotel", NOTICE.at, "1001", "0041315550100", "balance", "7.1")
    for refused in (ours, ours, CallRefused("hotel", NOTICE.at, "1001", "112", "word-of-a-caller")):
        chronicle.add(NOTICE.at, refused)

    assert meter.counts["rtbill_refused_total"] == 2
