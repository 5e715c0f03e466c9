"""Tables of events, and the calls that they mean."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from rtbill.calls.tracker import Tracker
from rtbill.domain.call import CallRecord
from rtbill.domain.events import CallAnswered, CallEnded, CallStarted
from tests.fakes.builders import PBX, at, leg, one_event, told
from tests.unit.calls.feeding import UP, fed, records

TABLES = {
    "a call is answered and ends": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:05 answer 1
        12:01:05.250 end 1
        """,
        ["1 talks since 12:00:05", "1 ended 60.25s 1001 events"],
    ),
    "a call that nobody answers": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:30 end 1
        """,
        ["1 unanswered 0.00s 1001 events"],
    ),
    "two calls at once, ending in another order than they began": (
        """
        11:00:00 back
        12:00:00 start 1 payer=1001
        12:00:01 start 2 payer=1002
        12:00:05 answer 1 payer=1001
        12:00:06 answer 2 payer=1002
        12:00:10 end 2 payer=1002
        12:00:20 end 1 payer=1001
        """,
        [
            "1 talks since 12:00:05",
            "2 talks since 12:00:06",
            "2 ended 4.00s 1002 events",
            "1 ended 15.00s 1001 events",
        ],
    ),
    "every event comes twice": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:00 start 1
        12:00:05 answer 1
        12:00:05 answer 1
        12:00:15 end 1
        12:00:15 end 1
        """,
        ["1 talks since 12:00:05", "1 ended 10.00s 1001 events"],
    ),
    "every event comes again after the end": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:05 answer 1
        12:00:15 end 1 answered=12:00:05
        12:00:00 start 1
        12:00:05 answer 1
        12:00:15 end 1 answered=12:00:05
        """,
        ["1 talks since 12:00:05", "1 ended 10.00s 1001 events"],
    ),
    "the answer is not seen but stamped on the leg": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:15 end 1 answered=12:00:05
        """,
        ["1 ended 10.00s 1001 events"],
    ),
    "the start is not seen": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:00:15 end 1
        """,
        ["1 talks since 12:00:05", "1 ended 10.00s 1001 events"],
    ),
    "the end of an unknown leg with the stamp of its answer": (
        """
        11:00:00 back
        12:00:15 end 1 answered=12:00:05
        """,
        ["1 ended 10.00s 1001 events"],
    ),
    "the end of an unknown leg without a stamp": ("12:00:15 end 1", []),
    "the payer becomes known at the answer, and a later silence does not take it away": (
        """
        11:00:00 back
        12:00:00 start 1 payer=-
        12:00:05 answer 1 payer=1007
        12:00:15 end 1 payer=-
        """,
        ["1 talks since 12:00:05", "1 ended 10.00s 1007 events"],
    ),
    "a leg that nobody pays": (
        """
        11:00:00 back
        12:00:05 answer 1 payer=-
        12:00:15 end 1 payer=-
        """,
        ["1 talks since 12:00:05", "1 ended 10.00s - events"],
    ),
    "the exchange's timer cut it": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:00:15 end 1 cut=pbx_timer
        """,
        ["1 talks since 12:00:05", "1 ended 10.00s 1001 events pbx_timer"],
    ),
    "a snapshot while all is well changes nothing": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:01 start 2
        12:00:05 answer 1
        12:00:30 snapshot; live 1 answered=12:00:05; live 2
        12:01:05 end 1
        """,
        ["1 talks since 12:00:05", "1 ended 60.00s 1001 events"],
    ),
    "we came when the call was already talking (CC-63)": (
        """
        12:00:30 back; live 1 answered=12:00:05
        12:01:05 end 1
        """,
        ["1 talks since 12:00:05", "1 ended 60.00s 1001 status"],
    ),
    "a periodic snapshot shows an answer that was lost": (
        """
        11:00:00 back
        12:00:00 start 1
        12:00:30 snapshot; live 1 answered=12:00:05
        12:01:05 end 1
        """,
        ["1 talks since 12:00:05", "1 ended 60.00s 1001 status"],
    ),
    "a periodic snapshot names the payer that the events did not": (
        """
        11:00:00 back
        12:00:05 answer 1 payer=-
        12:00:30 snapshot; live 1 answered=12:00:05 payer=1004
        12:01:05 end 1 payer=-
        """,
        ["1 talks since 12:00:05", "1 ended 60.00s 1004 events"],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_events_mean_these_calls(name: str) -> None:
    text, expected = TABLES[name]

    assert told(fed(text)) == expected


GAPS = {
    "it still talks when the link is back": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:05:00 back; live 1 answered=12:00:05
        12:06:05 end 1
        """,
        ["1 talks since 12:00:05", "1 talks since 12:00:05", "1 ended 360.00s 1001 events"],
    ),
    "it rang, was answered in the gap, and still talks": (
        """
        11:00:00 back
        12:00:00 start 1
        12:02:00 lost
        12:05:00 back; live 1 answered=12:03:00
        12:06:00 end 1
        """,
        ["1 talks since 12:03:00", "1 ended 180.00s 1001 status"],
    ),
    "it ended in the gap and the exchange kept a row": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:05:00 back; done 1 answered=12:00:05 ended=12:03:05
        """,
        ["1 talks since 12:00:05", "1 recovered 180.00s 1001 outbox"],
    ),
    "it began and ended in the gap": (
        """
        11:00:00 back
        12:02:00 lost
        12:05:00 back; done 1 answered=12:03:00 ended=12:03:30
        """,
        ["1 recovered 30.00s 1001 outbox"],
    ),
    "it talked, and the exchange neither shows nor kept it": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:05:00 back
        """,
        ["1 talks since 12:00:05", "1 unconfirmed 115.00s 1001 events"],
    ),
    "the exchange crashed while it talked": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:05:00 back; gone 1 answered=12:00:05
        """,
        ["1 talks since 12:00:05", "1 unconfirmed 115.00s 1001 events"],
    ),
    "it rang, was answered in the gap, and then the exchange crashed": (
        """
        11:00:00 back
        12:00:00 start 1
        12:02:00 lost
        12:05:00 back; gone 1 answered=12:02:30
        """,
        ["1 unconfirmed 0.00s 1001 outbox"],
    ),
    "it was answered unseen before the gap, and then the exchange crashed": (
        """
        11:00:00 back
        12:00:00 start 1
        12:02:00 lost
        12:05:00 back; gone 1 answered=12:01:30
        """,
        ["1 unconfirmed 30.00s 1001 outbox"],
    ),
    "it began in the gap and the exchange crashed": (
        """
        11:00:00 back
        12:02:00 lost
        12:05:00 back; gone 1 answered=12:03:00
        """,
        ["1 unconfirmed 0.00s 1001 outbox"],
    ),
    "it rang and is gone without a row: nobody answered": (
        """
        11:00:00 back
        12:00:00 start 1
        12:02:00 lost
        12:05:00 back
        """,
        ["1 unanswered 0.00s 1001 status"],
    ),
    "it rang without payer, so the exchange keeps no row of it": (
        """
        11:00:00 back
        12:00:00 start 1 payer=-
        12:02:00 lost
        12:05:00 back
        """,
        ["1 unconfirmed 0.00s - events"],
    ),
    "it rang and the exchange's rows cannot be read": (
        """
        11:00:00 back
        12:00:00 start 1
        12:02:00 lost
        12:05:00 back no-outbox
        """,
        ["1 unconfirmed 0.00s 1001 events"],
    ),
    "a call in doubt is found in the exchange's rows later": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:05:00 back no-outbox
        12:06:00 snapshot; done 1 answered=12:00:05 ended=12:03:05
        """,
        [
            "1 talks since 12:00:05",
            "1 unconfirmed 115.00s 1001 events",
            "1 recovered 180.00s 1001 outbox",
        ],
    ),
    "a row that we have not acknowledged is told again, so that it can be": (
        """
        11:00:00 back; done 1 answered=10:00:00 ended=10:00:30
        12:00:00 snapshot; done 1 answered=10:00:00 ended=10:00:30
        """,
        ["1 recovered 30.00s 1001 outbox", "1 recovered 30.00s 1001 outbox"],
    ),
    "two losses in a row prove nothing beyond the first": (
        """
        11:00:00 back
        12:00:05 answer 1
        12:02:00 lost
        12:04:00 lost
        12:05:00 back
        """,
        ["1 talks since 12:00:05", "1 unconfirmed 115.00s 1001 events"],
    ),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_in_the_link_closes_nothing_by_guess(name: str) -> None:
    text, expected = GAPS[name]

    assert told(fed(text)) == expected


