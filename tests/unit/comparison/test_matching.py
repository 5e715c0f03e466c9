"""Which call of theirs is taken for which of ours."""

from __future__ import annotations

import time

from rtbill.comparison.matching import CROWD_MAX, Matching, match
from rtbill.comparison.values import SECOND_US, OurCall, TheirCall
from rtbill.domain.call import epoch_us
from tests.fakes.builders import at
from tests.unit.comparison.builders import MINUTE_US, ours, theirs

NOON_US = epoch_us(at("12:00:00"))


def pairs(our_calls: list[OurCall], their_calls: list[TheirCall]) -> list[tuple[str, str]]:
    result = match(our_calls, their_calls, MINUTE_US)
    return sorted((our.key.partition("/")[2], their.source) for our, their in result.pairs)


def test_calls_to_other_numbers_are_never_one() -> None:
    assert pairs([ours()], [theirs(number="+41315550199")]) == []


def test_beginnings_as_far_apart_as_the_tolerance_are_one_call_and_no_further() -> None:
    assert len(pairs([ours("12:00:00")], [theirs("12:01:00")])) == 1
    assert len(pairs([ours("12:00:00")], [theirs("12:01:00.000001")])) == 0


def test_the_nearer_of_two_is_taken() -> None:
    assert pairs([ours("12:00:40")], [theirs("12:00:00"), theirs("12:00:41")]) == [
        ("12:00:40", "their 12:00:41")
    ]


def test_a_redial_is_not_taken_for_the_call_before_it() -> None:
    """The first of ours is extra, the last of theirs missing: not two pairs 45 s apart."""
    result = match(
        [ours("12:00:00", 10), ours("12:00:46", 300)],
        [theirs("12:00:45", 300), theirs("12:01:40", 20)],
        MINUTE_US,
    )
    assert [(our.talk_us, their.talk_us) for our, their in result.pairs] == [
        (300 * SECOND_US, 300 * SECOND_US)
    ]


def test_a_chain_of_calls_is_not_shifted_to_hide_one_missing_at_each_end() -> None:
    minutes = range(10)
    ours_first = [ours(f"12:{minute:02}:00") for minute in minutes]
    theirs_later = [theirs(f"12:{minute + 1:02}:00") for minute in minutes]
    result = match(ours_first, theirs_later, MINUTE_US)
    assert len(result.pairs) == 9
    assert all(our.at_us == their.at_us for our, their in result.pairs)


def test_a_clock_a_little_ahead_shifts_nobody() -> None:
    seconds = range(0, 57, 3)
    result = match(
        [ours(f"12:00:{second:02}") for second in seconds],
        [theirs(f"12:00:{second + 2:02}") for second in seconds],
        MINUTE_US,
    )
    assert len(result.pairs) == len(seconds)
    assert {their.at_us - our.at_us for our, their in result.pairs} == {2 * SECOND_US}


def test_of_calls_that_began_together_the_duration_decides() -> None:
    found = match(
        [ours("12:00:00.9", 100, "long"), ours("12:00:01.1", 5, "short")],
        [theirs("12:00:01", 5, source="5"), theirs("12:00:01", 100, source="100")],
        MINUTE_US,
    )
    assert {our.key: their.source for our, their in found.pairs} == {
        "hotel/long": "100",
        "hotel/short": "5",
    }


def test_of_equal_calls_that_began_together_the_payer_decides() -> None:
    found = match(
        [ours("12:00:00.4", payer="1001"), ours("12:00:00.6", payer="1002")],
        [theirs("12:00:00", payer="1002"), theirs("12:00:01", payer="1001")],
        MINUTE_US,
    )
    assert all(our.payer == their.payer for our, their in found.pairs)


def test_a_wrong_duration_alone_or_a_wrong_payer_alone_does_not_part_a_pair() -> None:
    assert len(pairs([ours(talk_s=1)], [theirs(talk_s=3600)])) == 1
    assert len(pairs([ours()], [theirs("12:00:05", 62, payer="1999")])) == 1


def test_another_payer_and_another_duration_is_another_call() -> None:
    assert len(pairs([ours(talk_s=1)], [theirs(talk_s=3600, payer="1999")])) == 0


def test_where_only_their_end_counts_a_long_ringing_does_not_part_a_pair() -> None:
    ringing = theirs("12:00:00", 100, is_answer_certain=False)
    assert len(pairs([ours("12:01:30", 10)], [ringing])) == 1
    assert len(pairs([ours("12:01:30", 10), ours("11:00:00")], [ringing])) == 1


def crowd(calls: int, gap_us: int, lost: int = 0) -> Matching:
    """So many calls to one number, each told by both but for one of theirs."""
    return match(
        [ours(leg=str(each), at_us=NOON_US + each * gap_us) for each in range(calls)],
        [theirs(at_us=NOON_US + each * gap_us) for each in range(calls) if each != lost],
        MINUTE_US,
    )


def test_a_crowd_larger_than_is_assigned_at_once_loses_nobody_along_its_cuts() -> None:
    result = crowd(10 * CROWD_MAX, SECOND_US, lost=3 * CROWD_MAX)
    assert [our.key for our in result.ours] == [f"hotel/{3 * CROWD_MAX}"]
    assert result.theirs == []
    assert all(our.at_us == their.at_us for our, their in result.pairs)


def test_the_time_for_a_crowd_grows_with_its_size_and_not_with_its_square() -> None:
    seconds = []
    for calls in (1000, 4000):
        began = time.process_time()
        crowd(calls, SECOND_US)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 10 * seconds[0], "4 times as many: 16 times would be quadratic"


def test_a_hundred_thousand_calls_are_matched_in_seconds() -> None:
    numbers = [f"+4131{number:07}" for number in range(5000)]
    began = time.process_time()
    result = match(
        [
            ours(number=numbers[each % 5000], at_us=NOON_US + each * 26 * SECOND_US)
            for each in range(100_000)
        ],
        [
            theirs(number=numbers[each % 5000], at_us=NOON_US + each * 26 * SECOND_US)
            for each in range(100_000)
            if each % 1000
        ],
        MINUTE_US,
    )
    assert len(result.pairs) == 99_900
    assert len(result.ours) == 100
    assert time.process_time() - began < 20  # 1 on a quiet machine
