"""Tariff files: everything that is wrong, by line, or every rate."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.tariff import Rate, Terms, TimeBand
from rtbill.rating.band_columns import band_text, days_text, hours_text
from rtbill.rating.bands import BandTable
from rtbill.rating.lookup import RateTable
from rtbill.rating.tariff_file import diff, export, read_tariff
from tests.unit.rating.builders import a_band, a_rate, a_tariff
from tests.unit.rating.strategies import all_bands, all_terms

HEADER = "prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,days,hours"
EXAMPLE = Path(__file__).parents[3] / "examples" / "tariff-germany.csv"


def problems(*lines: str, header: str = HEADER) -> list[str]:
    read = read_tariff("\n".join((header, *lines)))
    assert read.problems == () or read.rates == ()
    return [str(problem) for problem in read.problems]


def rates(*lines: str, header: str = HEADER) -> tuple[Rate, ...]:
    read = read_tariff("\n".join((header, *lines)))
    assert read.problems == ()
    return read.rates


def a_span(days: frozenset[int], start: int, end: int) -> TimeBand:
    return TimeBand(days=days, start_minute=start, end_minute=end)


def bands(days: str, hours: str) -> list[TimeBand | None]:
    line = f'49,Germany,0,1,60,60,"{days}",{hours}'
    return [rate.band for rate in rates(line, "49,Germany,0,2,60,60,,")][:-1]


def test_a_line_is_a_rate() -> None:
    assert rates("+4175,Switzerland mobile,0.05,0.2490,60,1,,") == (
        Rate(
            prefix="4175",
            destination="Switzerland mobile",
            terms=Terms.per_minute(249_000, 60, 1, 50_000),
        ),
    )


def test_columns_may_stand_in_any_order_and_days_and_hours_be_absent() -> None:
    header = "Destination,prefix,price_per_minute,connect_fee,next_increment,first_increment"
    (rate,) = rates("Germany,49,0.02,0,1,60", header=header)
    assert (rate.prefix, rate.terms) == ("49", Terms.per_minute(20_000, 60, 1))


def test_a_spreadsheet_with_semicolons_decimal_commas_and_a_byte_order_mark_is_read() -> None:
    header = "\ufeff" + HEADER.replace(",", ";")
    (rate,) = rates('49;"Germany; fixed";0,05;0,0125;60;1;;\r\n', header=header + "\r")
    assert rate.destination == "Germany; fixed"
    assert rate.terms == Terms.per_minute(12_500, 60, 1, 50_000)


@pytest.mark.parametrize(
    ("days", "hours", "expected"),
    [
        ("mon-fri", "08:00-18:00", [a_span(frozenset(range(5)), 480, 1080)]),
        ("sat,sun", "", [a_span(frozenset({5, 6}), 0, 1440)]),
        ("fri-mon", "0:00-24:00", [a_span(frozenset({4, 5, 6, 0}), 0, 1440)]),
        ("", "18:30-00:00", [a_span(frozenset(range(7)), 1110, 1440)]),
        (
            "fri, SUN",
            "18:00-08:00",
            [a_span(frozenset({4, 6}), 1080, 1440), a_span(frozenset({5, 0}), 0, 480)],
        ),
    ],
)
def test_days_and_hours_make_bands(days: str, hours: str, expected: list[TimeBand]) -> None:
    assert bands(days, hours) == expected


def test_every_problem_is_reported_at_once_by_line() -> None:
    assert problems(
        "49,Germany,0,0.02,60,1,,",
        "4x,Nowhere,-1,abc,0,1.5,moon,8-18",
        "",
        "41,Switzerland,0,0.0000001,60,60,,",
        "41,,0,0.02,60,60,mon,25:00-26:00",
        "49,Germany again,0,0.03,60,1,,",
        "1,America,0",
    ) == [
        "line 3: connect_fee -1 is negative",
        "line 3: days 'moon': 'moon' is not a day or range; write mon-fri or sat,sun",
        "line 3: first_increment '0' is not a whole number of seconds from 1 to 86400",
        "line 3: hours '8-18' are not like 08:00-18:00",
        "line 3: next_increment '1.5' is not a whole number of seconds from 1 to 86400",
        "line 3: prefix '4x' is not 1 to 15 digits",
        "line 3: price_per_minute 'abc' is not an amount; write it like 12.50",
        "line 5: price_per_minute '0.0000001' is not a whole number of millionths of the "
        "currency unit",
        "line 6: destination is empty or holds control characters",
        "line 6: hours '25:00-26:00' are not like 08:00-18:00",
        "line 7: prefix 49 stands with the same days and hours in line 2",
        "line 8: has 3 fields, the header has 8",
    ]


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ("mon-fri,08:00-18:00", "fri,17:59-19:00", "overlap those of line 2"),
        ("mon-fri,22:00-06:00", "sat,05:00-06:00", "overlap those of line 2"),
        ("sun,22:00-06:00", "mon,00:00-01:00", "overlap those of line 2"),
        ("sat,", "sat,", "same days and hours in line 2"),
    ],
)
def test_lines_of_one_prefix_that_clash_are_both_named(first: str, second: str, text: str) -> None:
    found = problems(
        f"49,Germany,0,1,60,60,{first}",
        f"49,Germany,0,2,60,60,{second}",
        "49,Germany,0,3,60,60,,",
    )
    assert len(found) == 1
    assert found[0].startswith("line 3: prefix 49")
    assert text in found[0]


def test_every_line_inside_a_longer_band_is_named() -> None:
    found = problems(
        "49,Germany,0,1,60,60,,08:00-20:00",
        "49,Germany,0,2,60,60,,09:00-10:00",
        "49,Germany,0,2,60,60,,11:00-12:00",
        "49,Germany,0,3,60,60,,",
    )
    assert found == [
        "line 3: prefix 49: days and hours overlap those of line 2; give the one that goes first "
        "a priority",
        "line 4: prefix 49: days and hours overlap those of line 2; give the one that goes first "
        "a priority",
    ]


def test_a_prefix_whose_bands_leave_a_time_without_a_rate_is_refused() -> None:
    assert problems("49,Germany,0,1,60,60,mon-fri,08:00-18:00") == [
        "line 2: prefix 49 has no rate outside its days and hours; add a line without them"
    ]
    assert problems("49,Germany,0,1,60,60,,08:00-18:00", "49,Germany,0,1,60,60,,18:00-08:00") == []


def test_the_same_band_of_different_prefixes_does_not_clash() -> None:
    assert len(rates("49,Germany,0,1,60,60,,", "491,Germany,0,1,60,60,,")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the file is empty"),
        ("\ufeff \n\n", "line 1: the file is empty"),
        (";;\n;;", "line 1: the file is empty"),
        (HEADER, "line 1: there are no rows below the header"),
        ("prefix,destination\n49,x", "line 1: column 'connect_fee' is missing"),
        (HEADER + ",price\n", "line 1: unknown column 'price'"),
        (HEADER + ",days\n", "line 1: column 'days' stands twice"),
        (HEADER + '\n49,"Germany,0,1,60,60,,\n', "line 2: cannot be read any further"),
        ("\x00\x01\x02", "line 1: column 'prefix' is missing"),
    ],
)
def test_a_file_that_is_no_tariff_is_refused_with_the_reason(text: str, expected: str) -> None:
    read = read_tariff(text)
    assert read.rates == ()
    assert any(str(problem).startswith(expected) for problem in read.problems), read.problems


@pytest.mark.parametrize("cell", ["1e3", "NaN", "1,5", "1_0", "1000000.01", "-0.01", ""])
def test_a_price_that_is_no_plain_amount_is_refused(cell: str) -> None:
    assert len(problems(f'49,Germany,0,"{cell}",60,60,,')) == 1


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    for whole in (text, HEADER + "\n" + text, HEADER + "\n49,x,0,1,60,60," + text):
        read = read_tariff(whole)
        assert bool(read.rates) != bool(read.problems)


@st.composite
def rate_lists(draw: st.DrawFn) -> tuple[Rate, ...]:
    prefixes = draw(
        st.lists(st.from_regex(r"[0-9]{1,15}", fullmatch=True), unique=True, min_size=1, max_size=5)
    )
    return tuple(
        Rate(
            prefix=prefix,
            destination=draw(st.sampled_from(["Germany", 'A "quoted", one', "Z\u00fcrich; x"])),
            terms=draw(all_terms()),
            band=band,
        )
        for prefix in prefixes
        for band in [None, draw(all_bands())]
    )


@given(rate_lists())
def test_an_exported_tariff_reads_back_as_the_same_rates(original: tuple[Rate, ...]) -> None:
    read = read_tariff(export(original))
    assert read.problems == ()
    assert read.rates == original


def test_bands_are_written_as_people_write_them() -> None:
    band = a_span(frozenset({0, 1, 2, 4, 5}), 480, 1440)
    assert (days_text(band), hours_text(band)) == ("mon-wed,fri,sat", "08:00-24:00")
    assert band_text(band) == "mon-wed,fri,sat 08:00-24:00"
    assert band_text(None) == ""


def test_a_difference_names_what_is_new_changed_and_gone() -> None:
    kept, dear, cheap = a_rate(prefix="1"), a_rate(per_minute="2"), a_rate(per_minute="1")
    evening, gone = a_rate(band=a_band("18-24")), a_rate(prefix="7")
    found = diff([kept, dear, gone], [kept, cheap, evening])
    assert found.new == (evening,)
    assert found.changed == ((dear, cheap),)
    assert found.ended == (gone,)


def test_a_difference_of_equal_lists_is_empty() -> None:
    found = diff([a_rate()], [a_rate()])
    assert (found.new, found.changed, found.ended) == ((), (), ())


def test_the_example_tariff_can_be_used_as_it_is() -> None:
    read = read_tariff(EXAMPLE.read_text(encoding="utf-8"))
    assert read.problems == ()
    assert len({rate.prefix for rate in read.rates}) >= 40
    table = RateTable(a_tariff(*read.rates, zone="Europe/Berlin"))
    assert isinstance(table.find("+4917112345"), BandTable)
    assert isinstance(table.find("+12125550100"), Rate)
