"""Event filters as Asterisk 16 and 22 understand them."""

from __future__ import annotations

import pytest

from simulator.channel import Message
from simulator.filters import BadFilter, FilterSet, parse_filter


def an_event(name: str, **headers: str) -> Message:
    return Message((("Event", name), *headers.items()), "call")


def admits(message: Message, *filters: tuple[str, str]) -> bool:
    wanted = FilterSet()
    for text, criteria in filters:
        wanted.add(parse_filter(text, criteria, 22))
    return wanted.admits(message)


TRUNK = an_event("Hangup", Channel="PJSIP/carrier-01", Cause="16")
PHONE = an_event("Hangup", Channel="PJSIP/1001-00", Cause="16")


def test_without_filters_everything_passes() -> None:
    assert admits(PHONE)


def test_expression_looks_at_the_whole_event_across_lines() -> None:
    assert admits(TRUNK, ("Event: Hangup.*Channel: PJSIP/carrier-", ""))
    assert not admits(PHONE, ("Event: Hangup.*Channel: PJSIP/carrier-", ""))


def test_hangup_expression_also_lets_hangup_request_pass() -> None:
    assert admits(an_event("HangupRequest"), ("Event: Hangup", ""))


def test_exclamation_mark_excludes_after_all_includes() -> None:
    assert not admits(PHONE, ("!1001", ""))
    assert admits(TRUNK, ("!1001", ""))
    assert not admits(PHONE, ("Hangup", ""), ("!1001", ""))


def test_several_includes_are_alternatives() -> None:
    assert admits(PHONE, ("Newstate", ""), ("Hangup", ""))


@pytest.mark.parametrize(
    ("method", "text", "passes"),
    [
        ("starts_with", "PJSIP/carrier-", True),
        ("starts_with", "carrier", False),
        ("ends_with", "-01", True),
        ("contains", "carrier", True),
        ("exact", "PJSIP/carrier-01", True),
        ("exact", "PJSIP/carrier", False),
        ("regex", "^PJSIP/c.*1$", True),
    ],
)
def test_advanced_filter_compares_one_header(method: str, text: str, passes: bool) -> None:  # noqa: FBT001 -- a table
    criteria = f"name(Hangup),header(Channel),method({method})"
    assert admits(TRUNK, (text, criteria)) is passes
    assert not admits(an_event("Newstate", Channel="PJSIP/carrier-01"), (text, criteria))


def test_name_alone_is_enough_on_22() -> None:
    assert admits(an_event("UserEvent"), ("", "name(UserEvent),method(none)"))
    assert admits(an_event("UserEvent"), ("", "name(UserEvent)"))


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("(", ""),
        ("y", "foo(x)"),
        ("", "name(Hangup),header(Channel),method(starts_with)"),
        ("x", "name(Hangup),method(none)"),
        ("x", "method(magic)"),
    ],
)
def test_filter_that_asterisk_refuses_is_refused(text: str, criteria: str) -> None:
    with pytest.raises(BadFilter, match="Check the syntax"):
        parse_filter(text, criteria, 22)
