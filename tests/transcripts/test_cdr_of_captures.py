"""Real Master.csv rows joined into trunk legs, and set against what AMI told of the same calls.

The tables are written by hand from the scenarios' descriptions and the exchange's event log.
"""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from rtbill.app.replay import replay_asterisk
from rtbill.app.their_calls import CdrFiles
from rtbill.comparison.trunk_legs import LegJoiner, Site
from rtbill.comparison.values import SECOND_US, TheirCall
from rtbill.domain.call import CallId, CallRecord, Outcome, Source
from rtbill.formats.asterisk_cdr import CdrReader
from tests.transcripts.test_asterisk_captures import FOLDER, TRUNK
from tests.unit.app.hall import PBX, Hall


class Leg(NamedTuple):
    """One trunk leg: who pays, the number, seconds of talk by the exchange's event log."""

    payer: str | None
    number: str | None
    talk_s: float | None
    """None: not answered."""
    is_answer_certain: bool = True


OUT = Leg("1001", "5551234", 2.1)
UNANSWERED = Leg("1001", "5551234", None)
LEGS: dict[str, list[Leg]] = {
    "22/out_answered": [OUT],
    "22/out_answered_carrier_bye": [OUT],
    "22/out_early_media": [Leg("1001", "5551234", 1.0)],
    "22/out_noanswer": [UNANSWERED],
    "22/out_busy": [UNANSWERED],
    "22/out_cancel": [UNANSWERED],
    "22/out_congestion": [UNANSWERED],
    "22/out_unallocated": [UNANSWERED],
    "22/int_answered": [],
    "22/in_answered": [],
    "22/in_voicemail_noanswer": [],
    "22/lock_in_voicemail": [],
    "22/pickup": [],
    "22/queue_in": [],
    "22/ringgroup_in": [],
    "22/lock_out_refused": [Leg("1001", "112", 0.51)],
    "22/lock_mid_call_hangup": [Leg("1001", "5551234", 1.02)],
    "22/cut_absolute_timeout": [Leg("1001", "5551234", 2.51)],
    "22/cut_absolute_timeout_on_carrier_leg": [Leg("1001", "5551234", 2.51)],
    "22/cut_setvar_timeout": [Leg("1001", "5551234", 5.52)],
    "22/cut_dial_L": [Leg("1001", "5551234", 2.0)],
    "22/cut_dial_L_then_prolong": [Leg("1001", "5551234", 2.01)],
    "22/hold": [Leg("1001", "5551234", 3.51)],
    "22/two_calls_one_ext": [Leg("1001", "5551111", 2.73), Leg("1001", "5552222", 2.01)],
    # Transfers: several rows, one leg, one payer.
    "22/bxfer_out_to_int": [Leg("1001", "5551234", 4.51)],
    "22/atxfer_out_to_int": [Leg("1001", "5551234", 5.82)],
    "22/atxfer_in_to_out": [Leg("1001", "5557777", 3.52)],
    # The caller was connected before: ringing is counted as talk.
    "22/atxfer_ringing": [Leg("1001", "5557777", 2.51, is_answer_certain=False)],
    "22/bxfer_in_to_out": [Leg("1001", "5557777", 3.0, is_answer_certain=False)],
    "22/bxfer_locked": [],
    # Forwards: the Local channel's own answered row is not a second leg.
    "22/fwd_302_in_to_out": [Leg("1001", "5557777", 2.02)],
    "22/fwd_302_locked": [],
    # Dialled by an order over AMI: no row names number or payer.
    "22/conference": [Leg(None, None, 3.5, is_answer_certain=False)],
    "22/ami_gap_outbox": [Leg("1001", "5551111", 1.01), Leg("1003", "5553333", 1.72)],
    "22/core_restart_midcall": [Leg("1001", "5551111", 1.01)],
    "22/kill9_midcall": [],
    "16/out_answered": [OUT],
    "16/out_noanswer": [UNANSWERED],
    "16/out_busy": [UNANSWERED],
    "16/out_cancel": [UNANSWERED],
    "16/in_voicemail_noanswer": [],
    "16/lock_in_voicemail": [],
    "16/pickup": [],
    "16/queue_in": [],
    "16/lock_out_refused": [Leg("1001", "112", 0.51)],
    "16/lock_mid_call_hangup": [Leg("1001", "5551234", 1.01)],
    "16/cut_absolute_timeout": [Leg("1001", "5551234", 2.51)],
    "16/cut_dial_L": [Leg("1001", "5551234", 2.01)],
    "16/hold": [Leg("1001", "5551234", 3.51)],
    "16/bxfer_out_to_int": [Leg("1001", "5551234", 4.51)],
    "16/bxfer_in_to_out": [Leg("1001", "5557777", 2.99, is_answer_certain=False)],
    "16/atxfer_out_to_int": [Leg("1001", "5551234", 5.82)],
    "16/fwd_302_in_to_out": [Leg("1001", "5557777", 2.01)],
    "16/ami_gap_outbox": [Leg("1001", "5551111", 1.01), Leg("1003", "5553333", 1.77)],
    "16/core_restart_midcall": [Leg("1001", "5551111", 1.02)],
}
FINDINGS: dict[str, list[str]] = {
    # The exchange was killed: it wrote nothing, and we hold the call in doubt.
    "22/kill9_midcall": ["extra room-1"],
    # It went down in an orderly way: its row tells how long the call was that we hold in doubt.
    "22/core_restart_midcall": ["unbilled room-1"],
}
"""Nothing for every other scenario that has a recording of AMI."""
RECORDED = sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.jsonl"))
SITE = Site(
    trunks={TRUNK.removesuffix("*"): "carrier"},
    is_extension=lambda name: len(name) == 4 and name.startswith("10"),
    read_number=lambda digits: digits,
)


