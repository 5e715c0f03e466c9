"""Bills of carriers, read by their mappings, and mappings with mistakes."""

from __future__ import annotations

import doctest
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rtbill.domain.call import epoch_us
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.formats import itemised_bill
from rtbill.formats.bill_mapping import BillMapping, read_mapping
from rtbill.formats.itemised_bill import Bill, BilledCall
from tests.fakes.builders import at

EXAMPLE = Path(__file__).parents[3] / "examples" / "bill-mapping.toml"
HEADER = ["number", "start", "talk", "price", "line"]


def mapping(**fields: Any) -> BillMapping:
    values: dict[str, Any] = {
        "number": "number",
        "start": ("start",),
        "start_format": "%Y-%m-%d %H:%M:%S",
        "zone": "Europe/Berlin",
        "duration": "talk",
        "duration_form": "seconds",
        "price": "price",
        "currency": "EUR",
        "caller": "line",
    }
    return BillMapping(**(values | fields))


def read(
    how: BillMapping,
    number: str = "+41315550100",
    start: str = "2026-11-22 15:00:13",
    talk: str = "90",
    price: str = "0.0450",
    line: str = "+49301231001",
) -> BilledCall:
    call = Bill(how, HEADER).read([number, start, talk, price, line])
    assert call is not None
    return call


def test_the_example_in_its_docstring_is_true() -> None:
    assert doctest.testmod(itemised_bill).failed == 0


def test_a_row_is_read_by_names() -> None:
    call = read(mapping(extension_digits=4))
    assert call == BilledCall(
        "+41315550100", epoch_us(at("2026-11-22T14:00:13")), 90_000_000, 45_000, "1001"
    )


def test_a_row_is_read_by_numbers_where_there_is_no_header() -> None:
    how = mapping(header=False, number=1, start=(2, 3), duration=4, price=None, caller=None)
    call = Bill(how).read(["030123456", "2026-11-22", "15:00:13", "7"])
    assert call == BilledCall(
        "030123456", epoch_us(at("2026-11-22T14:00:13")), 7_000_000, None, None
    )


@pytest.mark.parametrize(
    ("form", "decimal", "text", "seconds"),
    [
        ("seconds", ".", "90", 90),
        ("seconds", ".", "1,090", 1090),
        ("seconds", ".", "90.5", 90.5),
        ("minutes", ".", "1.5", 90),
        ("minutes", ",", "1,5", 90),
        ("minutes", ",", "1.000,5", 60_030),
        ("minutes", ".", ".5", 30),
        ("hh:mm:ss", ".", "0:01:30", 90),
        ("hh:mm:ss", ".", "01:30", 90),
        ("hh:mm:ss", ".", "100:00:01", 360_001),
        ("hh:mm:ss", ".", "75:00", 4500),
    ],
)
def test_durations_come_in_three_forms(form: str, decimal: str, text: str, seconds: float) -> None:
    how = mapping(duration_form=form, duration_decimal=decimal)
    assert read(how, talk=text).talk_us == seconds * 1_000_000


@pytest.mark.parametrize(
    ("decimal", "text", "micros"),
    [
        (".", "0.0450", 45_000),
        (".", "1,234.50", 1_234_500_000),
        (",", "0,0450", 45_000),
        (",", "1.234,50", 1_234_500_000),
        (",", "0,0450 €", 45_000),
        (",", "EUR 0,0450", 45_000),
        (".", "-0.01", -10_000),
        (".", "-.01", -10_000),
        (".", "1'234.50", 1_234_500_000),
        (".", "", None),
    ],
)
def test_prices_are_read_with_either_decimal_mark(
    decimal: str, text: str, micros: int | None
) -> None:
    assert read(mapping(price_decimal=decimal), price=text).price_micros == micros


@pytest.mark.parametrize(
    ("prefix", "strip", "printed", "number"),
    [
        ("+", (), "41315550100", "+41315550100"),
        ("+", (), "+41 31 555 01 00", "+41315550100"),
        ("", (), "0041-31-555.01.00", "0041315550100"),
        ("+", ("00",), "0041315550100", "+41315550100"),
        ("", ("01033",), "01033030123456", "030123456"),
    ],
)
def test_numbers_are_brought_to_the_form_that_the_number_plan_reads(
    prefix: str, strip: tuple[str, ...], printed: str, number: str
) -> None:
    assert read(mapping(number_prefix=prefix, number_strip=strip), printed).number == number


def test_rows_that_are_no_calls_are_left_out() -> None:
    bill = Bill(mapping(leave_out=("line", ("fee",))), HEADER)
    assert bill.read(["", "", "", "9.99", "fee"]) is None
    assert bill.read(["", " ", "", "", ""]) is None
    assert bill.read([]) is None


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"number": "withheld!"}, "'withheld!' is not a telephone number"),
        ({"start": "22.11.2026"}, "is not a time of the form %Y-%m-%d %H:%M:%S"),
        ({"talk": "a while"}, "duration 'a while' is not a number"),
        ({"start": "0001-01-01 00:00:00"}, "'0001-01-01 00:00:00': the year is not within 1970"),
        ({"start": "9999-12-31 23:59:59"}, "'9999-12-31 23:59:59': the year is not within 1970"),
        ({"talk": "-5"}, "below zero"),
        ({"talk": "316224001"}, "duration '316224001' is longer than ten years"),
        ({"price": "free"}, "price 'free' is not a number"),
    ],
)
def test_a_row_that_cannot_be_read_says_what_is_wrong(
    cells: dict[str, str], complaint: str
) -> None:
    with pytest.raises(BadRecord, match=complaint):
        read(mapping(), **cells)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("87840:00:01", "duration '87840:00:01' is longer than ten years"),
        (f"{'9' * 5000}:00:01", "is not of the form hh:mm:ss"),
    ],
)
def test_a_clock_that_shows_more_than_ten_years_is_no_duration(text: str, complaint: str) -> None:
    with pytest.raises(BadRecord, match=complaint):
        read(mapping(duration_form="hh:mm:ss"), talk=text)