def test_a_lost_link_yields_nothing_and_forgets_nothing() -> None:
    tracker = Tracker(PBX)
    fed(UP + "\n12:00:00 start 1\n12:00:05 answer 2", tracker)

    assert tracker.feed(one_event("12:02:00 lost")) == []
    assert tracker.count() == 2


def test_five_minutes_without_link_close_none_of_fifty_calls() -> None:
    tracker = Tracker(PBX)
    fed(UP, tracker)
    for number in range(50):
        fed(f"12:00:05 answer {number}", tracker)
    fed("12:01:00 lost", tracker)

    shown = "; ".join(f"live {number} answered=12:00:05" for number in range(50))
    back = fed(f"12:06:00 back; {shown}", tracker)

    assert not [each for each in back if isinstance(each, CallRecord)]
    assert tracker.count() == 50


def test_a_doubt_tells_its_evidence_and_until_when_the_call_was_proven_alive() -> None:
    [call] = records("11:00:00 back\n12:00:05 answer 1\n12:02:00 lost\n12:05:00 back")

    assert "proven alive until 2026-10-05 12:02:00 UTC" in call.evidence
    assert call.ended_at == at("12:02:00")


def test_ten_thousand_live_calls_take_less_than_15_megabytes() -> None:
    legs = 10_000
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracker = Tracker(PBX)
        tracker.feed(one_event(UP))
        for number in range(legs):
            call, moment = leg(f"1795356013.{number}"), at("12:00:05") + timedelta(seconds=number)
            who = (str(1000 + number), f"00413155{number:05d}", "carrier")
            tracker.feed(CallStarted(call, moment, *who))
            tracker.feed(CallAnswered(call, moment + timedelta(seconds=3), *who))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert tracker.count() == legs
    assert (after - before) / legs < 1500


def test_a_leg_of_a_transfer_keeps_its_first_trunk() -> None:
    tracker = Tracker(PBX)
    fed("11:00:00 back\n12:00:00 start 1 trunk=carrier", tracker)
    end = one_event("12:00:25 end 1 answered=12:00:05 trunk=other")
    assert isinstance(end, CallEnded)

    [call] = tracker.feed(replace(end, payer=None))

    assert isinstance(call, CallRecord)
    assert (call.trunk, call.payer) == ("carrier", "1001")
