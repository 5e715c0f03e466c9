"""Recorded streams of real exchanges, and the calls they mean by the exchange's own event log."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rtbill.app.replay import replay_asterisk
from rtbill.domain.errors import BadRecord

FOLDER = Path(__file__).parent / "asterisk"
TRUNK = "PJSIP/carrier-*"
TOLERANCE_S = 0.05


class Said(NamedTuple):
    """What must come out for one leg, beyond its talk time."""

    payer: str | None
    dialled: str
    state: str = "ended"
    cut_by: str | None = None
    source: str = "events"


CAPTURES: dict[str, list[Said]] = {
    "22/two_calls_one_ext": [Said("1001", "5551111"), Said("1001", "5552222")],
    "22/bxfer_out_to_int": [Said("1001", "5551234")],
    "22/atxfer_in_to_out": [Said("1001", "5557777")],
    "22/conference": [Said(None, "5558888")],
    "22/lock_mid_call_hangup": [Said("1001", "5551234", cut_by="biller")],
    "22/lock_out_refused": [Said("1001", "112")],
    "22/cut_absolute_timeout_on_carrier_leg": [Said("1001", "5551234", cut_by="pbx_timer")],
    "22/cut_dial_L": [Said("1001", "5551234", cut_by="pbx_timer")],
    "22/out_busy": [Said("1001", "5551234", "unanswered")],
    "22/in_answered": [],
    "22/ami_gap_outbox": [
        Said("1001", "5551111", "recovered", source="outbox"),
        Said("1003", "5553333", source="status"),
    ],
    "16/ami_gap_outbox": [
        Said("1001", "5551111", "recovered", source="outbox"),
        Said("1003", "5553333", source="status"),
    ],
    "16/atxfer_out_to_int": [Said("1001", "5551234")],
    "16/bxfer_in_to_out": [Said("1001", "5557777")],
    "16/cut_absolute_timeout": [Said("1001", "5551234", cut_by="pbx_timer")],
    "16/fwd_302_in_to_out": [Said("1001", "5557777")],
}
"""In the order in which the legs ended."""
CRASHES = ("22/kill9_midcall", "22/core_restart_midcall")


def replay(path: Path) -> list[dict[str, Any]]:
    return replay_asterisk(path, [TRUNK], "lab")


def truth(name: str) -> dict[str, tuple[float | None, float | None]]:
    """Answer and hang-up of each dialled trunk leg by the exchange's own log."""
    legs: dict[str, dict[str, float]] = {}
    dialled: set[str] = set()
    with (FOLDER / f"{name}.cel.csv").open() as file:
        for row in csv.reader(file):
            kind, at, channel, application, leg = row[0], row[1], row[5], row[6], row[10]
            if channel.startswith("PJSIP/carrier-"):
                legs.setdefault(leg, {})[kind] = float(at)
                if application.startswith("AppDial"):
                    dialled.add(leg)
    return {leg: (legs[leg].get("ANSWER"), legs[leg].get("HANGUP")) for leg in dialled}


@pytest.mark.parametrize("name", CAPTURES)
def test_talk_times_are_those_of_the_exchanges_own_log(name: str) -> None:
    legs = replay(FOLDER / f"{name}.jsonl")
    expected = truth(name)

    assert {leg["leg"] for leg in legs} >= expected.keys(), "a leg is missing"
    for leg in legs:
        if leg["leg"] in expected:
            answered, ended = expected[leg["leg"]]
            assert ended is not None
            talk_s = ended - answered if answered is not None else 0.0
            assert leg["talk_s"] == pytest.approx(talk_s, abs=TOLERANCE_S)


@pytest.mark.parametrize("name", CAPTURES)
def test_payer_number_and_how_it_ended_come_out_right(name: str) -> None:
    expected = truth(name)
    legs = [leg for leg in replay(FOLDER / f"{name}.jsonl") if leg["leg"] in expected]
    said = [
        Said(leg["payer"], leg["dialled"], leg["state"], leg["cut_by"], leg["source"])
        for leg in legs
    ]
    assert said == CAPTURES[name]


@pytest.mark.parametrize("name", [*CAPTURES, *CRASHES])
def test_no_leg_is_invented(name: str) -> None:
    """Whatever the log of this scenario does not hold is an outbox row of a call before it."""
    expected = truth(name)
    path = FOLDER / f"{name}.jsonl"
    strangers = [leg for leg in replay(path) if leg["leg"] not in expected]
    heard = path.read_text()
    for leg in strangers:
        assert (leg["state"], leg["source"]) == ("recovered", "outbox")
        assert f"/rtbill/done/{leg['leg']}\\r\\n" in heard