def joined(name: str) -> list[TheirCall]:
    reader, joiner = CdrReader("UTC"), LegJoiner(SITE)
    legs: list[TheirCall] = []
    with (FOLDER / f"{name}.cdr.csv").open(newline="") as file:
        for cells in csv.reader(file):
            legs += joiner.feed(reader.master_row(cells))
    assert reader.zone_problem() == ""
    return sorted([*legs, *joiner.close()], key=lambda leg: leg.number or "")


def test_every_capture_of_rows_has_its_line_in_the_table() -> None:
    there = {f"{path.parent.name}/{path.name}" for path in FOLDER.glob("*/*.cdr.csv")}
    assert there == {f"{name}.cdr.csv" for name in LEGS}


@pytest.mark.parametrize("name", LEGS)
def test_rows_become_the_legs_that_there_were(name: str) -> None:
    found = joined(name)
    assert [(leg.payer, leg.number, leg.is_answer_certain) for leg in found] == [
        (leg.payer, leg.number, leg.is_answer_certain) for leg in LEGS[name]
    ]
    for leg, truth in zip(found, LEGS[name], strict=True):
        assert leg.is_answered is (truth.talk_s is not None)
        apart_s = 1.0 if truth.is_answer_certain else 2.0  # rounding; and a second of ringing
        assert leg.talk_us / SECOND_US == pytest.approx(truth.talk_s or 0, abs=apart_s)


def heard(name: str) -> list[CallRecord]:
    """The calls that live billing would have handed over."""
    records = []
    for leg in replay_asterisk(FOLDER / f"{name}.jsonl", [TRUNK], PBX):
        answered, ended = leg["answered_at"], leg["ended_at"]
        records.append(
            CallRecord(
                id=CallId(PBX, str(leg["leg"])),
                payer=str(leg["payer"]) if leg["payer"] else None,
                dialled=str(leg["dialled"]),
                trunk="carrier",
                answered_at=datetime.fromisoformat(str(answered)) if answered else None,
                ended_at=datetime.fromisoformat(str(ended)),
                cause=None,
                outcome=Outcome(str(leg["state"])),
                source=Source(str(leg["source"])),
            )
        )
    return records


@pytest.mark.parametrize("name", RECORDED)
async def test_live_billing_and_the_exchanges_own_rows_agree(name: str, tmp_path: Path) -> None:
    hall = await Hall(tmp_path).open()
    for record in heard(name):
        await hall.bill(record)
    rows = CdrFiles(paths=[FOLDER / f"{name}.cdr.csv"], zone="UTC")
    done = await hall.compare(rows)
    assert [f"{one.kind} {one.account}" for one in done.comparison.findings] == FINDINGS.get(
        name, []
    )
    answered = sum(leg.talk_s is not None for leg in LEGS[name])
    assert done.comparison.matched.calls == answered
    assert (done.comparison.unclear, done.problems) == ([], [])
