"""Rows of Master.csv and of CDR tables, whatever columns and clock they have."""

from __future__ import annotations

import csv
import doctest
from datetime import datetime

import pytest

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.formats import asterisk_cdr
from rtbill.formats.asterisk_cdr import CdrReader, CdrRow, dialled_number, endpoint
from tests.fakes.builders import at

BASE = (
    '"1001","1001","95551234","from-phones","""Ext 1001"" <1001>","PJSIP/1001-00000000",'
    '"PJSIP/carrier-00000001","Dial","PJSIP/5551234@carrier,60,TK","2026-11-22 14:00:12",'
    '"2026-11-22 14:00:13","2026-11-22 14:00:15",3,2,"ANSWERED","DOCUMENTATION"'
)
"""A real row of Asterisk 22 with the columns that every Master.csv has."""
ID, FIELD, NEW = ',"1795356012.0"', ',"a note"', ',"1001","1795356012.0",7'


def row(line: str, zone: str = "UTC") -> CdrRow:
    [cells] = csv.reader([line])
    return CdrReader(zone).master_row(cells)


def test_the_examples_in_its_docstring_are_true() -> None:
    assert doctest.testmod(asterisk_cdr).failed == 0


@pytest.mark.parametrize(
    ("extra", "unique_id", "sequence"),
    [
        ("", "", 0),
        (ID, "1795356012.0", 0),
        (FIELD, "", 0),
        (ID + FIELD, "1795356012.0", 0),
        (NEW, "", 7),
        (ID + NEW, "1795356012.0", 7),
        (FIELD + NEW, "", 7),
        (ID + FIELD + NEW, "1795356012.0", 7),
        (',"berlin-1795356012.0"' + FIELD, "berlin-1795356012.0", 0),
    ],
)
def test_the_number_of_columns_tells_which_ones_there_are(
    extra: str, unique_id: str, sequence: int
) -> None:
    found = row(BASE + extra)
    assert (found.unique_id, found.sequence) == (unique_id, sequence)
    assert found.began_us == epoch_us(at("2026-11-22T14:00:12"))
    assert found.answered_us == epoch_us(at("2026-11-22T14:00:13"))
    assert found.ended_us == epoch_us(at("2026-11-22T14:00:15"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('"1001","1001"', "has 2 columns"),
        (BASE + ID + FIELD + NEW + ",1", "has 22 columns"),
        (BASE.replace("2026-11-22 14:00:12", "22.11.2026"), "'22.11.2026' is not a time"),
        (BASE.replace("2026-11-22 14:00:12", "2026-13-22 14:00:12"), "is not a time"),
        (BASE.replace("2026-11-22 14:00:12", "0001-01-01 00:00:00"), "the year is not within 1970"),
        (BASE.replace("2026-11-22 14:00:12", "9999-12-31 23:59:59"), "the year is not within 1970"),
        (BASE.replace("2026-11-22 14:00:13", "0001-01-01 00:00:00"), "'0001-01-01 00:00:00': the"),
        (BASE.replace("2026-11-22 14:00:15", "9999-12-31 23:59:59"), "'9999-12-31 23:59:59': the"),
        (BASE.replace(",3,2,", ",three,2,"), "duration 'three' is not a number of seconds"),
        (BASE.replace(",3,2,", ",3,-2,"), "billsec '-2'"),
        (BASE.replace(",3,2,", ",316224001,2,"), "duration '316224001' is longer than ten years"),
        (BASE.replace(",3,2,", f",3,{'9' * 5000},"), "is longer than ten years"),
    ],
)
def test_a_row_that_cannot_be_read_says_what_is_wrong(line: str, complaint: str) -> None:
    with pytest.raises(BadRecord, match=complaint):
        row(line)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
@pytest.mark.parametrize("year", [1970, 2099])
def test_a_row_may_be_of_any_year_that_has_telephones_like_ours(zone: str, year: int) -> None:
    found = row(BASE.replace("2026-11-22", f"{year}-12-31"), zone)
    assert abs(found.began_us - epoch_us(at(f"{year}-12-31T14:00:12"))) <= 14 * 3600 * 1_000_000


def test_a_row_may_last_ten_years() -> None:
    assert row(BASE.replace(",3,2,", ",316224000,316224000,")).talk_s == 316_224_000


def test_a_sequence_of_any_length_is_no_mistake() -> None:
    """It only orders rows that began together."""
    assert row(f'{BASE}{ID}{FIELD},"1001","1795356012.0",{"9" * 5000}').sequence == 0


def test_an_unanswered_row_has_no_answer() -> None:
    line = BASE.replace('"2026-11-22 14:00:13"', "").replace("ANSWERED", "NO ANSWER")
    found = row(line)
    assert (found.is_answered, found.answered_us) == (False, None)


def test_times_are_of_the_exchanges_zone() -> None:
    assert row(BASE, "Europe/Berlin").began_us == epoch_us(at("2026-11-22T13:00:12"))


def table_row(reader: CdrReader, **cells: str) -> CdrRow:
    values = {
        "calldate": "2026-11-22 14:00:12",
        "channel": "PJSIP/1001-00000000",
        "dstchannel": "PJSIP/carrier-00000001",
        "lastapp": "Dial",
        "lastdata": "PJSIP/5551234@carrier,300,T",
        "duration": "33",
        "billsec": "21",
        "disposition": "ANSWERED",
    }
    return reader.row(values | cells)


