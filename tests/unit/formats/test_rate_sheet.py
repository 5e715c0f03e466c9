"""Rate sheets of others, read by mappings that are declared or detected.

The samples show the shape of real sheets, with a few lines of each: the price list of a call
manager's billing add-on (github.com/comdif/CUCM-CDR-PHP-BILLING, no header, amounts in
ten-thousandths), an Italian provider's list by names (github.com/interconn-isp/interconn.it),
CGRateS's tables (github.com/cgrates/cgrates, data/tariffplans) and columns as ASTPP and A2Billing
name them. What the lines mean is written out by hand.
"""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.formats.rate_sheet import RateSheet, read_rate_sheet
from rtbill.formats.sheet_detection import detected, mapping_text, read_as
from rtbill.formats.sheet_draft import draft_of
from rtbill.formats.sheet_mapping import SheetMapping, Source, read_sheet_mapping
from rtbill.formats.sheet_text import read_rows

COMDIF = """\
9375;Afghanistan - Mobile - AT;TESTAST;0;0;2137;2778
9370;Afghanistan - Mobile - AWCC;TESTAST;0;0;1944;2527
263953;Zimbabwe - Premium Services;TESTAST;0;0;3550;4615
"""
INTERCONN = """\
traffic_direction,rate,time_slot
841 841 Telecom Italia,0.00000000,flat
Afghanistan,0.31135104,flat
"Afghanistan, AWCC mobile",0.28014336,flat
"""
GERMAN = """\
Preisliste 2026;;;
;;;
Vorwahl;Ziel;Preis/Min. (EUR);Taktung
+49;Deutschland;0,0190;60/1
+49 151, +49 160;Deutschland Mobil;0,0890;60/1
41;Schweiz;1.234,5;1/1
"""
ASTPP = "pattern,comment,connectcost,cost,inc\n^1684.*,American Samoa,0.01,0.25,6\n"
A2BILLING = """\
dialprefix,destination,rateinitial,initblock,billingblock,connectcharge
1684,American Samoa,0.25,30,6,0
"""
HEADER = "prefix,destination,connect_fee,price_per_minute,first_increment,next_increment"


def read(text: str, increments: str = "", **options: Any) -> RateSheet:
    """A sheet whose columns are detected."""
    rows = read_rows(text.encode()).rows
    return read_rate_sheet(rows, detected(draft_of(rows), increments), **options)


def lines(sheet: RateSheet) -> list[str]:
    """The rates as our own files have them; there must be no problems."""
    assert sheet.problems == ()
    return sheet.text.splitlines()[1:]


def test_a_german_sheet_with_a_title_and_decimal_commas_is_read_by_its_names() -> None:
    sheet = read(GERMAN)
    assert sheet.text.startswith(HEADER + "\n")
    assert lines(sheet) == [
        "49,Deutschland,0,0.019,60,1",
        "49151,Deutschland Mobil,0,0.089,60,1",
        "49160,Deutschland Mobil,0,0.089,60,1",
        "41,Schweiz,0,1234.5,1,1",
    ]
    assert sheet.lines == (4, 5, 5, 6)
    assert sheet.currency == "EUR"


def test_a_sheet_without_a_header_names_what_may_be_meant_and_the_remedy() -> None:
    with pytest.raises(BadRecord) as refused:
        read(COMDIF, "60/1")
    assert str(refused.value) == (
        "the columns are not clear: no line names them; price may be column 6 or 7; declare them "
        "in a mapping: --show-mapping prints one to start from, --mapping reads it"
    )


def test_a_sheet_without_a_header_is_read_by_numbers() -> None:
    mapping = read_sheet_mapping(
        {
            "delimiter": ";",
            "header": False,
            "prefix": {"column": 1},
            "destination": {"columns": [2]},
            "price": {"column": 7, "divide_by": 10_000},
            "increments": {"value": "60/60"},
        },
        (),
    )
    sheet = read_rate_sheet(read_rows(COMDIF.encode()).rows, mapping)
    assert lines(sheet) == [
        "9375,Afghanistan - Mobile - AT,0,0.2778,60,60",
        "9370,Afghanistan - Mobile - AWCC,0,0.2527,60,60",
        "263953,Zimbabwe - Premium Services,0,0.4615,60,60",
    ]