def test_a_time_with_its_own_zone_has_a_year_as_well() -> None:
    how = mapping(start_format="%Y-%m-%d %H:%M:%S %z")
    with pytest.raises(BadRecord, match="the year is not within 1970 to 2099"):
        read(how, start="0001-01-01 00:00:00 +0100")


def test_a_short_row_is_named() -> None:
    with pytest.raises(BadRecord, match="has 2 fields, the mapping wants field 4"):
        Bill(mapping(), HEADER).read(["030123456", "2026-11-22 15:00:13"])


def test_a_column_that_the_header_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(BadRecord, match=r"has no column 'Number'; its columns are number, start"):
        Bill(mapping(number="Number"), HEADER)


def test_in_the_hour_that_comes_twice_the_row_before_tells_which() -> None:
    bill = Bill(mapping(price=None, caller=None), HEADER)
    walls = ["01:58:00", "02:30:00", "02:55:00", "02:01:00", "03:05:00"]
    found = [bill.read(["030123456", f"2026-10-25 {wall}", "1"]) for wall in walls]
    instants = [call.began_us for call in found if call]
    assert [(each - instants[0]) // 60_000_000 for each in instants] == [0, 32, 57, 63, 127]


# ---------------------------------------------------------------------- mappings


def document(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "number": {"column": "To"},
        "start": {"columns": ["When"], "format": "%Y-%m-%d %H:%M:%S"},
        "duration": {"column": "Seconds"},
    }
    return values | changes


def test_the_example_mapping_is_whole() -> None:
    found = read_mapping(tomllib.loads(EXAMPLE.read_text()), "UTC")
    assert found.start == ("Date", "Time")
    assert found.leave_out == ("Type", ("Monthly fee", "Incoming"))
    assert found.price_decimal == ","


def test_a_small_mapping_takes_the_sites_zone() -> None:
    found = read_mapping(document(), "Europe/Berlin")
    assert (found.zone, found.duration_form, found.price) == ("Europe/Berlin", "seconds", None)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"number": {}}, "number.column: is missing"),
        ({"number": {"column": 0}}, "number.column: 0 is neither"),
        ({"number": "To"}, "number: is a table"),
        ({"start": {"columns": [], "format": "%c"}}, "start.columns: is a list of columns"),
        ({"start": {"columns": ["When"]}}, "start.format: is missing"),
        ({"start": {"columns": ["When"], "format": "%d.%m.%Y"}}, "lacks the year, the day or the"),
        ({"start": {"columns": ["When"], "format": "%H:%M:%S %Q"}}, "is no format of strptime"),
        ({"start": {"columns": ["When"], "format": "%d.%d.%Y"}}, "'%d.%d.%Y' is no format of"),
        ({"start": {"columns": ["When"], "format": "%c", "zone": "Berlin"}}, "start.zone: unknown"),
        ({"duration": {"column": "S", "form": "hours"}}, "duration.form: 'hours' is not 'seconds'"),
        ({"duration": {"column": "S", "increment_s": -1}}, "duration.increment_s: -1"),
        ({"price": {"column": "P"}}, "price.currency: is missing"),
        ({"price": {"column": "P", "currency": "EURO"}}, "price.currency: unknown currency"),
        ({"encoding": "utf-9"}, "encoding: unknown encoding"),
        ({"encoding": "hex"}, "encoding: 'hex' is not a text encoding"),
        ({"encoding": "rot13"}, "encoding: 'rot13' is not a text encoding"),
        ({"encoding": "base64"}, "encoding: 'base64' is not a text encoding"),
        ({"encoding": "idna"}, "encoding: 'idna' is not a text encoding"),
        ({"encoding": "undefined"}, "encoding: 'undefined' is not a text encoding"),
        ({"delimiter": ";;"}, "delimiter: ';;' is not one character"),
        ({"delimiter": "\n"}, r"delimiter: '\n' is not one character that may part cells"),
        ({"delimiter": '"'}, "delimiter: '\"' is not one character that may part cells"),
        ({"skip_rows": "two"}, "skip_rows: 'two' is not a whole number"),
        ({"header": "no"}, "header: is true or false"),
        ({"header": False}, "columns are named: 'To', 'When', 'Seconds'"),
        ({"leave_out": {"column": "T", "values": "x"}}, "leave_out.values: is a list of texts"),
        ({"colums": 1}, "colums: is no key here"),
        ({"caller": {"colum": "Line"}}, "caller.colum: is no key here"),
    ],
)
def test_a_mistake_in_a_mapping_is_named_by_its_place(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mapping(document(**changes), "UTC")
    assert problem in str(caught.value)


@pytest.mark.parametrize("name", ["utf-8", "UTF-16", "utf-16-le", "cp1252", "latin-1", "cp500"])
def test_encodings_of_text_are_taken(name: str) -> None:
    assert read_mapping(document(encoding=name), "UTC").encoding == name


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_mapping({"delimiter": "", "price": {"column": "P"}}, "UTC")
    places = [problem.partition(":")[0] for problem in caught.value.problems]
    assert {"delimiter", "price.currency", "number.column", "start.columns"} <= set(places)
