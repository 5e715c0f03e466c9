"""Configuration files, as the exchange tells them and as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.asterisk.inspection.config_file import (
    Category,
    Difference,
    first_difference,
    read_reply,
    read_text,
)
from adapters.asterisk.wire import Message

SHIPPED = Path(__file__).parents[3] / "adapters" / "asterisk" / "pbx"
REPLY = """Response: Success
ActionID: rtb7
Category-000000: general
Line-000000-000000: enabled=yes
Line-000000-000001: channelvars=A,B
Category-000001: base
IsTemplate-000001: 1
Line-000001-000000: write=system
Category-000002: rtbill
Templates-000002: base
Line-000002-000000: secret=a=b: c
Line-000002-000001: permit=127.0.0.1
Line-000002-000002: permit=10.0.0.0/8"""
"""As Asterisk 16 and 22 tell it; the secret is of no exchange."""


def a_reply(text: str) -> Message:
    return Message("", text.replace("\n", "\r\n").encode())


def test_a_reply_is_cut_into_its_categories() -> None:
    general, base, user = read_reply(a_reply(REPLY))
    assert general.get("enabled") == "yes"
    assert general.words("channelvars") == {"a", "b"}
    assert base.is_template
    assert user.get("secret") == "a=b: c"
    assert user.all("permit") == ["127.0.0.1", "10.0.0.0/8"]


def test_a_file_without_categories_is_empty() -> None:
    assert read_reply(a_reply("Response: Success\nActionID: x\nNo categories found")) == []


@pytest.mark.parametrize(
    ("value", "default", "is_on"),
    [("yes", False, True), ("On", False, True), ("no", True, False), ("", True, True)],
)
def test_yes_and_no(value: str, *, default: bool, is_on: bool) -> None:
    assert Category("x", (("a", value),)).is_on("a", default=default) is is_on


TEXT = """; a comment
#include other.conf
[one](+)          ; another
exten => s,1,Set(X=${CUT(A,\\;,1)})   ; and another
 same =>   n(end),Return()
;-- of several
exten => gone,1,NoOp()
lines --;
[two]
include => one
;--------------------------------- a ruler is a comment of one line
x = 1
"""


def test_text_is_read_as_the_exchange_reads_it() -> None:
    one, two = read_text(TEXT)
    assert one == Category(
        "one", (("exten", "s,1,Set(X=${CUT(A,;,1)})"), ("same", "n(end),Return()"))
    )
    assert two == Category("two", (("include", "one"), ("x", "1")))


def a_dialplan(*lines: str, context: str = "c") -> list[Category]:
    return [Category(context, tuple(("exten", line) for line in lines))]


@pytest.mark.parametrize(
    ("there", "difference"),
    [
        (a_dialplan("1", "2"), None),
        (a_dialplan("1") + a_dialplan("2"), None),
        (a_dialplan("1", "3"), Difference("c", "exten => 2", "exten => 3")),
        (a_dialplan("1"), Difference("c", "exten => 2", "")),
        (a_dialplan("1", "2", "3"), Difference("c", "", "exten => 3")),
        ([], Difference("c", "[c]", "")),
        (a_dialplan("1", "2") + a_dialplan("9", context="d"), Difference("d", "", "[d]")),
    ],
)
def test_the_first_difference_is_named(
    there: list[Category], difference: Difference | None
) -> None:
    assert first_difference(a_dialplan("1", "2"), there) == difference


def test_the_order_of_contexts_does_not_matter() -> None:
    one, other = a_dialplan("1", context="a"), a_dialplan("2", context="b")
    assert first_difference(one + other, other + one) is None