@pytest.mark.parametrize("name", CRASHES)
def test_a_call_cut_off_by_a_crash_is_unconfirmed_and_not_longer_than_proven(name: str) -> None:
    [leg] = replay(FOLDER / f"{name}.jsonl")
    answered, ended = truth(name)[leg["leg"]]
    assert leg["state"] == "unconfirmed"
    assert leg["payer"] == "1001"
    assert answered is not None
    if ended is not None:
        assert 0 < leg["talk_s"] < ended - answered


def entries(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def up_to(rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The rows before the first one that holds the text."""
    at = next(number for number, row in enumerate(rows) if text in row["raw"])
    return rows[:at]


def test_a_call_still_up_at_the_end_of_the_file_is_live(tmp_path: Path) -> None:
    rows = up_to(entries("22/two_calls_one_ext"), "Event: HangupRequest")
    legs = replay(write(tmp_path / "cut.jsonl", rows))
    assert {leg["state"] for leg in legs} == {"live"}
    assert all(leg["ended_at"] is None for leg in legs)
    assert all(leg["talk_s"] > 0 for leg in legs)


def test_a_call_up_when_the_connection_closed_is_unconfirmed(tmp_path: Path) -> None:
    rows = up_to(entries("22/two_calls_one_ext"), "Event: HangupRequest")
    rows.append({"t": rows[-1]["t"] + 30, "dir": "close", "raw": ""})
    legs = replay(write(tmp_path / "cut.jsonl", rows))
    assert {leg["state"] for leg in legs} == {"unconfirmed"}
    assert all(leg["talk_s"] < 5 for leg in legs), "only up to the last byte heard"


def test_a_truncated_last_frame_is_no_error(tmp_path: Path) -> None:
    rows = entries("22/out_busy")
    last = next(row for row in reversed(rows) if row["dir"] == "rx")
    rows = [*rows[: rows.index(last)], {**last, "raw": last["raw"][:20]}]
    assert len(replay(write(tmp_path / "cut.jsonl", rows))) == 1


def test_pieces_of_any_size_give_the_same_calls(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for row in entries("22/bxfer_out_to_int"):
        raw = row["raw"]
        pieces = [raw[at : at + 7] for at in range(0, len(raw), 7)] if row["dir"] == "rx" else [raw]
        rows += [{**row, "raw": piece} for piece in pieces]
    assert replay(write(tmp_path / "pieces.jsonl", rows)) == replay(
        FOLDER / "22/bxfer_out_to_int.jsonl"
    )


def test_a_recording_that_began_in_mid_call_knows_the_call_by_its_stamp(tmp_path: Path) -> None:
    rows = entries("22/bxfer_out_to_int")
    answered = next(number for number, row in enumerate(rows) if "Event: BridgeEnter" in row["raw"])
    rows[answered]["raw"] = rows[answered]["raw"][100:]
    [leg] = replay(write(tmp_path / "late.jsonl", rows[answered:]))
    [whole] = replay(FOLDER / "22/bxfer_out_to_int.jsonl")
    assert leg["talk_s"] == pytest.approx(whole["talk_s"], abs=TOLERANCE_S)
    assert leg["payer"] == whole["payer"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("not json", "not a JSON object"),
        ("[1, 2]", 'needs "t"'),
        ('{"t": "noon", "dir": "rx", "raw": ""}', 'needs "t"'),
        ('{"t": 1, "dir": "sideways", "raw": ""}', 'needs "t"'),
        ('{"t": 1, "dir": "rx"}', 'needs "t"'),
        ('{"t": NaN, "dir": "rx", "raw": ""}', "damaged"),
        (
            '{"t": 1, "dir": "rx", "raw": "HTTP/1.1 400 Bad Request\\r\\n\\r\\nx: y\\r\\n\\r\\n"}',
            "not with Event or Response",
        ),
    ],
)
def test_a_bad_line_is_named_with_file_and_number(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = tmp_path / "bad.jsonl"
    note = '{"t": 1, "dir": "note", "raw": ""}\n{"t": 1, "dir": "tx", "raw": ""}\n'
    path.write_text(note + line + "\n")
    with pytest.raises(BadRecord) as caught:
        replay(path)
    assert "bad.jsonl, line 3" in str(caught.value)
    assert complaint.lower() in str(caught.value).lower()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match=r"nothing\.jsonl cannot be read"):
        replay(tmp_path / "nothing.jsonl")


def test_a_trunk_that_is_no_channel_name_is_refused() -> None:
    with pytest.raises(BadRecord, match="PJSIP/carrier-"):
        replay_asterisk(FOLDER / "22/out_busy.jsonl", ["carrier"], "lab")
