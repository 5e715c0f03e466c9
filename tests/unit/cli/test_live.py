"""`rtbill live`: a screen that fits its terminal, plain lines elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from rtbill.cli.live import more_text, state_text, totals_text
from rtbill.cli.live_screen import LiveScreen

CALL: dict[str, Any] = {
    "call": "hall/1782900000.17",
    "pbx": "hall",
    "state": "talking",
    "payer": "1001",
    "account": "s1001",
    "person": "Anna",
    "number": "+4930312345",
    "destination": "Germany",
    "since": "2026-07-01T10:00:00+00:00",
    "talk_s": 65.9,
    "cost": "0.0375",
    "currency": "EUR",
    "held": "0.060",
    "granted_s": 120,
    "final": False,
    "goes_on": True,
    "limit_s": 119.5,
    "left_s": 53.6,
    "enforced": True,
    "armed": True,
    "balance": "1.88",
    "grantable": "1.82",
}
RINGING = CALL | {"state": "ringing", "talk_s": 0.0, "cost": "0.00", "left_s": None, "since": None}


def an_answer(*calls: dict[str, Any], more: int = 0) -> dict[str, Any]:
    totals = {"talking": len(calls) + more, "ringing": 0, "shown": len(calls), "holds": 1}
    return {
        "at": "2026-07-01T10:01:05+00:00",
        "calls": list(calls),
        "totals": totals | {"held": {"EUR": "0.060"}},
    }


def a_console(width: int = 80, height: int = 24) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, force_terminal=False)


def drawn(answer: dict[str, Any], width: int = 80, height: int = 24) -> list[str]:
    console = a_console(width, height)
    console.print(LiveScreen("Europe/Berlin", console).drawn(answer))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_narrow_screen_shows_who_whom_cost_hold_and_rest() -> None:
    text = "\n".join(drawn(an_answer(CALL)))
    for wanted in ("12:01:05", "hall/1001", "Anna", "+4930312345", "1:05", "0.0375", "0:53+"):
        assert wanted in text
    assert "held 0.060 EUR by 1 hold" in text
    assert "Grantable" not in text


def test_a_wide_screen_shows_account_destination_and_grant_too() -> None:
    text = "\n".join(drawn(an_answer(CALL), width=140))
    for wanted in ("s1001", "Germany", "12:00:00", "2:00", "1.88", "1.82"):
        assert wanted in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 8), (140, 50), (220, 12)])
@pytest.mark.parametrize("calls", [0, 1, 300])
def test_the_screen_is_never_larger_than_the_terminal(width: int, height: int, calls: int) -> None:
    long = CALL | {"person": "A very long name indeed", "destination": "x" * 60}
    lines = drawn(an_answer(*[long] * calls, more=9000), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_calls_that_are_not_shown_are_counted() -> None:
    answer = an_answer(CALL, more=9999)
    assert more_text(answer).startswith("and 9999 more")
    assert any(line.startswith("and 9999 more") for line in drawn(answer))
    assert more_text(an_answer(CALL)) == ""


def test_without_calls_that_is_said() -> None:
    assert "no call in progress" in "\n".join(drawn(an_answer()))


def test_amounts_of_several_currencies_name_theirs() -> None:
    text = "\n".join(drawn(an_answer(CALL, CALL | {"currency": "CHF"}), width=140))
    assert "0.0375 EUR" in text
    assert "0.0375 CHF" in text


def test_a_hostile_name_cannot_steer_the_terminal() -> None:
    text = "\n".join(drawn(an_answer(CALL | {"person": "\x1b[2J[red]"}), width=160))
    assert "\x1b" not in text
    assert "\\x1b[2J[red]" in text


def test_a_service_that_falls_silent_is_told_and_the_last_calls_stay() -> None:
    console = a_console()
    screen = LiveScreen("Europe/Berlin", console)
    screen.drawn(an_answer(CALL))
    console.print(screen.drawn(None))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "no answer from rtbill since then" in text
    assert "hall/1001" in text


def test_a_terminal_is_given_back_when_one_leaves() -> None:
    def answers() -> Iterator[dict[str, Any] | None]:
        yield an_answer(CALL)
        raise KeyboardInterrupt

    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, _environ={})
    with pytest.raises(KeyboardInterrupt):
        LiveScreen("Europe/Berlin", console).show(answers())
    written = file.getvalue()
    assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1
    assert written.index("\x1b[?1049l") > written.rindex("hall/1001")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (CALL, ""),
        (CALL | {"final": True}, "FINAL"),
        (CALL | {"armed": False}, "arming"),
        (CALL | {"limit_s": None}, "no end"),
        (CALL | {"enforced": False}, "observed"),
        (RINGING, "ringing"),
    ],
)
def test_a_word_says_what_ends_the_call(call: dict[str, Any], expected: str) -> None:
    assert state_text(call) == expected


def test_sums_are_one_line() -> None:
    assert (
        totals_text(an_answer(CALL)["totals"]) == "1 talking, 0 ringing; held 0.060 EUR by 1 hold"
    )
    nothing = {"talking": 0, "ringing": 0, "shown": 0, "holds": 0, "held": {}}
    assert totals_text(nothing) == "0 talking, 0 ringing; held nothing"