def test_a_sheet_of_names_needs_a_list_of_prefixes() -> None:
    with pytest.raises(BadRecord, match=r'no column of prefixes.*1 "traffic_direction", 2 "rate"'):
        read(INTERCONN, "1/1")
    mapping = SheetMapping(
        prefix=None,
        destinations="list.csv",
        destination=("traffic_direction",),
        price="rate",
        increments=Source(None, "1/1"),
        leave_out=("rate", ("0.00000000",)),
    )
    prefixes = {"afghanistan": ["93"], "afghanistan, awcc mobile": ["9370", "9371"]}
    sheet = read_rate_sheet(read_rows(INTERCONN.encode()).rows, mapping, lists=prefixes)
    assert lines(sheet) == [
        "93,Afghanistan,0,0.311351,1,1",
        '9370,"Afghanistan, AWCC mobile",0,0.280143,1,1',
        '9371,"Afghanistan, AWCC mobile",0,0.280143,1,1',
    ]
    assert sheet.notes == (
        "1 rows are left out, as the mapping says",
        "2 amounts are finer than a millionth and were rounded to the nearest, halves up",
    )
    lacking = read_rate_sheet(read_rows(INTERCONN.encode()).rows, mapping, lists={})
    assert [str(each) for each in lacking.problems] == [
        "line 3: destination 'Afghanistan' is not in the list of destinations",
        "line 4: destination 'Afghanistan, AWCC mobile' is not in the list of destinations",
    ]


def test_columns_of_other_billing_programs_are_known() -> None:
    assert lines(read(A2BILLING)) == ["1684,American Samoa,0,0.25,30,6"]
    assert lines(read(ASTPP, "6/6")) == ["1684,American Samoa,0.01,0.25,6,6"]
    with pytest.raises(BadRecord, match="only one of first and next increment"):
        read(ASTPP)


def test_tables_that_belong_together_are_no_sheet() -> None:
    rates = "#Id,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart\nRT,0.2,0.1,60s,60s,0s\n"
    with pytest.raises(BadRecord, match=r"no column of prefixes.*no column of destinations"):
        read(rates)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Code,Destination,Buy rate,Sell rate,Increment\n1,a,1,2,1\n", '3 "Buy rate" or 4 "Sell r'),
        ("Code,Destination,Rate\n1,a,1\n", r"no column of increments \(--increments 60/1 says"),
        ("Code,Rate,Increment\n1,1,1\n", "no column of destinations"),
        ("Code;Ziel;Preis;Takt\n1;a;0,5;1\n2;b;0.5;1\n", "some prices have a decimal point, some"),
        (
            "Code,Destination,Rate,Increment\n1-684,a,1,1\n",
            "as in 1-684 is no range of prefixes; d",
        ),
        (
            "Code,Destination,Rate,Increment,Effective date\n1,a,1,1,01/02/2026\n",
            "may be %d/%m/%Y or %m/%d/%Y",
        ),
        (
            "Country code,Code,Destination,Rate,Increment\n44,4420,a,1,1\n44,33,b,1,1\n",
            "some prefixes of column 2 .* begin with the country code of column 1 .*, some do not",
        ),
    ],
)
def test_what_is_not_clear_is_asked_for_with_its_columns(text: str, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        read(text)


def test_a_country_code_is_put_before_prefixes_that_lack_it() -> None:
    sheet = read(
        "Country code,Area code,Destination,Rate,Increment\n44,20,London,1,1\n44,,UK,1,1\n"
    )
    assert lines(sheet) == ["4420,London,0,1,1,1", "44,UK,0,1,1,1"]
    sheet = read("Country code,Code,Destination,Rate,Increment\n44,4420,London,1,1\n")
    assert lines(sheet) == ["4420,London,0,1,1,1"]


def test_a_price_a_second_keeps_its_unit() -> None:
    sheet = read("Code,Destination,Price per second (US cents),Increment\n881,Satellite,2.5,1\n")
    assert sheet.text.splitlines() == [f"{HEADER},unit", "881,Satellite,0,0.025,1,1,1"]


def test_rows_that_hold_later_are_left_out_and_told() -> None:
    text = (
        "Code,Destination,Rate,Increment,Effective date\n"
        "1,USA,0.01,1,2026-01-01\n1,USA,0.02,1,2026-11-01\n44,UK,0.03,1,2026-12-24\n"
    )
    sheet = read(text, today=date(2026, 11, 27))
    assert lines(sheet) == ["1,USA,0,0.02,1,1"]
    assert sheet.notes == (
        "1 rates begin to hold on 2026-12-24 and are left out; import the sheet again with "
        "--from 2026-12-24",
        "1 rates are left out because a newer one of their prefix holds",
    )
    later = read(text, today=date(2026, 11, 27), wanted=date(2026, 12, 24))
    assert lines(later) == ["1,USA,0,0.02,1,1", "44,UK,0,0.03,1,1"]


def test_a_sheet_that_holds_from_one_day_to_come_says_so() -> None:
    text = "Code,Destination,Rate,Increment,Effective date\n1,USA,0.01,1,01.12.2026\n"
    assert read(text, today=date(2026, 11, 27)).valid_from == date(2026, 12, 1)
    assert read(text, today=date(2026, 12, 27)).valid_from is None


def test_lines_that_say_the_same_count_once() -> None:
    sheet = read("Code,Destination,Rate,Increment\n1,USA,0.01,1\n44,UK,1,1\n1,USA,0.010,1/1\n")
    assert lines(sheet) == ["1,USA,0,0.01,1,1", "44,UK,0,1,1,1"]
    assert sheet.notes == ("1 rates say what another line says, and count once: lines 4",)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x1,a,1,1,EUR", "prefix 'x1' is not 1 to 15 digits, nor a list or range of them"),
        ("4915.0,a,1,1,EUR", "prefix '4915.0' is not 1 to 15 digits, nor a list or range of them"),
        ("1,a,,1,EUR", "price is empty"),
        ("1,a,free,1,EUR", "price 'free' is not an amount with decimal '.'"),
        ("1,a,1,1", "has 4 fields, the mapping wants field 5"),
        ("1,a,1,1/2/3,EUR", "increments '1/2/3' are not like 60/1"),
    ],
)
def test_what_cannot_be_turned_into_a_cell_of_ours_is_named_by_its_line(
    row: str, problem: str
) -> None:
    sheet = read(f"Code,Destination,Rate,Increment,Currency\n7,ok,1,1,EUR\n{row}\n")
    (found,) = sheet.problems
    assert found.line == 3
    assert found.text.startswith(problem)