def test_a_table_without_answer_and_end_has_them_from_its_durations() -> None:
    found = table_row(CdrReader("UTC"))
    assert found.answered_us == epoch_us(at("2026-11-22T14:00:24"))
    assert found.ended_us == epoch_us(at("2026-11-22T14:00:45"))


def test_billsec_beyond_duration_does_not_answer_before_the_beginning() -> None:
    found = table_row(CdrReader("UTC"), duration="2", billsec="3")
    assert found.answered_us == found.began_us


BERLIN_0230_FIRST = at("2026-10-25T00:30:00")
BERLIN_0230_AGAIN = at("2026-10-25T01:30:00")


@pytest.mark.parametrize("instant", [BERLIN_0230_FIRST, BERLIN_0230_AGAIN])
def test_in_the_hour_that_comes_twice_the_calls_own_id_tells_which(instant: datetime) -> None:
    reader = CdrReader("Europe/Berlin")
    born_s = epoch_us(instant) // 1_000_000
    found = table_row(reader, calldate="2026-10-25 02:30:00", uniqueid=f"{born_s}.7")
    assert found.began_us == born_s * 1_000_000


def test_in_the_hour_that_comes_twice_the_row_before_tells_where_there_is_no_id() -> None:
    reader = CdrReader("Europe/Berlin")
    walls = ["01:55:00", "02:10:00", "02:50:00", "02:05:00", "02:40:00", "03:10:00"]
    found = [table_row(reader, calldate=f"2026-10-25 {wall}").began_us for wall in walls]
    assert found == sorted(found)
    assert [(each - found[0]) // 60_000_000 for each in found] == [0, 15, 55, 70, 105, 135]


def test_an_end_in_the_repeated_hour_lies_behind_its_beginning() -> None:
    line = (
        BASE.replace("2026-11-22 14:00:12", "2026-10-25 02:59:50")
        .replace("2026-11-22 14:00:13", "2026-10-25 02:59:55")
        .replace("2026-11-22 14:00:15", "2026-10-25 02:00:20")
        .replace(",3,2,", ",30,25,")
    )
    found = row(line + ',"1792889990.1"', "Europe/Berlin")
    assert found.answered_us is not None
    assert (found.ended_us - found.answered_us) // 1_000_000 == 25


def test_rows_in_another_zone_than_said_are_noticed_by_their_ids() -> None:
    reader = CdrReader("Europe/Berlin")
    [cells] = csv.reader([BASE + ID + FIELD])
    reader.master_row(cells)
    problem = reader.zone_problem()
    assert "-1.00 h" in problem
    assert "--cdr-zone" in problem
    assert CdrReader("UTC").zone_problem() == "", "no rows, no problem"


def test_rows_in_the_right_zone_have_no_problem_though_a_transfer_began_late() -> None:
    reader = CdrReader("UTC")
    for extra in (',"1795350000.0"', ID):
        [cells] = csv.reader([BASE + extra])
        reader.master_row(cells)
    assert reader.zone_problem() == ""


@pytest.mark.parametrize(
    ("arguments", "channel", "number"),
    [
        ("PJSIP/5551234@carrier,60,TK", "PJSIP/carrier-00000001", "5551234"),
        ("PJSIP/carrier/sip:5551234@192.0.2.1,60", "PJSIP/carrier-00000001", "5551234"),
        ("PJSIP/0041315550100@trunk-2,300,T", "PJSIP/trunk-2-00000001", "0041315550100"),
        ("SIP/carrier/5551234,60", "SIP/carrier-0000a1b2", "5551234"),
        ("SIP/5551234@192.0.2.1:5070,60", "SIP/192.0.2.1:5070-0000a1b2", "5551234"),
        ("IAX2/us:secret@carrier/5551234,60", "IAX2/carrier-1234", "5551234"),
        ("DAHDI/g0/5551234,60", "DAHDI/i1/5551234-3", "5551234"),
        ("DAHDI/5/5551234,60", "DAHDI/5-1", "5551234"),
        ("PJSIP/1003&PJSIP/5551234@carrier,20", "PJSIP/carrier-00000001", "5551234"),
        ("PJSIP/111@carrier&PJSIP/222@carrier,20", "PJSIP/carrier-00000001", None),
        ("PJSIP/5551234@other,20", "PJSIP/carrier-00000001", None),
        ("PJSIP/1001,20,tTkK", "PJSIP/carrier-00000041", None),
        ("PJSIP/5551234@car,20", "PJSIP/carrier-00000001", None),
        ("", "PJSIP/carrier-00000001", None),
    ],
)
def test_the_number_given_to_the_trunk_is_in_dials_arguments(
    arguments: str, channel: str, number: str | None
) -> None:
    assert dialled_number("Dial", arguments, channel) == number


def test_only_dial_gives_numbers() -> None:
    assert dialled_number("Queue", "PJSIP/5551234@carrier", "PJSIP/carrier-1") is None


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("PJSIP/1001-00000082", "1001"),
        ("SIP/1001-0000a1b2", "1001"),
        ("PJSIP/trunk-2-00000001", "trunk-2"),
        ("Local/95557777@from-phones-00000000;2", ""),
    ],
)
def test_the_endpoint_stands_in_the_channels_name(channel: str, name: str) -> None:
    assert endpoint(channel) == name
