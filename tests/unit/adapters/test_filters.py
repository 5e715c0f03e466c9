"""Filters, rights and matchers as text."""

from __future__ import annotations

import re

import pytest

from adapters.asterisk.clock_offset import ClockOffset
from adapters.asterisk.filters import event_filters, has_advanced_filters
from adapters.asterisk.rights import NEEDED_ACTIONS, rights_problems
from adapters.asterisk.settings import AsteriskSettings, Trunk, prefixes
from rtbill.domain.errors import ConfigError

MATCHERS = ["PJSIP/my.carrier-", "DAHDI/"]


def passes(event: str) -> bool:
    """Whether a whole event passes the regular filters; the exchange's `.` spans lines."""
    expressions = [dict(headers)["Filter"] for headers in event_filters(MATCHERS, advanced=False)]
    return any(re.search(expression, event, re.DOTALL) for expression in expressions)


@pytest.mark.parametrize(
    ("version", "is_advanced"),
    [
        ("16.28.0~dfsg-0+deb11u4", False),
        ("18.26.4", False),
        ("20.10.0", False),
        ("20.11.1", True),
        ("22.0.0", False),
        ("22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("23.1.0", True),
        ("certified/20.7-cert1", False),
        ("", False),
    ],
)
def test_the_newer_filters_are_used_where_they_exist(version: str, *, is_advanced: bool) -> None:
    assert has_advanced_filters(version) is is_advanced


@pytest.mark.parametrize(
    "event",
    [
        "Event: DialBegin\r\nChannel: PJSIP/1001-1\r\nDestChannel: PJSIP/my.carrier-2\r\n",
        "Event: Newstate\r\nPrivilege: call,all\r\nChannel: DAHDI/i1/5-1\r\n",
        "Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/my.carrier-2\r\n",
        "Event: FullyBooted\r\nPrivilege: system,all\r\n",
        "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: RtbillRefused\r\n",
    ],
)
def test_what_concerns_a_trunk_passes(event: str) -> None:
    assert passes(event)


@pytest.mark.parametrize(
    "event",
    [
        "Event: DialBegin\r\nChannel: PJSIP/my.carrier-1\r\nDestChannel: PJSIP/1001-2\r\n",
        "Event: HangupRequest\r\nPrivilege: call,all\r\nChannel: PJSIP/my.carrier-2\r\n",
        "Event: Newstate\r\nChannel: PJSIP/1001-2\r\n",
        "Event: Newstate\r\nChannel: PJSIP/myxcarrier-2\r\n",
        "Event: VarSet\r\nChannel: PJSIP/my.carrier-2\r\n",
        "Event: UserEvent\r\nUserEvent: Other\r\n",
    ],
)
def test_what_concerns_no_trunk_does_not_pass(event: str) -> None:
    assert not passes(event)


def test_the_newer_filters_compare_one_header_of_one_event() -> None:
    filters = event_filters(MATCHERS, advanced=True)
    assert (
        ("Operation", "Add"),
        ("MatchCriteria", "name(DialBegin),header(DestChannel),method(starts_with)"),
        ("Filter", "PJSIP/my.carrier-"),
    ) in filters
    assert (
        ("Operation", "Add"),
        ("MatchCriteria", "name(FullyBooted),method(none)"),
        ("Filter", ""),
    ) in filters
    assert len(filters) == 3 * len(MATCHERS) + 4


def test_rights_that_fit_are_no_problem() -> None:
    assert rights_problems("rtbill", {"Ping", "Filter", *NEEDED_ACTIONS}) == []


def test_a_missing_right_is_named_with_the_class_to_add() -> None:
    [problem] = rights_problems("rtbill", {"Ping", *NEEDED_ACTIONS} - {"DBPut", "DBDel"})
    assert "may not DBPut, DBDel: add system to its write=" in problem


def test_rights_beyond_what_is_needed_are_named() -> None:
    [problem] = rights_problems("rtbill", {"Ping", "Originate", "Command", *NEEDED_ACTIONS})
    assert "command, originate" in problem


def test_a_reply_that_lists_no_actions_says_nothing_about_rights() -> None:
    assert rights_problems("rtbill", {"Response", "Message"}) == []


def settings_with(*trunks: Trunk) -> AsteriskSettings:
    return AsteriskSettings(name="lab", host="h", user="u", secret="hidden", trunks=trunks)


def test_a_secret_is_not_shown() -> None:
    assert "hidden" not in repr(settings_with(Trunk("carrier", ("PJSIP/carrier-",))))


@pytest.mark.parametrize(
    "trunks",
    [(), (Trunk("a", ()),), (Trunk("a", ("carrier",)),), (Trunk("a", ("PJSIP/a|PJSIP/b",)),)],
)
def test_trunks_that_cannot_be_matched_are_refused(trunks: tuple[Trunk, ...]) -> None:
    with pytest.raises(ConfigError, match="PJSIP/carrier-"):
        settings_with(*trunks)


def test_a_star_may_be_written_and_the_longest_beginning_wins() -> None:
    trunks = (Trunk("any", ("PJSIP/*",)), Trunk("carrier", ("PJSIP/carrier-*",)))
    assert list(prefixes(trunks).items()) == [("PJSIP/carrier-", "carrier"), ("PJSIP/", "any")]


def test_the_clock_offset_is_the_least_delay_of_the_last_two_minutes() -> None:
    offset = ClockOffset()
    assert offset.seconds == 0.0
    offset.learn(0.020, 0.0)
    offset.learn(0.005, 1.0)
    offset.learn(0.300, 2.0)
    assert offset.seconds == 0.005
    offset.learn(3.010, 61.0)
    assert offset.seconds == 0.005, "the window before still counts"
    offset.learn(3.020, 122.0)
    assert offset.seconds == 3.010, "a clock that was set is believed in the end"