def test_a_sheet_in_two_currencies_is_refused_with_both_lines() -> None:
    with pytest.raises(BadRecord, match="line 2 is in EUR, line 3 in USD"):
        read("Code,Destination,Rate,Increment,Currency\n1,a,1,1,eur\n2,b,1,1,USD\n")


def test_how_a_sheet_was_read_is_said() -> None:
    rows = read_rows(GERMAN.replace("Taktung", "Taktung;Bemerkung").encode()).rows
    mapping = detected(draft_of(rows))
    assert read_as(mapping, rows[2]) == [
        'prefix from column 1 "Vorwahl"',
        'price from column 3 "Preis/Min. (EUR)"',
        'increments from column 4 "Taktung"',
        'destination from column 2 "Ziel"',
        "prices are for a minute, decimal ','",
        "connect fee 0 for all",
        "currency EUR for all",
        'not read: column 5 "Bemerkung"',
    ]


@pytest.mark.parametrize("text", [GERMAN, A2BILLING])
def test_the_mapping_that_is_shown_reads_the_sheet_as_it_was_detected(text: str) -> None:
    rows = read_rows(text.encode())
    form = {"encoding": rows.encoding, "delimiter": rows.delimiter}
    shown = mapping_text(draft_of(rows.rows), form)
    declared = read_sheet_mapping(tomllib.loads(shown), ())
    assert lines(read_rate_sheet(rows.rows, declared)) == lines(read(text))


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter"),
    [
        (b"\xef\xbb\xbfa;b\n1;2\n", "utf-8-sig", ";"),
        ("a\tb\n1,5\t2\n".encode("utf-16"), "utf-16", "\t"),
        ("Türkei,a\nx,y\n".encode("cp1252"), "cp1252", ","),
        (b"a|b|c\n1|2|3\n", "utf-8", "|"),
        (b"a;b;c\n0,5;0,5;0,5\n0,5;1;1\n", "utf-8", ";"),
    ],
)
def test_encoding_and_delimiter_are_found(content: bytes, encoding: str, delimiter: str) -> None:
    read = read_rows(content)
    assert (read.encoding, read.delimiter) == (encoding, delimiter)


def test_a_line_end_inside_a_cell_does_not_move_the_lines_below_it() -> None:
    text = 'Code,Destination,Rate,Increment\n1,"a\nb",1,1\n2,c,1,1\nx,d,1,1\n'
    assert [each.line for each in read(text).problems] == [5]
