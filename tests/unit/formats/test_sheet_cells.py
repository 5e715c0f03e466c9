"""Prefixes, amounts, days and names of columns, cell by cell."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import BadRecord
from rtbill.formats.sheet_amounts import AmountReader, SheetNumber
from rtbill.formats.sheet_dates import form_of, read_date
from rtbill.formats.sheet_prefixes import prefixes
from rtbill.formats.sheet_words import PriceTerms, field_of, price_terms


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("49", ["49"]),
        ("+49 (151)", ["49151"]),
        ("49151,49152", ["49151", "49152"]),
        ("49151; 49152 / 49160|49170", ["49151", "49152", "49160", "49170"]),
        ("49151\n49152", ["49151", "49152"]),
        ("4930-4939", ["493"]),
        ("4930\u20134931", ["4930", "4931"]),
        ("49158-49162", ["49158", "49159", "49160", "49161", "49162"]),
        ("4900-4999", ["49"]),
        ("1684xxx", ["1684"]),
        ("^1684.*", ["1684"]),
    ],
)
def test_prefixes_are_read_however_they_are_written(cell: str, found: list[str]) -> None:
    assert prefixes(cell) == found


def test_a_wide_range_is_few_prefixes() -> None:
    assert prefixes("10000-29998") == [
        *("1", "20", "21", "22", "23", "24", "25", "26", "27", "28"),
        *("290", "291", "292", "293", "294", "295", "296", "297", "298"),
        *("2990", "2991", "2992", "2993", "2994", "2995", "2996", "2997", "2998"),
        *("29990", "29991", "29992", "29993", "29994", "29995", "29996", "29997", "29998"),
    ]


def test_digits_are_stripped_and_put_before() -> None:
    assert prefixes("0049", strip=["00"]) == ["49"]
    assert prefixes("0151, 0160", before="49", strip=["0"]) == ["49151", "49160"]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("", "prefix is empty"),
        (",", "prefix is empty"),
        ("49a", "'49a' is not 1 to 15 digits"),
        ("1234567890123456", "is not 1 to 15 digits"),
        ("4930-39", 'is no range: .* dash = "blank"'),
        ("4939-4930", "is no range"),
        ("1-2-3", "is not a range"),
    ],
)
def test_what_is_no_prefix_is_refused(cell: str, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        prefixes(cell)


@pytest.mark.parametrize(
    ("cell", "decimal", "divide_by", "text"),
    [
        ("0.0125", ".", 1, "0.0125"),
        (".5", ".", 1, "0.5"),
        ("1,234.50", ".", 1, "1234.5"),
        ("€ 0,0125", ",", 1, "0.0125"),
        ("USD 3", ".", 100, "0.03"),
        ("2137", ".", 10_000, "0.2137"),
        ("1", ".", 3, "0.333333"),
        ("0.0000005", ".", 1, "0.000001"),
        ("-0.5", ".", 1, "-0.5"),
        (SheetNumber("0.5"), ",", 1, "0.5"),
    ],
)
def test_amounts_are_exact_to_the_millionth(
    cell: str, decimal: str, divide_by: int, text: str
) -> None:
    assert AmountReader(decimal, divide_by).read(cell) == text


@pytest.mark.parametrize("cell", ["0,35", "1,234", "", "x", "1e3", "1.2.3", "½", "\u0661"])
def test_an_amount_that_may_be_something_else_is_refused(cell: str) -> None:
    with pytest.raises(BadRecord, match="is not an amount with decimal"):
        AmountReader(".").read(cell)


def test_days_are_of_the_form_that_fits_all_of_them() -> None:
    assert form_of(["2026-12-01", ""]) == ""
    assert form_of(["1.12.2026", "24.12.2026"]) == "%d.%m.%Y"
    assert str(read_date("24.12.2026", "%d.%m.%Y")) == "2026-12-24"
    with pytest.raises(BadRecord, match="no known form"):
        form_of(["soon"])
    with pytest.raises(BadRecord, match=r"'32\.12\.2026' is not a date of the form"):
        read_date("32.12.2026", "%d.%m.%Y")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Dial Code", "prefix"),
        ("DialPrefix", "prefix"),
        ("Ländervorwahl", None),
        ("Landesvorwahl", "country code"),
        ("Verbindungsziel", "destination"),
        ("Rate/min (USD)", "price"),
        ("Prix par minute", "price"),
        ("Prezzo al minuto", "price"),
        ("EUR/min", "price"),
        ("New rate", "price"),
        ("Old rate", None),
        ("Peak rate", None),
        ("Rate unit", None),
        ("RateIncrement", "next increment"),
        ("Connection fee", "connect fee"),
        ("Billing increment", "increments"),
        ("Gültig ab", "valid from"),
        ("Währung", "currency"),
        ("", None),
    ],
)
def test_columns_are_known_by_their_names(name: str, field: str | None) -> None:
    assert field_of(name) == field


def test_the_name_of_a_price_tells_unit_scale_and_currency() -> None:
    assert price_terms("Preis/Min. in ct") == PriceTerms(60, 100, "")
    assert price_terms("CHF/sec") == PriceTerms(1, 1, "CHF")
    assert price_terms("Rate") == PriceTerms(60, 1, "")
