"""Where a call came from, as exchanges write it."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.domain.origin import NO_ORIGIN, UNREADABLE, Origin, origin_of_leg, read_origin

DIGEST = "9b2f" * 10


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("4711/", Origin("4711", "")),
        ("/branch", Origin("", "branch")),
        ("4711/branch-2", Origin("4711", "branch-2")),
        ("*12#a/", Origin("*12#a", "")),
        (f"pin:{DIGEST}/branch", Origin(f"pin:{DIGEST}", "branch")),
    ],
)
def test_code_and_trunk_are_read_and_written_alike(text: str, origin: Origin) -> None:
    assert read_origin(text) == origin
    assert str(origin) == text


@pytest.mark.parametrize("text", ["", None, "/"])
def test_nothing_is_no_origin(text: str | None) -> None:
    assert not read_origin(text)
    assert str(NO_ORIGIN) == ""


@pytest.mark.parametrize(
    "text",
    [
        "4711",
        "4711/branch/x",
        "47 11/",
        "4711,1/",
        "4711/Branch!",
        "pin:12:34/",
        "PIN:1/",
        "1" * 49 + "/",
        "/" + "t" * 33,
        "4711/\n",
        "\u0661/",
    ],
)
def test_anything_else_is_refused_and_on_a_leg_a_code_of_nobody(text: str) -> None:
    with pytest.raises(BadRecord, match="code/trunk"):
        read_origin(text)
    assert origin_of_leg(text) == Origin(UNREADABLE)


def test_a_pin_is_not_told() -> None:
    assert DIGEST not in Origin(f"pin:{DIGEST}").code_in_words
