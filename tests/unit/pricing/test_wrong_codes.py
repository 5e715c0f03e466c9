"""Guessing at codes: after some wrong ones nothing is believed for a while."""

from __future__ import annotations

from datetime import timedelta

from rtbill.pricing.wrong_codes import CALLERS_KEPT, WrongCodes
from tests.fakes.builders import at

NOON = at("12:00:00")


def after(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def guessed(*minutes: float, caller: str = "1001") -> WrongCodes:
    codes = WrongCodes()
    for each in minutes:
        codes.note(caller, NOON + after(each))
    return codes


def test_five_wrong_codes_in_ten_minutes_bar_the_caller_for_ten() -> None:
    codes = guessed(0, 1, 2, 3)
    assert not codes.are_barred("1001", NOON + after(4))
    assert codes.note("1001", NOON + after(4)) == "5 wrong codes in 10 minutes"
    assert codes.are_barred("1001", NOON + after(13.9))
    assert not codes.are_barred("1001", NOON + after(14))
    assert not codes.are_barred("1002", NOON + after(5))


def test_five_wrong_codes_spread_over_more_time_bar_nobody() -> None:
    assert not guessed(0, 3, 6, 9, 12).are_barred("1001", NOON + after(12))


def test_who_is_barred_is_told_once_and_does_not_lengthen_it() -> None:
    codes = guessed(0, 1, 2, 3, 4)
    assert codes.note("1001", NOON + after(9)) == ""
    assert not codes.are_barred("1001", NOON + after(14))


def test_twenty_wrong_codes_of_several_callers_bar_the_site() -> None:
    codes = WrongCodes()
    said = [codes.note(str(each % 7), NOON + after(each / 4)) for each in range(20)]
    assert said[-1] == "20 wrong codes at the site in 10 minutes"
    assert not any(said[:-1])
    assert codes.are_barred("9", NOON + after(6))
    assert not codes.are_barred("9", NOON + after(15))


def test_no_more_callers_are_remembered_than_there_is_room_for() -> None:
    codes = WrongCodes()
    for number in range(CALLERS_KEPT + 100):
        codes.note(number, NOON + timedelta(hours=number))
    assert len(codes._wrong) == CALLERS_KEPT
