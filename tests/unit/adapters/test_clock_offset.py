"""What stamps and round trips tell of how far two clocks are apart."""

from __future__ import annotations

from adapters.asterisk.clock_offset import ClockOffset


def test_without_any_stamp_the_clocks_are_taken_to_agree() -> None:
    offset = ClockOffset()
    assert (offset.seconds, offset.seconds_least) == (0.0, 0.0)


def test_the_least_delay_lately_is_the_estimate() -> None:
    offset = ClockOffset()
    for delay_s in (0.4, 0.1, 0.3):
        offset.learn(5.0 + delay_s, 0.0)
    assert offset.seconds == 5.1
    assert offset.seconds_least == 5.1


def test_a_slow_round_trip_leaves_open_on_which_way_it_was_slow() -> None:
    offset = ClockOffset()
    offset.learn(5.0 + 1.7, 0.0, at_least=5.0 - 0.01)
    assert (offset.seconds, offset.seconds_least) == (6.7, 4.99)


def test_the_most_that_a_round_trip_leaves_open_narrows_with_faster_ones() -> None:
    offset = ClockOffset()
    offset.learn(6.7, 0.0, at_least=4.99)
    offset.learn(5.002, 5.0, at_least=4.999)
    assert (offset.seconds, offset.seconds_least) == (5.002, 4.999)


def test_a_clock_that_is_set_back_or_ahead_is_known_with_the_next_round_trip() -> None:
    offset = ClockOffset()
    for step_s in (0.0, 4.0, -6.0):
        offset.learn(step_s + 0.002, 5.0, at_least=step_s - 0.002)
        assert (offset.seconds, offset.seconds_least) == (step_s + 0.002, step_s - 0.002)


def test_what_is_older_than_two_minutes_is_forgotten() -> None:
    offset = ClockOffset()
    offset.learn(1.0, 0.0)
    offset.learn(1.5, 61.0)
    assert offset.seconds == 1.0
    offset.learn(1.5, 122.0)
    assert offset.seconds == 1.5
