"""AMI framing: limits, chunk borders, hostile values."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.asterisk.wire import (
    HEADERS_MAX,
    LINE_MAX,
    MESSAGE_MAX,
    BadFrame,
    Message,
    Reader,
    actions,
    encode,
    header_key,
    mask,
)
from rtbill.domain.errors import Refused

CAPTURE = Path(__file__).parents[2] / "transcripts/asterisk/22/conference.jsonl"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = (
    b"Event: Hangup\r\nUniqueid: 1.7\r\n"
    b"ChanVariable: RTB_PAYER=1001\r\nChanVariable: RTB_DEST=5551\r\n"
    b"CallerIDName: \xd0\x96\xd0\xb0\xd0\xbd\xd0\xbd\xd0\xb0\r\nExten: \r\nCause: 16\r\n\r\n"
)


def recorded() -> bytes:
    rows = map(json.loads, CAPTURE.read_text().splitlines())
    return b"".join(
        row["raw"].encode("utf-8", "surrogateescape") for row in rows if row["dir"] == "rx"
    )


def read(stream: bytes, borders: list[int], wanted: set[str] | None = None) -> list[bytes]:
    """The raw messages of a stream fed in pieces, and `bad` at the end when it was refused."""
    reader = Reader(wanted)
    cuts = sorted({0, len(stream), *(border % (len(stream) + 1) for border in borders)})
    messages: list[bytes] = []
    try:
        for start, end in pairwise(cuts):
            messages += [message.raw for message in reader.feed(stream[start:end])]
    except BadFrame as bad:
        return [*messages, *(message.raw for message in bad.messages), b"bad"]
    return messages


def test_the_banner_is_taken_off() -> None:
    reader = Reader()
    [message] = reader.feed(BANNER + HANGUP)
    assert reader.banner == "Asterisk Call Manager/11.0.0"
    assert message.event == "Hangup"


def test_a_stream_without_banner_is_read_as_well() -> None:
    assert len(Reader().feed(HANGUP)) == 1


def test_values_are_found_by_name_and_repeated_headers_are_kept() -> None:
    [message] = Reader().feed(HANGUP)
    assert message.get("Uniqueid") == "1.7"
    assert message.get("Cause") == "16", "the last header has no line end in its block"
    assert message.get("Exten") == ""
    assert message.find(header_key("Nothing")) is None
    assert message.find(header_key("ChanVariable: RTB_DEST=")) == "5551"
    assert [value for name, value in message.headers() if name == "ChanVariable"] == [
        "RTB_PAYER=1001",
        "RTB_DEST=5551",
    ]


def test_a_name_is_not_found_inside_a_longer_name_or_a_value() -> None:
    [message] = Reader().feed(
        b"Event: X\r\nDestChannel: a\r\nCallerIDName: Channel: b\r\nChannel: c\r\n\r\n"
    )
    assert message.get("Channel") == "c"


def test_a_character_split_over_two_reads_stays_whole() -> None:
    middle = HANGUP.index(b"\x96")
    reader = Reader()
    assert reader.feed(HANGUP[:middle]) == []
    [message] = reader.feed(HANGUP[middle:])
    assert message.get("CallerIDName") == "Жанна"


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    [message] = Reader().feed(b"Event: X\r\nCallerIDName: M\xfcller\r\n\r\n")
    assert message.get("CallerIDName") == "M\N{REPLACEMENT CHARACTER}ller"


def test_unwanted_events_are_skipped_and_responses_never_are() -> None:
    skipped = b"Event: VarSet\r\nA: b\r\n\r\n"
    stream = skipped + b"Response: Success\r\nActionID: 1\r\n\r\n" + skipped + HANGUP
    messages = Reader({"Hangup"}).feed(stream)
    assert [(message.event, message.result) for message in messages] == [
        ("", "Success"),
        ("Hangup", ""),
    ]


def test_an_empty_line_too_many_between_two_messages_is_tolerated() -> None:
    messages = Reader().feed(HANGUP + b"\r\n" + HANGUP)
    assert [message.get("Cause") for message in messages] == ["16", "16"]


@given(st.lists(st.integers(min_value=0), max_size=60))
@settings(max_examples=40)
def test_any_chunking_of_a_recorded_stream_gives_the_same_messages(borders: list[int]) -> None:
    stream = recorded()
    assert read(stream, borders) == read(stream, [])


AMI_PIECES = st.sampled_from(
    [
        b"Event: Hangup",
        b"Response: Success",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b"A: b",
        b": ",
        b"x" * 9000,
        b"y: z\r\n" * 300,
        b"\x00",
        b"\xff\xfe",
        BANNER,
    ]
)


@given(
    st.lists(AMI_PIECES | st.binary(max_size=8), max_size=30),
    st.lists(st.integers(min_value=0), max_size=20),
)
@settings(max_examples=400)
def test_garbage_ends_the_same_way_however_it_is_cut(
    pieces: list[bytes], borders: list[int]
) -> None:
    stream = b"".join(pieces)
    assert read(stream, borders) == read(stream, [])


@pytest.mark.parametrize(
    ("stream", "limit"),
    [
        (b"Event: X\r\nA: " + b"b" * LINE_MAX + b"\r\n\r\n", "8192 bytes"),
        (b"Event: X\r\n" + b"A: b\r\n" * HEADERS_MAX + b"\r\n", "256 headers"),
        (b"Event: X\r\n" + (b"A: " + b"b" * 8000 + b"\r\n") * 140 + b"\r\n", "1048576 bytes"),
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "not with Event or Response"),
    ],
)
def test_each_limit_is_named_when_it_is_broken(stream: bytes, limit: str) -> None:
    with pytest.raises(BadFrame, match=limit):
        Reader().feed(stream)


def test_what_is_just_within_the_limits_is_read() -> None:
    line = b"A: " + b"b" * (LINE_MAX - 4)
    headers = b"Event: X\r\n" + b"A: b\r\n" * (HEADERS_MAX - 2) + b"A: b\r\n\r\n"
    assert len(Reader().feed(b"Event: X\r\n" + line + b"\r\n\r\n")) == 1
    assert len(Reader().feed(headers)) == 1


@pytest.mark.parametrize("piece", [b"x" * 4096, b"a: b\r\n" * 40, b"\n", b"Asterisk Call"])
def test_endless_garbage_is_refused_long_before_it_fills_the_memory(piece: bytes) -> None:
    reader = Reader()

    def pour() -> int:
        """How many bytes it took before it refused."""
        for taken in range(0, 2 * MESSAGE_MAX, len(piece)):
            try:
                reader.feed(piece)
            except BadFrame:
                return taken
        return 2 * MESSAGE_MAX

    assert pour() <= MESSAGE_MAX


def test_messages_before_a_bad_one_are_not_lost_and_the_reader_stays_refused() -> None:
    reader = Reader()
    with pytest.raises(BadFrame) as caught:
        reader.feed(HANGUP + b"rubbish\r\n\r\n")
    assert [message.event for message in caught.value.messages] == ["Hangup"]
    with pytest.raises(BadFrame):
        reader.feed(HANGUP)


def test_a_stream_that_ends_inside_a_message_is_noticed_when_asked() -> None:
    reader = Reader()
    reader.feed(HANGUP[:-10])
    with pytest.raises(BadFrame, match="ended inside a message"):
        reader.finish()


@pytest.mark.parametrize("evil", ["\r", "\n", "\0", "\r\n\r\nAction: Originate"])
@pytest.mark.parametrize("field", ["action", "name", "value"])
def test_a_line_break_or_nul_in_any_field_is_refused(field: str, evil: str) -> None:
    fields = {"action": "DBPut", "name": "Key", "value": "1001", field: f"x{evil}y"}
    with pytest.raises(Refused):
        encode(fields["action"], [("Family", "f"), (fields["name"], fields["value"])])


def test_a_value_that_is_not_text_is_refused() -> None:
    with pytest.raises(Refused, match="UTF-8"):
        encode("DBPut", [("Val", "\ud800")])


@given(st.text(), st.text())
def test_an_action_is_refused_or_read_back_as_exactly_one(name: str, value: str) -> None:
    try:
        data = encode("DBPut", [("Key", name), ("Val", value)])
    except Refused:
        return
    [action] = actions(data)
    assert action.event == "DBPut"
    assert (action.get("Key"), action.get("Val")) == (name, value)


def test_secrets_are_starred_out_and_nothing_else_is() -> None:
    data = encode("Login", [("Username", "u"), ("Secret", "s3cret"), ("Events", "on")])
    assert mask(data) == data.replace(b"s3cret", b"***")
    assert mask(HANGUP) == HANGUP


def test_a_message_shows_itself() -> None:
    assert repr(Message("X", b"Event: X")) == "Message('X', b'Event: X')"
