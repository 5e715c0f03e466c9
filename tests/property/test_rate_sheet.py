"""What a sheet says comes out, however it writes it: prefixes, amounts, the mapping's own words."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.money import decimal_text
from rtbill.domain.tariff import Rate, Terms
from rtbill.formats.rate_sheet import read_rate_sheet
from rtbill.formats.sheet_detection import detected, mapping_text
from rtbill.formats.sheet_draft import draft_of
from rtbill.formats.sheet_mapping import read_sheet_mapping
from rtbill.formats.sheet_prefixes import prefixes
from rtbill.formats.sheet_text import read_rows
from rtbill.formats.xlsx_sheet import read_workbook
from rtbill.rating.tariff_file import read_tariff
from tests.fakes.workbook import a_workbook

names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=12)
amounts = st.integers(0, 999_999_999)
rates = st.builds(
    lambda prefix, name, price, fee, first, following: Rate(
        prefix=prefix,
        destination=name,
        terms=Terms.per_minute(price, first, following, fee),
    ),
    st.from_regex(r"[0-9]{1,15}", fullmatch=True),
    names.map(lambda name: f"{name} Land"),
    amounts,
    amounts,
    st.integers(1, 86_400),
    st.integers(1, 86_400),
)
lists = st.lists(rates, min_size=1, max_size=8, unique_by=lambda rate: rate.prefix)
HEADER = ["Vorwahl", "Ziel", "Preis/Min.", "Verbindungsentgelt", "Taktung"]


def cells(rate: Rate, mark: str) -> list[str]:
    """The row of a sheet."""
    step = rate.terms.steps[0]
    amounts = (step.price_micros, rate.terms.connect_fee_micros)
    price, fee = (decimal_text(micros).replace(".", mark) for micros in amounts)
    increments = f"{rate.terms.first_increment_s}/{step.increment_s}"
    return [f"+{rate.prefix}", rate.destination, price, fee, increments]


def text_of(rows: list[list[str]]) -> bytes:
    return "".join(
        ";".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows
    ).encode("utf-8-sig")


@given(lists)
def test_a_sheet_comes_out_as_the_rates_that_went_in(written: list[Rate]) -> None:
    rows = read_rows(text_of([HEADER, *(cells(rate, ",") for rate in written)]))
    draft = draft_of(rows.rows)
    sheet = read_rate_sheet(rows.rows, detected(draft))
    assert read_tariff(sheet.text, (), sheet.lines).rates == tuple(written)

    form = {"encoding": rows.encoding, "delimiter": rows.delimiter}
    declared = read_sheet_mapping(tomllib.loads(mapping_text(draft, form)), ())
    assert read_rate_sheet(rows.rows, declared).text == sheet.text


@given(lists)
def test_a_workbook_comes_out_as_the_rates_that_went_in(written: list[Rate]) -> None:
    rows, _ = read_workbook(
        a_workbook({"Rates": [HEADER, *(workbook_cells(rate) for rate in written)]})
    )
    sheet = read_rate_sheet(rows, detected(draft_of(rows)))
    assert read_tariff(sheet.text, (), sheet.lines).rates == tuple(written)


def workbook_cells(rate: Rate) -> list[str | float | None]:
    """The row of a workbook: amounts are binary floats there."""
    prefix, name, price, fee, increments = cells(rate, ".")
    return [prefix, name, float(price), float(fee), increments]


@given(
    st.integers(1, 6).flatmap(
        lambda width: st.tuples(st.just(width), *[st.integers(0, 10**width - 1)] * 2)
    )
)
def test_a_range_has_the_numbers_between_its_ends_and_no_other(
    drawn: tuple[int, int, int],
) -> None:
    width, first, last = drawn
    first, last = sorted((first, last))
    found = prefixes(f"{first:0{width}}-{last:0{width}}")
    numbers = [
        number
        for prefix in found
        for number in range(int(prefix.ljust(width, "0")), int(prefix.ljust(width, "9")) + 1)
    ]
    assert numbers == list(range(first, last + 1))
