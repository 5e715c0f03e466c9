"""News that gets lost, comes twice or overtakes: one call all the same (CC-61, CC-64)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.calls.tracker import OVER_KEPT, Tracker
from rtbill.domain.call import CallRecord, Outcome, Source
from rtbill.domain.events import LiveLeg, PbxEvent
from tests.fakes.builders import PBX, events, leg, one_event, told
from tests.unit.calls.feeding import UP, fed, records, settled

START: PbxEvent = one_event("12:00:00 start 1")
ANSWER: PbxEvent = one_event("12:00:05 answer 1")
END: PbxEvent = one_event("12:00:25 end 1 answered=12:00:05")
SHOWN = "; live 1 answered=12:00:05"
KEPT = "; done 1 answered=12:00:05 ended=12:00:25"


def test_a_lost_end_is_believed_at_the_second_snapshot_with_the_times_of_the_row() -> None:
    tracker = Tracker(PBX)
    row = "done 1 answered=12:00:05 ended=12:00:25"
    fed("11:00:00 back\n12:00:05 answer 1", tracker)

    assert fed(f"12:01:00 snapshot; {row}", tracker) == []
    assert told(fed(f"12:02:00 snapshot; {row}", tracker)) == ["1 recovered 20.00s 1001 outbox"]
    assert tracker.count() == 0


def test_a_lost_end_without_row_leaves_the_call_in_doubt_up_to_its_last_proof() -> None:
    tracker = Tracker(PBX)
    fed("11:00:00 back\n12:00:05 answer 1\n12:01:00 snapshot; live 1 answered=12:00:05", tracker)

    assert fed("12:02:00 snapshot", tracker) == []
    assert told(fed("12:03:00 snapshot", tracker)) == ["1 unconfirmed 55.00s 1001 events"]


def test_a_call_missed_once_and_seen_again_is_not_ended() -> None:
    tracker = Tracker(PBX)
    fed("11:00:00 back\n12:00:05 answer 1\n12:01:00 snapshot", tracker)
    fed("12:02:00 snapshot; live 1 answered=12:00:05\n12:03:00 snapshot", tracker)

    assert tracker.knows(leg("1"))


def test_an_end_that_comes_between_two_snapshots_counts_as_it_stands() -> None:
    text = """
        11:00:00 back
        12:00:05 answer 1
        12:01:00 snapshot; done 1 answered=12:00:05 ended=12:00:59
        12:00:59 end 1 cause=16
        """
    [call] = records(text)

    assert (call.outcome, call.cause, call.source) == (Outcome.ENDED, 16, Source.EVENTS)


@given(
    st.sets(st.sampled_from(["start", "answer", "end"])),
    st.sampled_from(["", " answered=12:00:05"]),
)
def test_whichever_events_get_lost_the_call_is_settled_once_and_rightly(
    lost: set[str], stamp: str
) -> None:
    happened = [
        ("start", "12:00:00 start 1"),
        ("answer", "12:00:05 answer 1"),
        ("looked", "12:00:10 snapshot; live 1 answered=12:00:05"),
        ("end", f"12:00:25 end 1{stamp}"),
    ]
    text = "\n".join(["11:00:00 back", *(line for name, line in happened if name not in lost)])
    tracker = Tracker(PBX)
    found = records(text, tracker)
    row = "done 1 answered=12:00:05 ended=12:00:25"
    for minute in (1, 2):
        # The row is deleted once the call is committed.
        shown = f"; {row}" if not settled(found) else ""
        found += records(f"12:0{minute}:00 snapshot{shown}", tracker)

    assert [call.talk_us for call in settled(found)] == [20_000_000]
    assert tracker.count() == 0


@given(
    buffered_from=st.integers(0, 3),
    heard_before=st.integers(0, 3),
    view=st.sampled_from(["", SHOWN, KEPT]),
    verb=st.sampled_from(["back", "snapshot"]),
)
def test_a_hang_up_that_races_the_snapshot_is_one_call_in_every_order(
    buffered_from: int, heard_before: int, view: str, verb: str
) -> None:
    way = [START, ANSWER, END]
    tracker = Tracker(PBX)
    fed(UP, tracker)
    found: list[CallRecord | LiveLeg] = []
    for event in way[:heard_before]:
        found += tracker.feed(event)
    if verb == "back":
        fed("12:00:30 lost", tracker)
    found += fed(f"12:00:31 {verb}{view}", tracker)
    # Events heard while the snapshot was taken follow it, some of them for the second time.
    for event in way[min(buffered_from, heard_before) :]:
        found += tracker.feed(event)

    calls = [each for each in found if isinstance(each, CallRecord)]
    billed = [call for call in calls if call.outcome in (Outcome.ENDED, Outcome.RECOVERED)]
    assert {call.talk_us for call in billed} == {20_000_000}
    assert len([call for call in billed if call.source is not Source.OUTBOX]) <= 1
    assert [call.talk_us for call in settled(calls)] == [20_000_000]
    assert tracker.count() == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_same_news_in_any_order_is_one_call(order: tuple[int, ...]) -> None:
    news = [START, ANSWER, END, one_event(f"12:00:31 snapshot{KEPT}")]
    tracker = Tracker(PBX)
    fed(UP, tracker)
    found: list[CallRecord | LiveLeg] = []
    for index in order:
        found += tracker.feed(news[index])
    # What is still to come in any case: two looks at an exchange where the call is over.
    for minute in (1, 2):
        found += fed(f"12:0{minute}:31 snapshot{KEPT}", tracker)

    calls = [each for each in found if isinstance(each, CallRecord)]
    assert {call.talk_us for call in calls} == {20_000_000}
    assert len([call for call in calls if call.source is not Source.OUTBOX]) <= 1
    assert tracker.count() == 0


def test_an_old_view_does_not_bring_back_a_call_that_has_ended() -> None:
    tracker = Tracker(PBX)
    fed("11:00:00 back\n12:00:05 answer 1\n12:00:25 end 1", tracker)

    assert fed(f"12:00:26 snapshot{SHOWN}", tracker) == []
    assert tracker.count() == 0


def test_the_same_id_with_another_answer_time_is_another_call() -> None:
    text = """
        11:00:00 back
        12:00:05 answer 1
        12:00:25 end 1
        12:30:00 start 1
        12:30:05 answer 1
        12:30:10 end 1
        """
    assert [call.talk_us for call in records(text)] == [20_000_000, 5_000_000]


def test_the_same_id_on_two_exchanges_is_two_calls() -> None:
    tracker = Tracker(PBX)
    other = Tracker("annexe")
    [first] = records("11:00:00 back\n12:00:05 answer 1\n12:00:25 end 1", tracker)
    second: list[CallRecord | LiveLeg] = []
    for event in events("11:00:00 back\n12:00:05 answer 1\n12:00:25 end 1", pbx="annexe"):
        second += other.feed(event)

    assert [str(each.id) for each in (first, *second)] == ["hotel/1", "annexe/1", "annexe/1"]


def test_what_is_remembered_of_calls_that_are_over_is_bounded() -> None:
    tracker = Tracker(PBX)
    fed(UP, tracker)
    for number in range(OVER_KEPT + 10):
        fed(f"12:00:05 answer {number}\n12:00:25 end {number}", tracker)

    assert len(tracker._over) == OVER_KEPT
